//! The process itself: what it holds in memory must not come out in a core file, nor be read by another process.
//!
//! Absent on purpose: `mlockall`, which breaks thread creation under small limits; the systemd unit says
//! `MemorySwapMax=0` instead.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Unenforced;

/// How many file descriptors this process may have, after asking for `wanted`: as many as the kernel allows, and never fewer than
/// before. Where it does not tell, what every process has. To be called as the user that starts, before the sandbox, which allows no change.
pub fn descriptors(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    if wanted <= soft {
        return soft;
    }
    // Root may go above the hard limit, which is what the admins meant: only within it.
    let granted = wanted.min(hard);
    if setrlimit(Resource::RLIMIT_NOFILE, granted, hard).is_ok() { granted } else { soft }
}

/// Hardens the process; to be called first of all, and again after a change of the user, which makes the kernel forget that
/// the process is not dumpable. What could not be enforced.
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
