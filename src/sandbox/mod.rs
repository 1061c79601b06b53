//! What the kernel holds us to (DESIGN section 5, rule 3): no core dumps, another user than root, files and ports as the policy
//! says, no calls that it denies; and a way to try all that from inside.
//!
//! The order matters. [`harden`] is first of all. [`enforce`] comes after the listeners are bound and before the first thread:
//! Landlock binds the calling thread and those it starts, and nobody else.
//!
//! Absent on purpose: addresses (Landlock knows ports only), UDP (only whether there is any), and Unix sockets that have a path,
//! which Landlock reaches from version 9 on (Linux 7.1).

mod harden;
mod landlock;
mod output;
mod probe;
mod seccomp;
mod user;

use std::path::PathBuf;

pub use harden::harden;
pub use output::{Descriptor, kept_outputs, lost_outputs, machine_swaps};
pub use probe::{Attempt, Outcome, probe};
pub use user::{NoUser, become_user};

use crate::policy::sandbox::Socket;
use crate::policy::syscalls::Call;

/// A rule that does not hold, for the kernel or the start did not take it. The numbers are those of the event `not-enforced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unenforced {
    /// `RLIMIT_CORE` of 0.
    CoreDumps = 1,
    /// Not dumpable: no ptrace, no `/proc/PID/mem` for the same user.
    Dumpable = 2,
    /// No new privileges by exec.
    Privileges = 3,
    /// Files outside of what the config names can be written and read (Landlock 1, Linux 5.13).
    Files = 4,
    /// They cannot, but for being cut short (Landlock 3, Linux 6.2).
    Truncate = 5,
    /// TCP connections can go anywhere, and new listeners can be made (Landlock 4, Linux 6.7).
    Connect = 6,
    /// Signals and abstract Unix sockets reach other processes (Landlock 6, Linux 6.12).
    Scope = 7,
    /// The denied calls are not denied (seccomp).
    Calls = 8,
    /// The memory can be written to a swap disk.
    Swap = 9,
}

impl Unenforced {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [Unenforced] = &[
        Unenforced::CoreDumps,
        Unenforced::Dumpable,
        Unenforced::Privileges,
        Unenforced::Files,
        Unenforced::Truncate,
        Unenforced::Connect,
        Unenforced::Scope,
        Unenforced::Calls,
        Unenforced::Swap,
    ];

    /// Its word, for machines.
    pub fn word(self) -> &'static str {
        match self {
            Unenforced::CoreDumps => "core-dumps",
            Unenforced::Dumpable => "dumpable",
            Unenforced::Privileges => "privileges",
            Unenforced::Files => "files",
            Unenforced::Truncate => "truncate",
            Unenforced::Connect => "connect",
            Unenforced::Scope => "scope",
            Unenforced::Calls => "calls",
            Unenforced::Swap => "swap",
        }
    }

    /// The one with this word.
    pub fn find(word: &str) -> Option<Unenforced> {
        Unenforced::ALL.iter().copied().find(|rule| rule.word() == word)
    }

    /// What that means, for the admin.
    pub fn text(self) -> &'static str {
        match self {
            Unenforced::CoreDumps => "core dumps could not be switched off",
            Unenforced::Dumpable => "other processes of the same user can read the memory",
            Unenforced::Privileges => "programs started from here could gain rights",
            Unenforced::Files => "the kernel has no Landlock (Linux 5.13): files elsewhere are protected by their rights alone",
            Unenforced::Truncate => "the kernel's Landlock cannot refuse to cut files short (Linux 6.2)",
            Unenforced::Connect => "the kernel's Landlock cannot refuse connections to other ports (Linux 6.7)",
            Unenforced::Scope => "the kernel's Landlock cannot refuse signals to other processes (Linux 6.12)",
            Unenforced::Calls => "the kernel took no list of denied calls (seccomp)",
            Unenforced::Swap => "the memory can be swapped to a disk: set MemorySwapMax=0 in the systemd unit, or use no swap",
        }
    }

    /// Whether `sandbox = "required"` refuses to start without it. Swap is a matter of the machine: told, not required.
    pub fn is_required(self) -> bool {
        self != Unenforced::Swap
    }
}

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

/// What the policy comes to on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// May be written and read, with all below.
    pub write: Vec<PathBuf>,
    /// May be read, with all below. What does not exist is left out.
    pub read: Vec<PathBuf>,
    /// What is in these may be removed, with all below.
    pub remove: Vec<PathBuf>,
    /// May be connected to; `None`: all.
    pub ports: Option<Vec<u16>>,
    /// May be made.
    pub sockets: Vec<Socket>,
    /// Refused.
    pub deny: Vec<Call>,
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
