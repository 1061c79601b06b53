//! The two programs of the admin's that the witness calls: one closes the storage to all but one machine, one tells what mailboxes hold, as to all
//! who count. Each has an end, with everything that it started.

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
pub(super) const PART: usize = 500;
/// How long a row waits for others.
const WAITING: Duration = Duration::from_secs(5);
/// How often whoever hears is told that nothing came.
const QUIET: Duration = Duration::from_secs(60);
/// Lines that could not be read, in one count: what tells more of them tells something else.
const ODD: u64 = 10_000;
/// What tells it, where the admin names no program.
const DOVEADM: [&str; 8] = ["-f", "tab", "mailbox", "status", "-A", "-t", "messages vsize", "*"];

/// What became of a program.
pub(super) enum Printed<'a> {
    /// It printed a line.
    Line(&'a [u8]),
    /// Nothing, for a while.
    Nothing,
    /// It has no more to say.
    End,
}

/// Closes the storage to all but `node`; whether that was done in time. The program has `lock` as its input, and so has what it calls: where this
/// process is cut off, the next one waits for the lock until they have ended. A shell takes the input from what it puts in the background; that is
/// why a program must not return before all is done.
///
/// # Errors
/// It cannot be started or ended.
pub(super) fn close(program: &Path, node: &str, lock: &File, patience: Duration) -> io::Result<bool> {
    let mut command = Command::new(program);
    let command = command.arg(node).stdin(lock.try_clone()?).stdout(Stdio::null()).process_group(0);
    let mut program = command.spawn()?;
    let noted = note(lock, program.id());
    // One that nobody could find later must not go on.
    let ended_well = ends_well(&mut program, if noted.is_ok() { patience } else { Duration::ZERO })?;
    noted.map(|()| ended_well)
}

