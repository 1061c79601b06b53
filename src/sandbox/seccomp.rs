//! seccomp: the calls that the policy denies, the kinds of sockets and their options that it does not name, and every call that is
//! newer than our list or of the x32 kind.
//!
//! A list of what is denied, not of what is allowed; `policy/sandbox.toml` says why. Denied calls fail with "not permitted"; the
//! process is not killed, so that a wrong rule is no outage.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction,
    SeccompCmpArgLen::{Dword, Qword},
    SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::Plan;
use crate::policy::sandbox::{Socket, SocketOption};
use crate::policy::syscalls::{How, NEWEST, Test};

/// No rule for a call: all of it is denied.
type DeniedCalls = BTreeMap<i64, Vec<SeccompRule>>;
type Compiled<T> = Result<T, seccompiler::BackendError>;

/// Whether the kernel took all of it.
pub(super) fn restrict(plan: &Plan) -> bool {
    programs(plan).is_some_and(|programs| programs.iter().all(|program| apply_filter(program).is_ok()))
}

/// What the kernel is given; of several answers to a call it takes the strictest. `None`: not on this kind of processor.
pub(super) fn programs(plan: &Plan) -> Option<[BpfProgram; 3]> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let denied = program(denied(plan).ok()?, libc::EPERM, arch).ok()?;
    Some([newer(), program(unknown(plan), libc::ENOSYS, arch).ok()?, denied])
}

fn program(rules: DeniedCalls, errno: i32, arch: TargetArch) -> Compiled<BpfProgram> {
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno.cast_unsigned()), arch)?.try_into()
}

/// Calls above [`NEWEST`] are answered "unknown". The x32 kind of calls are numbers from 0x40000000 on, so they are among them; and
/// calls of other processors' kinds end the process in the other programs.
fn newer() -> BpfProgram {
    let line = |code: u32, jt, jf, k: u32| sock_filter { code: code as u16, jt, jf, k };
    let number = u32::try_from(NEWEST).unwrap_or_default();
    let unknown = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    vec![
        // The number is the first field of what a program looks at (seccomp(2)).
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        line(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 0, 1, number),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, unknown),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn unknown(plan: &Plan) -> DeniedCalls {
    let calls = plan.deny.iter().filter(|call| call.how == How::Unknown);
    calls.filter_map(|call| Some((call.number?, Vec::new()))).collect()
}

fn denied(plan: &Plan) -> Compiled<DeniedCalls> {
    let mut rules = DeniedCalls::new();
    rules.insert(libc::SYS_socket, sockets(&plan.sockets)?);
    // Two ends that nobody else has: the runtime wakes itself with one.
    rules.insert(libc::SYS_socketpair, sockets(&[Socket::UnixStream])?);
    rules.insert(libc::SYS_setsockopt, options(&plan.options)?);
    for call in &plan.deny {
        let (Some(number), How::Where(groups)) = (call.number, call.how) else { continue };
        for group in groups {
            let conditions = group.iter().map(|(argument, test)| condition(*argument, *test));
            rules.entry(number).or_default().push(SeccompRule::new(conditions.collect::<Compiled<_>>()?)?);
        }
    }
    // Last, for these undo what was said of parts of them.
    let whole = plan.deny.iter().filter(|call| call.how == How::Whole);
    rules.extend(whole.filter_map(|call| Some((call.number?, Vec::new()))));
    Ok(rules)
}

fn condition(argument: u8, test: Test) -> Compiled<SeccompCondition> {
    match test {
        Test::Is(value) => SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value.into()),
        Test::IsNot(value) => SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value.into()),
        Test::Has(bit) => SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bit.into()), bit.into()),
        Test::Lacks(bit) => SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bit.into()), 0),
        Test::Given => SeccompCondition::new(argument, Qword, SeccompCmpOp::Ne, 0),
    }
}

fn is(argument: u8, value: i32) -> Compiled<SeccompCondition> {
    condition(argument, Test::Is(value.cast_unsigned()))
}

fn is_not(argument: u8, value: i32) -> Compiled<SeccompCondition> {
    condition(argument, Test::IsNot(value.cast_unsigned()))
}

/// A condition that always holds, where all is denied: there must be one.
fn always() -> Compiled<Vec<SeccompRule>> {
    Ok(vec![SeccompRule::new(vec![SeccompCondition::new(0, Dword, SeccompCmpOp::Ge, 0)?])?])
}

