//! The process itself: what it holds in memory must not come out in a core file, nor be read by another process.
//!
//! Absent on purpose: `mlockall`, which breaks thread creation under small limits; the systemd unit says
//! `MemorySwapMax=0` instead.

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// A rule that this kernel did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unenforced {
    /// `RLIMIT_CORE` of 0.
    CoreDumps = 1,
    /// Not dumpable: no ptrace, no `/proc/PID/mem` for the same user.
    Dumpable = 2,
    /// No new privileges by exec.
    Privileges = 3,
}

impl Unenforced {
    /// In words, for admins.
    pub fn text(self) -> &'static str {
        match self {
            Unenforced::CoreDumps => "core files: the kernel did not take the limit",
            Unenforced::Dumpable => "memory: other processes of the same user can read it",
            Unenforced::Privileges => "privileges: new ones could be gained by starting programs",
        }
    }
}

/// Hardens the process; to be called first of all. What could not be enforced.
pub fn harden() -> Vec<Unenforced> {
    let mut missing = Vec::new();
    if setrlimit(Resource::RLIMIT_CORE, 0, 0).is_err() {
        missing.push(Unenforced::CoreDumps);
    }
    if prctl::set_dumpable(false).is_err() {
        missing.push(Unenforced::Dumpable);
    }
    if prctl::set_no_new_privs().is_err() {
        missing.push(Unenforced::Privileges);
    }
    missing
}
