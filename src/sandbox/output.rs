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
    that_end(Ends::Kept)
}

/// Outputs that end in another program: what it does with the lines is not known here.
pub fn lost_outputs() -> Vec<Descriptor> {
    that_end(Ends::Elsewhere)
}

/// Where an output ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Kept,
    /// A terminal, `/dev/null`, a journal in memory.
    Forgotten,
    Elsewhere,
}

fn that_end(wanted: Ends) -> Vec<Descriptor> {
    let outputs = [(Descriptor::Output, ends(io::stdout().as_fd())), (Descriptor::Error, ends(io::stderr().as_fd()))];
    outputs.into_iter().filter(|(_, ends)| *ends == wanted).map(|(descriptor, _)| descriptor).collect()
}

fn ends(output: impl AsFd) -> Ends {
    // A closed output keeps nothing.
    let Ok(data) = fstat(output) else { return Ends::Forgotten };
    let kind = data.st_mode & SFlag::S_IFMT.bits();
    // systemd tells the device and inode of the stream that it gave us; the folder is there if journals are kept.
    let journal = std::env::var("JOURNAL_STREAM").is_ok_and(|stream| stream == format!("{}:{}", data.st_dev, data.st_ino));
    match kind {
        _ if kind == SFlag::S_IFREG.bits() => Ends::Kept,
        _ if kind == SFlag::S_IFCHR.bits() => Ends::Forgotten,
        _ if journal && Path::new("/var/log/journal").is_dir() => Ends::Kept,
        _ if journal => Ends::Forgotten,
        _ => Ends::Elsewhere,
    }
}

/// Whether this machine has any swap. Unknown counts as yes.
pub fn machine_swaps() -> bool {
    fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1)
}

/// Whether there is swap on this machine that our control group may use. Unknown counts as yes.
pub(super) fn may_swap() -> bool {
    machine_swaps() && !our_group().is_some_and(|group| fs::read_to_string(group).is_ok_and(|most| most.trim() == "0"))
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
    fn a_file_is_kept_a_device_is_not_and_of_a_pipe_nobody_knows() {
        assert_eq!(ends(fs::File::open("/etc/passwd").unwrap()), Ends::Kept);
        assert_eq!(ends(fs::File::open("/dev/null").unwrap()), Ends::Forgotten);
        assert_eq!(ends(io::pipe().unwrap().1), Ends::Elsewhere);
    }
}