/// What makes a new socket one that is not among `allowed`; any of the rules suffices.
fn sockets(allowed: &[Socket]) -> Compiled<Vec<SeccompRule>> {
    let kinds: Vec<SocketKind> = allowed.iter().map(|socket| kind_of(*socket)).collect();
    let mut families: Vec<i32> = kinds.iter().map(|kind| kind.family).collect();
    families.sort_unstable();
    families.dedup();
    if families.is_empty() {
        return always();
    }
    let other = families.iter().map(|family| is_not(0, *family)).collect::<Compiled<Vec<_>>>()?;
    let mut rules = vec![SeccompRule::new(other)?];
    for family in families {
        // The upper bits of the type are flags; no type is above 15.
        for number in 0..16 {
            let of_type = || SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(15), number as u64);
            let mut conditions = vec![is(0, family)?, of_type()?];
            for kind in kinds.iter().filter(|kind| (kind.family, kind.number) == (family, number)) {
                for protocol in kind.protocols {
                    conditions.push(is_not(2, *protocol)?);
                }
            }
            rules.push(SeccompRule::new(conditions)?);
        }
    }
    Ok(rules)
}

/// What sets another option than one of `allowed`.
fn options(allowed: &[SocketOption]) -> Compiled<Vec<SeccompRule>> {
    let mut places: Vec<(i32, i32)> = allowed.iter().map(|option| place_of(*option)).collect();
    places.sort_unstable();
    places.dedup();
    let mut levels: Vec<i32> = places.iter().map(|(level, _)| *level).collect();
    levels.dedup();
    if levels.is_empty() {
        return always();
    }
    let other = levels.iter().map(|level| is_not(1, *level)).collect::<Compiled<Vec<_>>>()?;
    let mut rules = vec![SeccompRule::new(other)?];
    for level in levels {
        let mut conditions = vec![is(1, level)?];
        for (_, option) in places.iter().filter(|(of, _)| *of == level) {
            conditions.push(is_not(2, *option)?);
        }
        rules.push(SeccompRule::new(conditions)?);
    }
    Ok(rules)
}

fn place_of(option: SocketOption) -> (i32, i32) {
    match option {
        SocketOption::TcpNodelay => (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        SocketOption::TcpQuickack => (libc::IPPROTO_TCP, libc::TCP_QUICKACK),
        SocketOption::IpErrors => (libc::IPPROTO_IP, libc::IP_RECVERR),
        SocketOption::Ipv6Errors => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    }
}

/// The arguments of `socket` that make a kind of them. The protocol counts: over a stream socket of the Internet the kernel also
/// speaks MPTCP, SMC and SCTP, of which Landlock judges nothing.
struct SocketKind {
    family: i32,
    number: i32,
    protocols: &'static [i32],
}

fn kind_of(socket: Socket) -> SocketKind {
    let (family, number, protocols): (_, _, &[i32]) = match socket {
        Socket::InetStream => (libc::AF_INET, libc::SOCK_STREAM, &[0, libc::IPPROTO_TCP]),
        Socket::Inet6Stream => (libc::AF_INET6, libc::SOCK_STREAM, &[0, libc::IPPROTO_TCP]),
        Socket::InetDatagram => (libc::AF_INET, libc::SOCK_DGRAM, &[0, libc::IPPROTO_UDP]),
        Socket::Inet6Datagram => (libc::AF_INET6, libc::SOCK_DGRAM, &[0, libc::IPPROTO_UDP]),
        Socket::UnixStream => (libc::AF_UNIX, libc::SOCK_STREAM, &[0]),
        Socket::UnixDatagram => (libc::AF_UNIX, libc::SOCK_DGRAM, &[0]),
        Socket::NetlinkRoute => (libc::AF_NETLINK, libc::SOCK_RAW, &[libc::NETLINK_ROUTE]),
    };
    SocketKind { family, number, protocols }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sandbox::{RuleEffect, Sandbox};

    #[test]
    fn the_built_in_rules_make_a_program_that_the_kernel_can_take() {
        let rules = Sandbox::built_in();
        let mut plan = Plan::default();
        for rule in rules.all() {
            match &rule.what {
                RuleEffect::Deny(calls) => plan.deny.extend(calls),
                RuleEffect::Sockets(sockets) => plan.sockets.extend(sockets),
                RuleEffect::Options(options) => plan.options.extend(options),
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
