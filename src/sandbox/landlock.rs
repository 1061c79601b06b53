//! Landlock: which files can be written and read, which TCP ports can be connected to. Nothing can be bound.
//!
//! What an older kernel does not know is left out by the library and told here. The kernel's own reports about refused
//! accesses (audit, Linux 6.15) are switched off where they can be: they name files and ports.

use std::fs;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

use super::{Plan, Unenforced};

/// What this file was written for and tested with; newer kernels do what this one does.
const KNOWN: ABI = ABI::V6;

pub(super) fn restrict(plan: &Plan) -> Vec<Unenforced> {
    // With a second thread the rules would bind one half of the process.
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    match try_restrict(plan) {
        Ok(LandlockStatus::Available { effective_abi, .. }) if threads == 1 => {
            let since = [(ABI::V3, Unenforced::Truncate), (ABI::V4, Unenforced::Connect), (ABI::V6, Unenforced::Scope)];
            since.into_iter().filter(|(abi, _)| effective_abi < *abi).map(|(_, rule)| rule).collect()
        }
        _ => vec![Unenforced::Files, Unenforced::Truncate, Unenforced::Connect, Unenforced::Scope],
    }
}

fn try_restrict(plan: &Plan) -> Result<LandlockStatus, RulesetError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(KNOWN))?;
    ruleset = ruleset.handle_access(AccessNet::BindTcp)?;
    if plan.ports.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut created = ruleset.scope(Scope::from_all(KNOWN))?.create()?;
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // Renaming and removing are what the store does; links, devices and pipes are not.
    let write = read | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer});
    for (paths, access) in [(&plan.write, write), (&plan.read, read), (&plan.remove, make_bitflags!(AccessFs::{RemoveFile}))] {
        for path in paths {
            created = allow(created, path, access)?;
        }
    }
    for port in plan.ports.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(quiet(created)?.restrict_self()?.landlock)
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
