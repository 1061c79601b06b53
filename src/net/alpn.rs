//! One port for several services: the client says in its first message which one it wants (ALPN, RFC 7301).
//!
//! Which service it is is known before the handshake goes on, so each has its own side of TLS, and its greeting leaves with the
//! handshake as at a port of its own. Who names nothing that is served here, or nothing at all, gets the alert of RFC 7301 3.2.

use std::io::Write;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::conn::Conn;
use super::tls::TlsServer;
use crate::fault::{Fault, Side};

/// A fatal `no_application_protocol` (120), as a record of its own: nothing is encrypted yet (RFC 8446 5.1, 6).
const NO_APPLICATION_PROTOCOL: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];

/// What a client said first. Boxed: it is gone after the handshake.
pub struct Hello(Box<StartHandshake<TcpStream>>);

/// Waits for it, for `patience` at most.
///
/// # Errors
/// As [`TlsServer::accept`].
pub async fn hello(conn: Conn, patience: Duration) -> Result<Hello, Fault> {
    let Conn::Tcp(stream) = conn else { return Err(Fault::Tls(Side::Us)) };
    let hearing = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let heard = timeout(patience, hearing).await.map_err(|_| Fault::Slow(Side::Client))?;
    let start = heard.map_err(|_| Fault::Tls(Side::Client))?;
    Ok(Hello(Box::new(start)))
}

impl Hello {
    /// The first of the client's own order that one of `servers` speaks.
    pub fn chosen<'a, T>(&self, servers: &'a [(T, TlsServer)]) -> Option<&'a (T, TlsServer)> {
        let hello = self.0.client_hello();
        let speaks = |protocol: &[u8], server: &TlsServer| server.protocols().iter().any(|own| own == protocol);
        hello.alpn()?.find_map(|protocol| servers.iter().find(|(_, server)| speaks(protocol, server)))
    }

    /// The rest of the handshake, as `server`, and behind it `words`.
    ///
    /// # Errors
    /// As [`TlsServer::accept`].
    pub async fn accept(self, server: &TlsServer, words: &[u8]) -> Result<Conn, Fault> {
        let mut kept = Ok(());
        let handshake = self.0.into_stream_with(server.config(), |tls| kept = tls.writer().write_all(words));
        let shaken = timeout(server.patience(), handshake).await.map_err(|_| Fault::Slow(Side::Client))?;
        let stream = shaken.map_err(|_| Fault::Tls(Side::Client))?;
        kept.map_err(|_| Fault::Tls(Side::Us))?;
        Ok(Conn::Server(Box::new(stream)))
    }

    /// Ends it with the alert.
    pub async fn refuse(mut self, patience: Duration) {
        let alert = async {
            self.0.io.write_all(&NO_APPLICATION_PROTOCOL).await?;
            self.0.io.shutdown().await
        };
        // A client that is gone needs none.
        let _ = timeout(patience, alert).await;
    }
}
