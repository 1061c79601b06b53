//! Landlock: which files can be written and read, which ports and Unix sockets can be connected to. Nothing can be bound.
//!
//! What an older kernel does not know is left out by the library and told here. The kernel's own reports about refused
//! accesses (audit, Linux 6.15) are switched off where they can be: they name files and ports.

use std::fs;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

use super::{Plan, Unenforced};
use crate::policy::sandbox::Socket;

/// What this file was written for. Newer kernels do what this one does.
const KNOWN: ABI = ABI::V10;

pub(super) fn restrict(plan: &Plan) -> Vec<Unenforced> {
    // With a second thread the rules would bind one half of the process.
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    // Where no such socket can be made, there is nothing to tell apart.
    let unix = plan.sockets.contains(&Socket::UnixStream) || plan.sockets.contains(&Socket::UnixDatagram);
    let newer = [(unix, ABI::V9, Unenforced::Unix), (has_datagrams(plan), ABI::V10, Unenforced::Datagrams)];
    let newer = newer.into_iter().filter(|(needed, ..)| *needed).map(|(_, abi, rule)| (abi, rule));
    match try_restrict(plan) {
        Ok(LandlockStatus::Available { effective_abi, .. }) if threads == 1 => {
            let since = [(ABI::V3, Unenforced::Truncate), (ABI::V4, Unenforced::Connect), (ABI::V6, Unenforced::Scope)];
            since.into_iter().chain(newer).filter(|(abi, _)| effective_abi < *abi).map(|(_, rule)| rule).collect()
        }
        _ => {
            let all = [Unenforced::Files, Unenforced::Truncate, Unenforced::Connect, Unenforced::Scope];
            all.into_iter().chain(newer.map(|(_, rule)| rule)).collect()
        }
    }
}

fn has_datagrams(plan: &Plan) -> bool {
    plan.sockets.contains(&Socket::InetDatagram) || plan.sockets.contains(&Socket::Inet6Datagram)
}

fn try_restrict(plan: &Plan) -> Result<LandlockStatus, RulesetError> {
    let mut files = AccessFs::from_all(KNOWN);
    if plan.unix.is_none() {
        files.remove(AccessFs::ResolveUnix);
    }
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(files)?;
    ruleset = ruleset.handle_access(make_bitflags!(AccessNet::{BindTcp | BindUdp}))?;
    if plan.ports.is_some() {
        ruleset = ruleset.handle_access(make_bitflags!(AccessNet::{ConnectTcp | ConnectSendUdp}))?;
    }
    let mut created = ruleset.scope(Scope::from_all(KNOWN))?.create()?;
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // Renaming and removing are what the store does; links, devices and pipes are not.
    let write = read | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer});
    let unix = plan.unix.as_deref().unwrap_or_default();
    let remove = AccessFs::RemoveFile.into();
    let parts = [(&*plan.write, write), (&*plan.read, read), (&*plan.remove, remove), (unix, AccessFs::ResolveUnix.into())];
    for (paths, access) in parts {
        for path in paths {
            created = allow(created, path, access)?;
        }
    }
    if has_datagrams(plan) {
        // From whichever port is free.
        created = created.add_rule(NetPort::new(0, AccessNet::BindUdp))?;
    }
    for port in plan.ports.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, connect(plan)))?;
    }
    Ok(quiet(created)?.restrict_self()?.landlock)
}

fn connect(plan: &Plan) -> BitFlags<AccessNet> {
    if has_datagrams(plan) { AccessNet::ConnectTcp | AccessNet::ConnectSendUdp } else { AccessNet::ConnectTcp.into() }
}

type Created = landlock::RulesetCreated;

fn allow(created: Created, path: &std::path::Path, access: BitFlags<AccessFs>) -> Result<Created, RulesetError> {
    let (Ok(fd), Ok(data)) = (PathFd::new(path), fs::metadata(path)) else { return Ok(created) };
    let access = if data.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
    created.add_rule(PathBeneath::new(fd, access))
}

fn quiet(created: Created) -> Result<Created, RulesetError> {
    use landlock::RestrictSelfAttr;
    created.log_same_exec(false)?.log_subdomains(false)
}
