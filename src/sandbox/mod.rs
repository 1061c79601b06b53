//! What the kernel holds us to (policy/sandbox.toml): no core dumps, another user than root, files and ports as the policy
//! says, no calls that it denies; and a way to try all that from inside.
//!
//! The order matters. [`harden()`] is first of all. [`enforce`] comes after the listeners are bound and before the first thread:
//! Landlock binds the calling thread and those it starts, and nobody else.
//!
//! Absent on purpose: addresses (Landlock knows ports only). UDP is only where mail servers have names, and Unix sockets with a path
//! only where one has such a socket: there, Landlock 10 and 9 (Linux 7.2 and 7.1) tell which.

mod harden;
mod landlock;
mod network;
mod outcome;
mod output;
mod plan;
mod probe;
mod seccomp;
mod unenforced;
mod user;

pub use harden::{descriptors, harden};
pub use outcome::Outcome;
pub use output::{Descriptor, kept_outputs, lost_outputs, machine_swaps};
pub use plan::Plan;
pub use probe::{Probe, probe};
pub use unenforced::Unenforced;
pub use user::{NoUser, as_user, become_user};

/// What holds, for status, statement and audit.
#[derive(Clone, Debug, Default)]
pub struct Enforcement {
    /// What was asked for.
    pub plan: Plan,
    /// What does not, in the order of the numbers.
    pub missing: Vec<Unenforced>,
    /// Outputs that are kept on a disk.
    pub kept_outputs: Vec<Descriptor>,
    /// Outputs of which nobody here knows where they end: pipes and sockets to other programs.
    pub lost_outputs: Vec<Descriptor>,
}

/// The programs that [`enforce`] gives to the kernel for `plan`, in its own form (`struct sock_filter`), for tests that try them from
/// outside. `None`: none for this kind of processor.
#[cfg(any(test, feature = "testing"))]
pub fn call_programs(plan: &Plan) -> Option<Vec<Vec<u8>>> {
    let line = |line: &seccompiler::sock_filter| {
        let code = line.code.to_ne_bytes();
        [&code[..], &[line.jt, line.jf], &line.k.to_ne_bytes()].concat()
    };
    Some(seccomp::programs(plan)?.iter().map(|program| program.iter().flat_map(line).collect()).collect())
}

/// Puts `plan` in force for this thread and all that it will start. There is no way back. What the kernel did not take.
pub fn enforce(plan: &Plan) -> Vec<Unenforced> {
    // Looked at first: afterwards it may not be read any more.
    let may_swap = output::may_swap();
    let mut missing = landlock::restrict(plan);
    if !seccomp::restrict(plan) {
        missing.push(Unenforced::Calls);
    }
    if may_swap {
        missing.push(Unenforced::Swap);
    }
    missing
}
