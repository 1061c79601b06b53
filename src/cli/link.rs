//! `nologd node link`: octets from the daemon's socket into a command, and back. It reads none of them, and has no key.
//!
//! Whichever side ends, the other one is ended, and both begin anew: the daemon notices silence, and the command notices a cut by its own
//! means (ssh's ServerAliveInterval).

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::{REFUSED, complain};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Connects them, for as long as it runs.
pub(super) fn link(socket: &Path, command: &[OsString]) -> ExitCode {
    let mut was_told = false;
    loop {
        match UnixStream::connect(socket) {
            Ok(daemon) => {
                was_told = false;
                if let Err(error) = once(&daemon, command) {
                    complain(&format!("the command for the witness cannot be started: {error}"));
                    return ExitCode::from(REFUSED);
                }
            }
            Err(error) if !was_told => {
                complain(&format!("{}: {error}. Trying again", socket.display()));
                was_told = true;
            }
            Err(_) => {}
        }
        sleep(PAUSE);
    }
}

fn once(daemon: &UnixStream, command: &[OsString]) -> std::io::Result<()> {
    let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut witness = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut into), Some(mut out)) = (witness.stdin.take(), witness.stdout.take()) else {
        end(&mut witness);
        return Ok(());
    };
    let (one_end, ends) = channel();
    let (mut up, mut down) = (daemon.try_clone()?, daemon.try_clone()?);
    let other_end = one_end.clone();
    spawn(move || {
        pass(&mut up, &mut into);
        let _ = one_end.send(());
    });
    spawn(move || {
        pass(&mut out, &mut down);
        let _ = other_end.send(());
    });
    let _ = ends.recv();
    let _ = daemon.shutdown(Shutdown::Both);
    end(&mut witness);
    Ok(())
}

fn end(witness: &mut Child) {
    let _ = witness.kill();
    let _ = witness.wait();
}

fn pass(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let sent = to.write_all(piece.get(..count).unwrap_or_default()).and_then(|()| to.flush());
        if sent.is_err() {
            return;
        }
    }
}
