//! Programs that commands start: what they print, line by line. Each has an end; one that is ended, or ends badly, takes along what it has started, and what is
//! told of its failure names it.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How often whoever hears is told that nothing came.
const QUIET: Duration = Duration::from_secs(60);
/// Lines that wait to be heard.
const LINES: usize = 500;

/// What became of a program.
pub(super) enum Printed<'a> {
    /// It printed a line.
    Line(&'a [u8]),
    /// Nothing, for a while.
    Nothing,
    /// It has no more to say.
    End,
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
    take: impl FnMut(Printed<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let ended = heard(&mut command, silence, take);
    ended.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", command.get_program().display())))
}

fn heard(command: &mut Command, silence: Duration, mut take: impl FnMut(Printed<'_>) -> io::Result<()>) -> io::Result<bool> {
    let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?;
    let (lines, told) = sync_channel(LINES);
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
    match all() {
        Ok(()) => ends_well(&mut program, silence),
        Err(error) => end(&mut program).and(Err(error)),
    }
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

/// Whether it ends with 0 in time; else it is ended. It is the first of a group of its own.
pub(super) fn ends_well(program: &mut Child, patience: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = program.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= deadline {
            return end(program).map(|()| false);
        }
        sleep(Duration::from_millis(20));
    }
}

/// Ends it with all that it started, also where it has ended by itself and left that behind. Before anybody has waited for it, so that the number of its
/// group is nobody else's.
pub(super) fn end(program: &mut Child) -> io::Result<()> {
    let group = i32::try_from(program.id()).map_err(io::Error::other)?;
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    program.wait().map(drop)
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::{self, File, Permissions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A program of these lines, in a file that is run from where it lies; no file of its own stays.
    pub(in crate::cli) fn script(name: &str, lines: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("nologd-program-{name}-{}", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        file.set_permissions(Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut sleeper = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        assert!(!ends_well(&mut sleeper, Duration::from_millis(50)).unwrap());
        let patience = Duration::from_secs(60);
        assert!(ends_well(&mut Command::new("true").spawn().unwrap(), patience).unwrap());
        assert!(!ends_well(&mut Command::new("false").spawn().unwrap(), patience).unwrap());
    }

    /// Whether the process, whose number a script has written into the file, is there.
    fn goes_on(noted: &PathBuf) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", fs::read_to_string(noted).unwrap().trim())).unwrap_or_default();
        // Not one that has ended, and that nobody has waited for.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    #[test]
    fn what_a_program_left_behind_ends_with_it_and_its_name_is_told() {
        let noted = std::env::temp_dir().join(format!("nologd-program-left-{}.pid", std::process::id()));
        let leaves = format!("sleep 100 & echo $! >{}; echo line", noted.display());
        // It has ended, and what it started has its output still; or it is not heard any more.
        for (name, silence, fails) in [("leaves", Duration::from_millis(500), false), ("unheard", Duration::from_secs(60), true)]
        {
            let path = script(name, &leaves);
            let take = |_: Printed<'_>| {
                sleep(Duration::from_millis(200));
                if fails { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
            };
            let error = each_line(Command::new(&path), silence, take).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{}: ", path.display())), "{error}");
            let begin = Instant::now();
            while goes_on(&noted) {
                assert!(begin.elapsed() < Duration::from_secs(5), "{name}");
                sleep(Duration::from_millis(20));
            }
            [&path, &noted].iter().for_each(|path| fs::remove_file(path).unwrap());
        }
        let missing = each_line(Command::new("/nonexistent/doveadm"), Duration::from_secs(1), |_| Ok(())).unwrap_err();
        assert!(missing.kind() == io::ErrorKind::NotFound && missing.to_string().contains("/nonexistent/doveadm"), "{missing}");
    }

    #[test]
    fn a_line_that_is_cut_off_is_none() {
        let lines: Vec<_> = whole_lines(&b"STORAGE\t12\nMESSAGE\t2"[..]).collect();
        assert!(matches!(&lines[..], [Ok(line), Err(_)] if line == b"STORAGE\t12"));
    }
}