/// Which process it is, for whoever waits for the lock: a number that may be another one's soon, and since when it is that one's.
fn note(mut lock: &File, process: u32) -> io::Result<()> {
    let began = began(process).ok_or(io::ErrorKind::NotFound)?;
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{process} {began}")
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

/// Tells what each mailbox holds, in parts, the first ones soon, and none where nothing came for a minute; whether that was all. `silence`: how long
/// nothing may come.
///
/// # Errors
/// It cannot be started, was silent, or the parts cannot be told. Then nothing of it goes on.
pub(super) fn count(
    program: Option<&Path>,
    silence: Duration,
    mut tell: impl FnMut(Vec<(Address, Amount)>) -> io::Result<()>,
) -> io::Result<bool> {
    let command = program.map_or_else(|| doveadm(&DOVEADM), Command::new);
    let (mut table, mut due) = (Table::default(), Instant::now() + WAITING);
    let ended_well = each_line(command, silence, |printed| {
        if let Printed::Line(line) = printed {
            table.take(line);
        }
        if table.odd > ODD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let is_quiet = matches!(printed, Printed::Nothing);
        let is_due = table.rows.len() >= PART || matches!(printed, Printed::End) || Instant::now() >= due;
        if is_quiet || is_due && !table.rows.is_empty() {
            tell(std::mem::take(&mut table.rows))?;
            due = Instant::now() + WAITING;
        }
        Ok(())
    })?;
    Ok(ended_well && table.is_whole())
}

/// doveadm with these words.
pub(super) fn doveadm(words: &[&str]) -> Command {
    let mut command = Command::new("doveadm");
    command.args(words);
    command
}

/// Hands on what it prints; whether it ended with 0. `silence`: how long nothing may come.
///
/// # Errors
/// It cannot be started, was silent, was cut off in a line, or `take` fails. Then nothing of it goes on.
pub(super) fn each_line(
    mut command: Command,
    silence: Duration,
    mut take: impl FnMut(Printed<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?;
    let (lines, told) = sync_channel(PART);
    if let Some(out) = program.stdout.take() {
        spawn(move || whole_lines(BufReader::new(out)).try_for_each(|line| lines.send(line)));
    }
    let mut spoke = Instant::now();
    let mut all = || loop {
        match told.recv_timeout(silence.min(QUIET)) {
            Ok(line) => take(Printed::Line(&line?))?,
            Err(RecvTimeoutError::Disconnected) => return take(Printed::End),
            Err(RecvTimeoutError::Timeout) if spoke.elapsed() >= silence => return Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Timeout) => {
                take(Printed::Nothing)?;
                continue;
            }
        }
        spoke = Instant::now();
    };
    let taken: io::Result<()> = all();
    let ended_well = ends_well(&mut program, if taken.is_ok() { silence } else { Duration::ZERO })?;
    taken.map(|()| ended_well)
}

/// The lines of `input`, without their ends. One that is cut off is none: a number in it may lack its last digits.
pub(super) fn whole_lines(mut input: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) if line.pop() == Some(b'\n') => Some(Ok(line)),
            Ok(_) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Some(Err(error)),
        }
    })
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
            // With a column for the folder, a line is not about a mailbox: doveadm was not asked for the total (`-t`).
            let of_folders = place(&["mailbox"]).is_some();
            let found = [place(&["username", "user"]), place(&["messages"]), place(&["vsize"])];
            if let ([Some(user), Some(messages), Some(octets)], false) = (found, of_folders) {
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
        assert!(count(Some(&long), silence, |_| Ok(())).is_err_and(|error| error.kind() == io::ErrorKind::InvalidData));
        assert!(count(Some(&hangs), silence, |_| Ok(())).is_err_and(|error| error.kind() == io::ErrorKind::TimedOut));
        let head = "printf 'Username\\tmessages\\tvsize\\n'; while :; do printf 'a@velo.example\\t1\\t1\\n'; done";
        let many = script("many", head);
        assert!(count(Some(&many), silence, |_| Err(io::ErrorKind::BrokenPipe.into())).is_err());
        assert!(begin.elapsed() < Duration::from_secs(20));
        [hangs, long, many].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn what_is_cut_off_in_a_line_is_no_number() {
        let path = script("cut", "printf 'Username\\tmessages\\tvsize\\na@velo.example\\t26\\t700\\nb@velo.example\\t2'");
        let mut told = Vec::new();
        let counted = count(Some(&path), Duration::from_secs(20), |rows| {
            told.extend(rows);
            Ok(())
        });
        assert!(counted.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
        let lines: Vec<_> = whole_lines(&b"STORAGE\t12\nMESSAGE\t2"[..]).collect();
        assert!(matches!(&lines[..], [Ok(line), Err(_)] if line == b"STORAGE\t12"));
        fs::remove_file(path).unwrap();
    }

    /// A file to lock. Closing it frees the lock only when nobody else has it open: as where the witness ends in the middle.
    fn lock_file(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("nologd-witness-{name}-{}", std::process::id()));
        drop(File::options().write(true).create(true).truncate(true).open(&path).unwrap());
        path
    }

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    #[test]
    fn whoever_has_the_programs_input_keeps_the_next_one_waiting() {
        // As the program itself, where its witness is cut off: somebody who has its input goes on for two seconds.
        let (path, leaves) = (lock_file("lock"), script("leaves", "exec 3<&0; (sleep 2 <&3) & exit 0"));
        let lock = open(&path);
        lock.lock().unwrap();
        let begin = Instant::now();
        assert!(close(&leaves, "front-a", &lock, Duration::from_secs(5)).unwrap());
        drop(lock);
        let next = open(&path);
        assert!(next.try_lock().is_err() || begin.elapsed() > Duration::from_secs(2), "somebody is there still");
        next.lock().unwrap();
        assert!(begin.elapsed() >= Duration::from_secs(2));
        [path, leaves].iter().for_each(|path| fs::remove_file(path).unwrap());
    }

    #[test]
    fn what_takes_too_long_or_cannot_be_noted_is_ended_with_all_that_it_started() {
        let (path, slow) = (lock_file("slow-lock"), script("slow", "(sleep 100) & sleep 100"));
        // In a file that is open for reading alone, nothing can be noted.
        let reading = File::open(&path).unwrap();
        for (lock, patience) in [(open(&path), Duration::from_millis(200)), (reading, Duration::from_secs(60))] {
            lock.lock().unwrap();
            let begin = Instant::now();
            let ended = close(&slow, "front-a", &lock, patience);
            assert!(!ended.unwrap_or(false) && begin.elapsed() < Duration::from_secs(5));
            drop(lock);
            // The last of them goes a moment after it is killed.
            open(&path).lock().unwrap();
            assert!(begin.elapsed() < Duration::from_secs(5), "somebody has the lock still");
        }
        [path, slow].iter().for_each(|path| fs::remove_file(path).unwrap());
    }

    #[test]
    fn the_one_that_was_noted_is_ended_and_nobody_else() {
        let path = lock_file("noted");
        let mut noted = open(&path);
        let mut program = Command::new("sleep").arg("100").process_group(0).spawn().unwrap();
        note(&noted, program.id()).unwrap();
        noted.rewind().unwrap();
        let noted = io::read_to_string(&mut noted).unwrap();
        assert!(end_noted(&noted).unwrap() && !program.wait().unwrap().success());
        let everybody = format!("1 {}", began(1).unwrap());
        for text in [&*noted, "", "1 7", &everybody] {
            assert!(!end_noted(text).unwrap(), "{text}");
        }
        fs::remove_file(path).unwrap();
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
            ("username\tmailbox\tmessages\tvsize\na@velo.example\tINBOX\t2\t5\n", 0),
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
