//! The two programs of the admin's that the witness calls: one closes the storage to all but one machine, one tells what mailboxes hold. Each has
//! an end, with everything that it started.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::private::Address;
use crate::quota::Amount;

/// Mailboxes in one part of the counts.
const PART: usize = 500;
/// What tells it, where the admin names no program.
const DOVEADM: [&str; 9] = ["doveadm", "-f", "tab", "mailbox", "status", "-A", "-t", "messages vsize", "*"];

/// Closes the storage to all but `node`; whether that was done in time. The program has `lock` as its input: where this process is cut off, the
/// next one waits for the lock until all of the program is gone.
///
/// # Errors
/// It cannot be started or ended.
pub(super) fn close(program: &Path, node: &str, lock: &File, patience: Duration) -> io::Result<bool> {
    let mut command = Command::new(program);
    let command = command.arg(node).stdin(lock.try_clone()?).stdout(Stdio::null()).process_group(0);
    let mut program = command.spawn()?;
    note(lock, program.id())?;
    ends_well(&mut program, patience)
}

/// Which process it is, for whoever waits for the lock: a number that may be another one's soon, and since when it is that one's.
fn note(mut lock: &File, process: u32) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{process} {}", began(process).unwrap_or_default())
}

/// Ends the program that was noted, with all of its group; false where there is none any more.
///
/// # Errors
/// It cannot be ended.
pub(super) fn end_noted(noted: &str) -> io::Result<bool> {
    let known = noted.split_once(' ').and_then(|(process, at)| Some((process.parse::<u32>().ok()?, at)));
    let Some((process, at)) = known else { return Ok(false) };
    // Group 1 would be everybody (kill(2)).
    if process < 2 || began(process).is_none_or(|began| began != at) {
        return Ok(false);
    }
    let group = i32::try_from(process).map_err(io::Error::other)?;
    match killpg(Pid::from_raw(group), Signal::SIGKILL) {
        // It began no group.
        Err(Errno::ESRCH) => Ok(false),
        ended => Ok(ended.map(|()| true)?),
    }
}

/// When a process began, in the machine's own count (proc(5), `starttime`).
fn began(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind its name, which may have any signs in it.
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}

