//! Where a client of a load balancer is, read before anything else of its connection: the header of the PROXY protocol.
//!
//! Not an octet behind the header is taken, for TLS begins there. Most headers come whole in the first packet, and cost one look and one
//! read.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::proxy_header::{self, Forwarded, MOST_V2};
use crate::net::conn::Conn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};

/// How long a balancer may take to say it. It knows it when it connects.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unheard {
    /// It connected and left without an octet: balancers look so whether a port is open. Or we are being stopped.
    Left,
    /// What came is no header, or not a whole one in time.
    Missing,
}

/// Reads the header on `conn`.
///
/// # Errors
/// [`Unheard`].
pub(super) async fn hear(conn: &Conn, mut stop: Shutdown) -> Result<Forwarded, Unheard> {
    tokio::select! {
        heard = timeout(PATIENCE, header(conn)) => heard.unwrap_or(Err(Unheard::Missing)),
        () = stop.reached(ShutdownPhase::Draining) => Err(Unheard::Left),
    }
}

async fn header(conn: &Conn) -> Result<Forwarded, Unheard> {
    let mut octets = Vec::new();
    loop {
        let before = octets.len();
        // One octet more than a header may have, so that a longer one is seen to be longer.
        octets.resize(MOST_V2 + 1, 0);
        let came = conn.peek(&mut octets[before..]).await;
        octets.truncate(before + came.as_ref().map_or(0, |count| *count));
        if octets.len() == before {
            return Err(if before == 0 { Unheard::Left } else { Unheard::Missing });
        }
        match proxy_header::read(&octets).map_err(|_| Unheard::Missing)? {
            Some((told, used)) => return take(conn, used - before).map(|()| told).map_err(|_| Unheard::Left),
            // All of it belongs to the header.
            None => take(conn, octets.len() - before).map_err(|_| Unheard::Left)?,
        }
    }
}

/// Takes `count` octets that are there.
fn take(conn: &Conn, count: usize) -> io::Result<()> {
    let mut taken = vec![0; count];
    let mut rest = &mut taken[..];
    while !rest.is_empty() {
        let count = conn.take_peeked(rest)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        rest = &mut rest[count..];
    }
    Ok(())
}
