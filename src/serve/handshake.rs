//! From a connection to the first word: TLS, if that comes first, and our greeting.
//!
//! Here it is seen where a client begins with a header of the PROXY protocol that nobody expects of it: what it says of itself would be
//! read as a first command, and answered, while every member behind a balancer is taken for the balancer.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Provoked, count};
use crate::fault::{Fault, Side};
use crate::net::alpn::Hello;
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::proxy_header;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::net::tls;

/// What comes before our greeting.
pub(super) enum Unsecured {
    /// Nothing.
    Plain(Conn),
    /// TLS.
    Tls(Conn, tls::TlsServer),
    /// TLS, which has begun.
    Begun(Hello, tls::TlsServer),
}

/// A client that was not greeted yet.
pub(super) struct Handshake {
    pub(super) entrance: Unsecured,
    /// How long it has from then on until it is logged in.
    pub(super) login: Duration,
    /// The listener's position in the config file.
    pub(super) listener: u64,
    pub(super) stop: Shutdown,
}

impl Handshake {
    /// TLS, if that comes first, and `words`: in one go, see [`tls::TlsServer::accept`].
    ///
    /// # Errors
    /// As there, and as [`BufferedConn::send`].
    pub(super) async fn greet(self, words: &[u8]) -> Result<BufferedConn, Fault> {
        let Handshake { entrance, login, listener, stop } = self;
        // Boxed: the handshake's state must not stay in the task for the rest of the session.
        let secured = match entrance {
            Unsecured::Plain(conn) => {
                let link = BufferedConn::new(conn, Side::Client, Instant::now() + login);
                return counted(plain(link, words, stop).await, listener);
            }
            Unsecured::Tls(conn, server) => Box::pin(server.accept(conn, words)).await,
            Unsecured::Begun(hello, server) => Box::pin(hello.accept(&server, words)).await,
        };
        let conn = counted(secured, listener)?;
        Ok(BufferedConn::new(conn, Side::Client, Instant::now() + login))
    }
}

/// The greeting, and the client's first octets: they tell whether it begins with a header. Whatever else is wrong with them is for the
/// driver, which reads on.
async fn plain(mut link: BufferedConn, words: &[u8], mut stop: Shutdown) -> Result<BufferedConn, Fault> {
    link.send(words).await?;
    loop {
        match proxy_header::begins(link.input()) {
            Some(true) => return Err(Fault::Garbage(Side::Client)),
            Some(false) => return Ok(link),
            None => {}
        }
        let filled = tokio::select! {
            filled = link.fill() => filled.is_ok(),
            () = stop.reached(ShutdownPhase::Draining) => false,
        };
        if !filled {
            return Ok(link);
        }
    }
}

fn counted<T>(met: Result<T, Fault>, listener: u64) -> Result<T, Fault> {
    if matches!(met, Err(Fault::Garbage(Side::Client))) {
        count(Provoked::ProxyHeaderForeign(listener));
    }
    met
}
