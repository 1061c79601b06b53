//! Listening sockets. Bound early, as root if need be; served later.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::conn::Conn;
use super::shutdown::{Shutdown, ShutdownPhase};
use crate::event::{Event, Provoked, count, emit};
use crate::private::Peer;

/// A bound socket that is not served yet.
pub enum Bound {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixListener),
}

/// The file of a Unix socket; removed when this is dropped. To be dropped before the socket is closed: whoever binds the same
/// path afterwards has a file of his own there.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Where it cannot be, the next bind replaces it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Binds `ADDRESS:PORT` or `unix:PATH`.
///
/// # Errors
/// What the kernel says; a stale socket file is replaced, any other file is not.
pub fn bind(address: &str) -> io::Result<Bound> {
    match address.strip_prefix("unix:") {
        Some(path) => bind_unix(Path::new(path)).map(Bound::Unix),
        None => {
            let address: SocketAddr = address.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Tcp(listener))
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let stale = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    if stale && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Bound {
    /// The same socket for another thread.
    ///
    /// # Errors
    /// No file descriptors left.
    pub fn try_clone(&self) -> io::Result<Bound> {
        match self {
            Bound::Tcp(listener) => listener.try_clone().map(Bound::Tcp),
            Bound::Unix(listener) => listener.try_clone().map(Bound::Unix),
        }
    }

    /// Where it is bound: for tests that ask the kernel for a port.
    pub fn port(&self) -> Option<u16> {
        match self {
            Bound::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Bound::Unix(_) => None,
        }
    }

    /// The file of a Unix socket, to be removed at the end: one that nobody listens at makes some peers try for seconds.
    pub fn file(&self) -> Option<SocketFile> {
        match self {
            Bound::Tcp(_) => None,
            Bound::Unix(listener) => Some(SocketFile(listener.local_addr().ok()?.as_pathname()?.to_owned())),
        }
    }

    /// Takes connections and hands each to `serve`, until `stop`. Must run inside the runtime.
    pub async fn serve(self, number: u64, mut stop: Shutdown, mut serve: impl FnMut(Conn, Peer)) {
        let accepting = async {
            let Ok(listener) = BoundListener::new(self) else {
                emit(Event::AcceptFailed { listener: number, times: 1 });
                return;
            };
            loop {
                match listener.accept().await {
                    Ok((conn, peer)) => serve(conn, peer),
                    // Out of file descriptors, mostly: give sessions time to end instead of spinning.
                    Err(_) => {
                        count(Provoked::AcceptFailed(number));
                        sleep(Duration::from_millis(200)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = stop.reached(ShutdownPhase::Draining) => {}
        }
    }
}

enum BoundListener {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl BoundListener {
    fn new(bound: Bound) -> io::Result<BoundListener> {
        match bound {
            Bound::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(BoundListener::Tcp),
            Bound::Unix(listener) => tokio::net::UnixListener::from_std(listener).map(BoundListener::Unix),
        }
    }

    async fn accept(&self) -> io::Result<(Conn, Peer)> {
        match self {
            BoundListener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Small answers must not wait for each other (Nagle): 47 ms per login in peers that forget this. A sandbox.toml that
                // does not allow it makes us slow, and not deaf.
                let _ = stream.set_nodelay(true);
                Ok((Conn::Tcp(stream), Peer::new(address)))
            }
            BoundListener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Conn::Unix(stream), Peer::local()))
            }
        }
    }
}
