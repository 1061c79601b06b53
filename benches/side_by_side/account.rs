//! What a process tree has used: CPU time and memory, as the kernel counts them (proc(5)).
//!
//! CPU is user plus system time of every process in the tree plus what its ended and reaped children used. Memory is PSS:
//! pages shared by several processes count once in the sum. Kernel socket buffers are in neither.

use std::collections::BTreeMap;
use std::fs;

/// Ticks per second in /proc/PID/stat: USER_HZ, 100 on every architecture that Debian releases.
const TICKS: f64 = 100.0;

pub const UNREADABLE: &str = "the peer's memory cannot be read: run as root";

/// One process as /proc/PID/stat shows it.
#[derive(Clone, Copy)]
pub struct Process {
    pub pid: u32,
    parent: u32,
    /// User and system time, own and of reaped children, in ticks.
    ticks: u64,
    /// Clock ticks after boot; with the pid it names one process for good.
    started: u64,
}

/// `roots` and all their descendants that live now.
pub fn tree(roots: &[u32]) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    let mut found = Vec::new();
    for process in processes() {
        if roots.contains(&process.pid) {
            found.push(process);
        } else {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut at = 0;
    while let Some(process) = found.get(at).copied() {
        found.extend(children.remove(&process.pid).unwrap_or_default());
        at += 1;
    }
    found
}

/// CPU seconds that the trees have used since their start.
pub fn cpu_seconds(roots: &[u32]) -> f64 {
    let ticks: u64 = tree(roots).iter().map(|process| process.ticks).sum();
    ticks as f64 / TICKS
}

/// Proportional set size of the whole trees in KiB; `None` where the kernel does not let us read it (then run as root).
pub fn pss_kib(roots: &[u32]) -> Option<u64> {
    tree(roots).iter().map(|process| field(process.pid, "smaps_rollup", "Pss:")).sum()
}

/// Makes the kernel forget the highest resident size of each process, and sums what is resident now.
pub fn reset_peak_kib(roots: &[u32]) -> Option<u64> {
    let tree = tree(roots);
    for process in &tree {
        fs::write(format!("/proc/{}/clear_refs", process.pid), "5").ok()?;
    }
    tree.iter().map(|process| field(process.pid, "status", "VmRSS:")).sum()
}

/// The highest resident sizes since [`reset_peak_kib`], summed.
pub fn peak_kib(roots: &[u32]) -> Option<u64> {
    tree(roots).iter().map(|process| field(process.pid, "status", "VmHWM:")).sum()
}

/// Whether this very process, not a later one with its pid, is still there.
pub fn still_there(process: &Process) -> bool {
    stat(process.pid).is_some_and(|now| now.started == process.started)
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The name in brackets may hold spaces and brackets: fields are counted after the last one.
fn stat(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Process { pid, parent: u32::try_from(number(1)?).ok()?, ticks, started: number(19)? })
}

fn field(pid: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
