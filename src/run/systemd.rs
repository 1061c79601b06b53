//! systemd is told how it goes.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to systemd (sd_notify(3)), if it asked to be told. Opened before the sandbox, which allows no such socket.
pub struct Systemd(Option<UnixDatagram>);

impl Systemd {
    /// Looks for it in the environment.
    pub fn find() -> Systemd {
        let connect = || {
            let path = std::env::var("NOTIFY_SOCKET").ok()?;
            let address = match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&path),
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect_addr(&address.ok()?).ok()?;
            Some(socket)
        };
        Systemd(connect())
    }

    // Nobody to tell when it fails.
    pub(super) fn tell(&self, state: &str) {
        if let Some(socket) = &self.0 {
            let _ = socket.send(state.as_bytes());
        }
    }
}
