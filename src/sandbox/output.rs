//! Ways to a disk that no rule of ours closes: standard output and error that somebody writes down, and swap. Noticed, and told.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::stat::{SFlag, fstat};

/// One of the two outputs, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    /// Standard output.
    Output = 1,
    /// Standard error.
    Error = 2,
}

/// Outputs that end in a regular file, or in a journal that is kept over a restart of the machine.
pub fn kept_outputs() -> Vec<Descriptor> {
    let mut kept = Vec::new();
    if is_kept(io::stdout().as_fd()) {
        kept.push(Descriptor::Output);
    }
    if is_kept(io::stderr().as_fd()) {
        kept.push(Descriptor::Error);
    }
    kept
}

fn is_kept(output: impl AsFd) -> bool {
    let Ok(data) = fstat(output) else { return false };
    let regular = SFlag::from_bits_truncate(data.st_mode).contains(SFlag::S_IFREG);
    // systemd tells the device and inode of the stream that it gave us; the folder is there if journals are kept.
    let journal = std::env::var("JOURNAL_STREAM").is_ok_and(|stream| stream == format!("{}:{}", data.st_dev, data.st_ino));
    regular || journal && Path::new("/var/log/journal").is_dir()
}

/// Whether there is swap on this machine that our control group may use. Unknown counts as yes.
pub(super) fn may_swap() -> bool {
    let used = fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1);
    used && !our_group().is_some_and(|group| fs::read_to_string(group).is_ok_and(|most| most.trim() == "0"))
}

fn our_group() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(format!("/sys/fs/cgroup{path}/memory.swap.max"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_and_a_pipe_is_not() {
        assert!(is_kept(fs::File::open("/etc/passwd").unwrap()));
        assert!(!is_kept(io::pipe().unwrap().1));
    }
}
