//! What the kernel holds us to (policy/sandbox.toml): no core dumps, another user than root, files and ports as the policy
//! says, no calls that it denies; and a way to try all that from inside.
//!
//! The order matters. [`harden`] is first of all. [`enforce`] comes after the listeners are bound and before the first thread:
//! Landlock binds the calling thread and those it starts, and nobody else.
//!
//! Absent on purpose: addresses (Landlock knows ports only). UDP is only where mail servers have names, and Unix sockets with a path
//! only where one has such a socket: there, Landlock 10 and 9 (Linux 7.2 and 7.1) tell which.

mod harden;
mod landlock;
mod network;
mod outcome;
mod output;
mod probe;
mod seccomp;
mod user;

use std::path::PathBuf;

pub use harden::{descriptors, harden};
pub use outcome::Outcome;
pub use output::{Descriptor, kept_outputs, lost_outputs, machine_swaps};
pub use probe::{Probe, probe};
pub use user::{NoUser, as_user, become_user};

use crate::policy::sandbox::{Socket, SocketOption};
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
    /// Unix sockets that have a path can be connected to, whichever they are (Landlock 9, Linux 7.1). Only where a mail server has one.
    Unix = 10,
    /// Datagrams can go to any port (Landlock 10, Linux 7.2). Only where mail servers have names.
    Datagrams = 11,
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
        Unenforced::Unix,
        Unenforced::Datagrams,
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
            Unenforced::Unix => "unix",
            Unenforced::Datagrams => "datagrams",
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
            Unenforced::Unix => {
                "the kernel's Landlock cannot tell a mail server's Unix socket from others (Linux 7.1): a mail server on a port needs none"
            }
            Unenforced::Datagrams => {
                "the kernel's Landlock cannot tell questions about names from other datagrams (Linux 7.2): mail servers by number need none"
            }
        }
    }

    /// Whether `sandbox = "required"` refuses to start without it. Swap is a matter of the machine, and what two
    /// kernels of this year have cannot be asked of everybody: told, not required.
    pub fn is_required(self) -> bool {
        !matches!(self, Unenforced::Swap | Unenforced::Unix | Unenforced::Datagrams)
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
    /// Unix sockets below these may be connected to; `None`: all.
    pub unix: Option<Vec<PathBuf>>,
    /// May be made.
    pub sockets: Vec<Socket>,
    /// May be set on sockets.
    pub options: Vec<SocketOption>,
    /// Refused.
    pub deny: Vec<Call>,
}

/// The programs that [`enforce`] gives to the kernel for `plan`, in its own form (`struct sock_filter`), for tests that try them from
/// outside. `None`: none for this kind of processor.
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
