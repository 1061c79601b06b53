//! To the daemon and back: one line each way over its Unix socket.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::admin::{AdminCommand, MAX_ANSWER, MAX_REQUEST, NotDone, Unread, ask, told};

/// How long the daemon may take to answer: a removal rewrites the whole store.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to answer what changes nothing.
const PATIENCE_LOOKING: Duration = Duration::from_secs(20);
/// How long it may take to let us in: without file descriptors it takes no connections, and its queue fills.
const PATIENCE_CONNECTING: Duration = Duration::from_secs(10);

/// Why there is no answer.
pub(super) enum SpeakTrouble {
    /// The socket cannot be reached.
    Connect(io::ErrorKind),
    /// The socket is there, and nobody takes connections from it.
    Busy,
    /// The daemon gave no answer to a question in time.
    Slow,
    /// The daemon closed without an answer that makes sense: whether the command was carried out is not known.
    Silent,
    /// The daemon's answer is one of another version.
    Foreign,
    /// The command is longer than the daemon reads.
    TooLong,
}

impl SpeakTrouble {
    /// What happened and what to do.
    pub(super) fn text(&self, socket: &Path) -> String {
        let socket = socket.display();
        match self {
            SpeakTrouble::Connect(io::ErrorKind::NotFound) => {
                format!(
                    "{socket}: no daemon has made this socket. Is nologd running, with a listener for admins? If its socket is \
                     elsewhere: --socket PATH, --config FILE, or NOLOGD_SOCKET"
                )
            }
            SpeakTrouble::Connect(io::ErrorKind::ConnectionRefused) => format!("{socket}: nologd does not run there any more."),
            SpeakTrouble::Connect(io::ErrorKind::PermissionDenied) => {
                format!("{socket}: you may not. Root may, the daemon's own user, and the group of [admin] in the config.")
            }
            SpeakTrouble::Connect(kind) => format!("{socket}: {kind}"),
            SpeakTrouble::Busy => format!("{socket}: nologd takes no connections. It has no file descriptors left, or hangs."),
            SpeakTrouble::Slow => {
                format!("{socket}: nologd gave no answer in {} s. It hangs, or is very busy.", PATIENCE_LOOKING.as_secs())
            }
            SpeakTrouble::Silent => {
                format!("{socket}: nologd gave no answer. Whether it was done is not known: look with `show` or `list`.")
            }
            SpeakTrouble::Foreign => format!(
                "{socket}: the answer is one of another version of nologd, and what it says is not known. If this was a change, it may \
                 be done. Restart the daemon after an update."
            ),
            SpeakTrouble::TooLong => "This is too much for one command. Give it in several.".into(),
        }
    }
}

/// Sends `command` and reads what is told.
pub(super) fn speak<C: AdminCommand>(socket: &Path, command: &C) -> Result<Result<C::Told, NotDone>, SpeakTrouble> {
    let line = ask(command);
    if line.len() > MAX_REQUEST {
        return Err(SpeakTrouble::TooLong);
    }
    let began = Instant::now();
    let patience = if C::LOOKS { PATIENCE_LOOKING } else { PATIENCE };
    let mut stream = connect(socket)?;
    let answer = exchange(&mut stream, line.as_bytes(), began + patience).map_or(Err(Unread::Nothing), |line| told(&line));
    answer.map_err(|unread| match unread {
        Unread::Foreign => SpeakTrouble::Foreign,
        Unread::Nothing if C::LOOKS && began.elapsed() >= patience => SpeakTrouble::Slow,
        Unread::Nothing => SpeakTrouble::Silent,
    })
}

/// As [`UnixStream::connect`], which waits for ever where the daemon's queue is full.
fn connect(path: &Path) -> Result<UnixStream, SpeakTrouble> {
    let failed = |error: io::Error| SpeakTrouble::Connect(error.kind());
    let address = SockAddr::unix(path).map_err(failed)?;
    let end = Instant::now() + PATIENCE_CONNECTING;
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        match socket.connect(&address) {
            Ok(()) => {
                socket.set_nonblocking(false).map_err(failed)?;
                return Ok(OwnedFd::from(socket).into());
            }
            // unix(7): the queue is full.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => sleep(Duration::from_millis(100)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(SpeakTrouble::Busy),
            Err(error) => return Err(failed(error)),
        }
    }
}

fn exchange(stream: &mut UnixStream, line: &[u8], end: Instant) -> io::Result<Vec<u8>> {
    let left = || end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(io::ErrorKind::TimedOut);
    stream.set_write_timeout(Some(left()?))?;
    // A daemon that refuses us closes before it has read: its answer is there all the same.
    let _ = stream.write_all(line);
    let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while answer.len() < MAX_ANSWER {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut piece)? {
            0 => break,
            count => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    Ok(answer)
}