/// Tells what each mailbox holds, in parts; whether that was all. `silence`: how long nothing may come.
///
/// # Errors
/// It cannot be started, was silent, or the parts cannot be told. Then nothing of it goes on.
pub(super) fn count(
    program: Option<&Path>,
    silence: Duration,
    mut tell: impl FnMut(Vec<(Address, Amount)>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut command = program.map_or_else(|| Command::new(DOVEADM[0]), Command::new);
    if program.is_none() {
        command.args(&DOVEADM[1..]);
    }
    let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?;
    let (lines, told) = sync_channel(PART);
    if let Some(out) = program.stdout.take() {
        spawn(move || BufReader::new(out).split(b'\n').try_for_each(|line| lines.send(line)));
    }
    let mut table = Table::default();
    let mut all = || loop {
        let ended = match told.recv_timeout(silence) {
            Ok(line) => {
                table.take(&line?);
                false
            }
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if table.rows.len() >= PART || ended && !table.rows.is_empty() {
            tell(std::mem::take(&mut table.rows))?;
        }
        if ended {
            return Ok(());
        }
    };
    let told_all: io::Result<()> = all();
    let ended_well = ends_well(&mut program, if told_all.is_ok() { silence } else { Duration::ZERO })?;
    told_all.map(|()| ended_well && table.is_whole())
}

/// Whether it ends with 0 in time; else it is ended.
fn ends_well(program: &mut Child, patience: Duration) -> io::Result<bool> {
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = program.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= end {
            // With all that it started: it is the first of a group of its own.
            let group = i32::try_from(program.id()).map_err(io::Error::other)?;
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            program.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(20));
    }
}

/// What `doveadm -f tab mailbox status -A -t "messages vsize" "*"` prints: a head, and a line for each mailbox.
#[derive(Default)]
struct Table {
    /// Where user, messages and vsize stand.
    head: Option<[usize; 3]>,
    rows: Vec<(Address, Amount)>,
    /// Lines that could not be read: what they are about is not known.
    odd: u64,
}

impl Table {
    fn take(&mut self, line: &[u8]) {
        let Ok(text) = std::str::from_utf8(line) else {
            self.odd += 1;
            return;
        };
        let fields: Vec<_> = text.trim_end_matches('\r').split('\t').collect();
        let Some(head) = self.head else {
            let place = |names: &[&str]| fields.iter().position(|field| names.contains(&field.to_ascii_lowercase().as_str()));
            if let [Some(user), Some(messages), Some(octets)] =
                [place(&["username", "user"]), place(&["messages"]), place(&["vsize"])]
            {
                self.head = Some([user, messages, octets]);
            } else {
                self.odd += 1;
            }
            return;
        };
        if text.is_empty() {
            return;
        }
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let row = Address::parse(field(head[0])).zip(field(head[1]).parse().ok()).zip(field(head[2]).parse().ok());
        match row {
            Some(((address, messages), octets)) => self.rows.push((address, Amount { octets, messages })),
            None => self.odd += 1,
        }
    }

    /// A storage without a mailbox says at least what it would say.
    fn is_whole(&self) -> bool {
        self.head.is_some() && self.odd == 0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use nix::fcntl::{Flock, FlockArg};

    use super::*;

    /// A program of these lines, in a file that is run from where it lies; no file of its own stays.
    fn script(name: &str, lines: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("nologd-witness-{name}-{}", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn a_count_that_hangs_or_is_not_heard_has_an_end() {
        let (hangs, long) = (script("hangs", "echo x; sleep 100 & wait"), script("long", "while :; do echo 'a b c'; done"));
        let begin = Instant::now();
        let silence = Duration::from_millis(300);
        assert!(count(Some(&hangs), silence, |_| Ok(())).is_err_and(|error| error.kind() == io::ErrorKind::TimedOut));
        let head = "printf 'Username\\tmessages\\tvsize\\n'; while :; do printf 'a@velo.example\\t1\\t1\\n'; done";
        let many = script("many", head);
        assert!(count(Some(&many), silence, |_| Err(io::ErrorKind::BrokenPipe.into())).is_err());
        assert!(begin.elapsed() < Duration::from_secs(20));
        [hangs, long, many].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn the_storage_is_closed_by_one_until_all_of_it_is_gone() {
        let path = std::env::temp_dir().join(format!("nologd-witness-lock-{}", std::process::id()));
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let is_free = || Flock::lock(open(), FlockArg::LockExclusiveNonblock).is_ok();
        // It leaves somebody behind who goes on for a second.
        let leaves = script("leaves", "(sleep 1) & exit 0");
        let lock = Flock::lock(open(), FlockArg::LockExclusive).unwrap();
        assert!(close(&leaves, "front-a", &lock, Duration::from_secs(5)).unwrap());
        // As where the process ends in the middle: nothing is unlocked, only closed.
        drop(File::from(std::os::fd::OwnedFd::from(lock.try_clone().unwrap())));
        std::mem::forget(lock);
        assert!(!is_free());
        // Of one that hangs and whose witness is gone, it is known which it was.
        let hangs = script("stays", "sleep 100");
        let mut told = open();
        let mut program = Command::new(&hangs).process_group(0).spawn().unwrap();
        note(&told, program.id()).unwrap();
        told.rewind().unwrap();
        let noted = io::read_to_string(&mut told).unwrap();
        assert!(end_noted(&noted).unwrap() && !program.wait().unwrap().success());
        assert!(!end_noted(&noted).unwrap() && !end_noted("").unwrap() && !end_noted("1 7").unwrap(), "and nobody else is ended");
        assert!(!end_noted(&format!("1 {}", began(1).unwrap())).unwrap(), "least of all everybody");
        fs::remove_file(hangs).unwrap();
        // One that takes too long is ended with all that it started.
        let slow = script("slow", "(sleep 100) & sleep 100");
        let mut other = open();
        other.rewind().unwrap();
        let begin = Instant::now();
        assert!(
            !close(&slow, "front-a", &other, Duration::from_millis(200)).unwrap() && begin.elapsed() < Duration::from_secs(5)
        );
        [leaves, slow, path.clone()].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    fn read(text: &str) -> (Vec<(String, u64, u64)>, bool) {
        let mut table = Table::default();
        text.split_terminator('\n').for_each(|line| table.take(line.as_bytes()));
        let row = |(address, amount): &(Address, Amount)| (address.reveal(), amount.octets, amount.messages);
        (table.rows.iter().map(row).collect(), table.is_whole())
    }

    #[test]
    fn what_doveadm_prints_is_read_and_what_is_missing_is_not_zero() {
        let (rows, whole) = read("Username\tmessages\tvsize\na@velo.example\t2\t700\nb@velo.example\t0\t0\n");
        assert_eq!(rows, [("a@velo.example".into(), 700, 2), ("b@velo.example".into(), 0, 0)]);
        assert!(whole);
        for (text, rows) in [
            ("", 0),
            ("a@velo.example\t2\t700\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t\nb@velo.example\t1\t1\n", 1),
            ("username\tmessages\tvsize\nnobody\t2\t5\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t-5\n", 0),
        ] {
            let read = read(text);
            assert_eq!((read.0.len(), read.1), (rows, false), "{text}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut sleeper = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        assert!(!ends_well(&mut sleeper, Duration::from_millis(50)).unwrap());
        let patience = Duration::from_secs(60);
        assert!(ends_well(&mut Command::new("true").spawn().unwrap(), patience).unwrap());
        assert!(!ends_well(&mut Command::new("false").spawn().unwrap(), patience).unwrap());
    }
}
