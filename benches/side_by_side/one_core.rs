//! Everything on one processor for a while: the load, the backend and the peer.
//!
//! Which processors the kernel gives to the two ends of a session decides up to half of what a round trip costs, and it decides
//! differently from minute to minute. On one processor there is nothing to decide: figures of several runs differ by hundredths.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::{Res, account};

/// Every thread of ours is on one processor until this is dropped.
pub struct OneCore(CpuSet);

impl OneCore {
    /// The last of the processors that we may use: the first has most interrupts.
    pub fn start() -> Res<Self> {
        let all = sched_getaffinity(Pid::from_raw(0))?;
        let last = (0..CpuSet::count()).rfind(|number| all.is_set(*number).unwrap_or(false)).ok_or("no processor")?;
        let mut one = CpuSet::new();
        one.set(last)?;
        // Made first: what fails half-way is undone.
        let undo = Self(all);
        set(&one)?;
        Ok(undo)
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        let _ = set(&self.0);
    }
}

/// For every thread of this process and of all that it started.
fn set(processors: &CpuSet) -> Res<()> {
    for process in account::tree(&[std::process::id()]) {
        for task in fs::read_dir(format!("/proc/{}/task", process.pid))?.flatten() {
            let number = task.file_name().to_string_lossy().parse()?;
            sched_setaffinity(Pid::from_raw(number), processors)?;
        }
    }
    Ok(())
}
