//! seccomp: the calls that the policy denies, and the kinds of sockets that it does not name.
//!
//! A list of what is denied, not of what is allowed: a C library that is updated under us must not stop 300 associations'
//! mail. Denied calls fail with "not permitted"; the process is not killed, so that a wrong rule is no outage.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter,
};

use super::Plan;
use crate::policy::sandbox::Socket;
use crate::policy::syscalls::How;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Built<T> = Result<T, seccompiler::BackendError>;

/// The same calls in the 32-bit-pointer form of x86-64, which a kernel may also take.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;
/// Calls that have numbers of their own there: execve, ptrace, rt_sigqueueinfo, kexec_load, rt_tgsigqueueinfo,
/// process_vm_readv, process_vm_writev, execveat.
#[cfg(target_arch = "x86_64")]
const X32_ONLY: [i64; 8] = [520, 521, 524, 528, 536, 539, 540, 545];

/// Whether the kernel took all of it.
pub(super) fn restrict(plan: &Plan) -> bool {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return false };
    let denied = denied(plan).and_then(|rules| program(rules, libc::EPERM, arch));
    let unknown = program(unknown(plan), libc::ENOSYS, arch);
    [unknown, denied].into_iter().all(|program| program.is_ok_and(|program| apply_filter(&program).is_ok()))
}

fn program(rules: Rules, errno: i32, arch: TargetArch) -> Built<BpfProgram> {
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno.cast_unsigned()), arch)?.try_into()
}

fn unknown(plan: &Plan) -> Rules {
    let calls = plan.deny.iter().filter(|call| call.how == How::Unknown);
    calls.filter_map(|call| Some((call.number?, Vec::new()))).collect()
}

fn denied(plan: &Plan) -> Built<Rules> {
    let mut rules = Rules::new();
    for call in &plan.deny {
        let Some(number) = call.number else { continue };
        match call.how {
            How::Unknown => {}
            How::Whole => drop(rules.insert(number, Vec::new())),
            How::UnlessThread => {
                let thread = libc::CLONE_THREAD as u64;
                let is_process = SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(thread), 0)?;
                rules.insert(number, vec![SeccompRule::new(vec![is_process])?]);
            }
        }
    }
    let sockets = sockets(&plan.sockets)?;
    rules.insert(libc::SYS_socket, sockets.clone());
    rules.insert(libc::SYS_socketpair, sockets);
    #[cfg(target_arch = "x86_64")]
    {
        let same: Vec<_> = rules.iter().map(|(number, rule)| (number | X32, rule.clone())).collect();
        rules.extend(same);
        if !plan.deny.is_empty() {
            rules.extend(X32_ONLY.map(|number| (number | X32, Vec::new())));
        }
    }
    Ok(rules)
}

/// What makes a new socket one that is not among `allowed`; any of the rules suffices.
fn sockets(allowed: &[Socket]) -> Built<Vec<SeccompRule>> {
    let kinds: Vec<(i32, i32)> = allowed.iter().flat_map(|socket| kinds_of(*socket)).copied().collect();
    let is = |argument, value: i32| SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value.cast_unsigned().into());
    let is_not = |argument, value: i32| SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value.cast_unsigned().into());
    let mut families: Vec<i32> = kinds.iter().map(|(family, _)| *family).collect();
    families.sort_unstable();
    families.dedup();
    if families.is_empty() {
        // A condition that always holds: there must be one.
        return Ok(vec![SeccompRule::new(vec![SeccompCondition::new(0, Dword, SeccompCmpOp::Ge, 0)?])?]);
    }
    let other = families.iter().map(|family| is_not(0, *family)).collect::<Built<Vec<_>>>()?;
    let mut rules = vec![SeccompRule::new(other)?];
    for family in families {
        // The upper bits of the type are flags; no type is above 15.
        for kind in (0..16).filter(|kind| !kinds.contains(&(family, *kind))) {
            let of_kind = SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(15), kind as u64)?;
            rules.push(SeccompRule::new(vec![is(0, family)?, of_kind])?);
        }
        if family == libc::AF_NETLINK {
            rules.push(SeccompRule::new(vec![is(0, family)?, is_not(2, libc::NETLINK_ROUTE)?])?);
        }
    }
    Ok(rules)
}

fn kinds_of(socket: Socket) -> &'static [(i32, i32)] {
    match socket {
        Socket::InetStream => &[(libc::AF_INET, libc::SOCK_STREAM)],
        Socket::Inet6Stream => &[(libc::AF_INET6, libc::SOCK_STREAM)],
        Socket::InetDatagram => &[(libc::AF_INET, libc::SOCK_DGRAM)],
        Socket::Inet6Datagram => &[(libc::AF_INET6, libc::SOCK_DGRAM)],
        Socket::UnixStream => &[(libc::AF_UNIX, libc::SOCK_STREAM)],
        Socket::UnixDatagram => &[(libc::AF_UNIX, libc::SOCK_DGRAM)],
        Socket::NetlinkRoute => &[(libc::AF_NETLINK, libc::SOCK_RAW)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sandbox::{Sandbox, What};

    #[test]
    fn the_built_in_rules_make_a_program_that_the_kernel_can_take() {
        let rules = Sandbox::built_in();
        let mut plan = Plan::default();
        for rule in rules.rules(true) {
            match &rule.what {
                What::Deny(calls) => plan.deny.extend(calls),
                What::Sockets(sockets) => plan.sockets.extend(sockets),
                _ => {}
            }
        }
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let rules = denied(&plan).unwrap();
        assert!(rules[&libc::SYS_execve].is_empty() && rules[&libc::SYS_clone].len() == 1);
        assert!(!rules.contains_key(&libc::SYS_clone3) && unknown(&plan).contains_key(&libc::SYS_clone3));
        // BPF_MAXINSNS.
        assert!(program(rules, libc::EPERM, arch).unwrap().len() < 4096);
    }
}
