//! What a driver is given for one connection: a client that has a seat and was not greeted yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::imap_backend::Pooling;
use crate::fault::{Fault, Side};
use crate::imap::login::Protection;
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::shutdown::Shutdown;
use crate::net::tls;

/// What a driver is given for one connection.
pub(super) struct Accepted {
    pub(super) handshake: Handshake,
    pub(super) seat: Seat,
    pub(super) stop: Shutdown,
    pub(super) protection: Protection,
    /// For STARTTLS.
    pub(super) tls: Option<tls::Server>,
    pub(super) pooling: Pooling,
    /// The domain of logins that have none: [`Credential::completed`](crate::private::Credential::completed).
    pub(super) default_domain: Option<Arc<str>>,
}

/// A client that was not greeted yet.
pub(super) struct Handshake {
    pub(super) conn: Conn,
    /// Where TLS comes first.
    pub(super) tls: Option<tls::Server>,
    /// How long it has from then on until it is logged in.
    pub(super) login: Duration,
}

impl Handshake {
    /// TLS, if that comes first, and `words`: in one go, see [`tls::Server::accept`].
    ///
    /// # Errors
    /// As there, and as [`BufferedConn::send`].
    pub(super) async fn greet(self, words: &[u8]) -> Result<BufferedConn, Fault> {
        let Some(tls) = self.tls else {
            let mut link = BufferedConn::new(self.conn, Side::Client, Instant::now() + self.login);
            link.send(words).await?;
            return Ok(link);
        };
        // Boxed: the handshake's state must not stay in the task for the rest of the session.
        let conn = Box::pin(tls.accept(self.conn, words)).await?;
        Ok(BufferedConn::new(conn, Side::Client, Instant::now() + self.login))
    }
}
