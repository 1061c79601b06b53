//! The program of the admin's that closes the storage to all but one machine, for the witness. It has an end, with everything that it started.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::programs::{end, ends_well};

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
    // One that nobody could find later must not go on.
    match note(lock, program.id()) {
        Ok(()) => ends_well(&mut program, patience),
        Err(error) => end(&mut program).and(Err(error)),
    }
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::programs::tests::script;
    use super::*;

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
}
