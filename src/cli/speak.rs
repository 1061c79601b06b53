//! To the daemon and back: one line each way over its Unix socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::admin::{Answer, MAX_ANSWER, MAX_REQUEST, Request};

/// How long the daemon may be silent: a removal rewrites the whole store.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no answer.
pub(super) enum Trouble {
    /// The socket cannot be reached.
    Connect(io::ErrorKind),
    /// The daemon closed without an answer that makes sense: whether the command was carried out is not known.
    Silent,
    /// The command is longer than the daemon reads.
    TooLong,
}

impl Trouble {
    /// What happened and what to do.
    pub(super) fn text(&self, socket: &Path) -> String {
        let socket = socket.display();
        match self {
            Trouble::Connect(io::ErrorKind::NotFound) => {
                format!("{socket}: no daemon has made this socket. Is nologd running, with a listener for admins?")
            }
            Trouble::Connect(io::ErrorKind::ConnectionRefused) => format!("{socket}: nologd does not run there any more."),
            Trouble::Connect(io::ErrorKind::PermissionDenied) => {
                format!("{socket}: you may not. Root may, the daemon's own user, and the group of [admin] in the config.")
            }
            Trouble::Connect(kind) => format!("{socket}: {kind}"),
            Trouble::Silent => {
                format!("{socket}: nologd gave no answer. Whether it was done is not known: look with `show` or `list`.")
            }
            Trouble::TooLong => "This is too much for one command. Give it in several.".into(),
        }
    }
}

/// Sends `request` and reads the answer.
pub(super) fn speak(socket: &Path, request: &Request) -> Result<Answer, Trouble> {
    let line = request.encode();
    if line.len() > MAX_REQUEST {
        return Err(Trouble::TooLong);
    }
    let mut stream = UnixStream::connect(socket).map_err(|error| Trouble::Connect(error.kind()))?;
    exchange(&mut stream, line.as_bytes()).ok().and_then(|answer| Answer::decode(&answer)).ok_or(Trouble::Silent)
}

fn exchange(stream: &mut UnixStream, line: &[u8]) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A daemon that refuses us closes before it has read: its answer is there all the same.
    let _ = stream.write_all(line);
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER as u64).read_to_end(&mut answer)?;
    Ok(answer)
}
