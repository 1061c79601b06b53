//! From a connection to the first word: TLS, if that comes first, and our greeting.
//!
//! Here it is seen where a client begins with a header of the PROXY protocol that nobody expects of it: what it says of itself would be
//! read as a first command, and answered, while every member behind a balancer is taken for the balancer.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::listener::proxy_header;
use crate::event::{Provoked, count};
use crate::fault::{Fault, Side};
use crate::net::alpn::Hello;
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
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
        let conn = match entrance {
            Unsecured::Plain(conn) => {
                let link = BufferedConn::new(conn, Side::Client, Instant::now() + login);
                return counted(plain(link, words, stop).await, listener);
            }
            Unsecured::Tls(conn, server) => {
                Box::pin(unless_header(conn, server.patience(), listener, |conn| server.accept(conn, words))).await?
            }
            Unsecured::Begun(hello, server) => Box::pin(hello.accept(&server, words)).await?,
        };
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

/// Begins TLS on `conn`, unless a header comes in its place: both within `patience`.
///
/// To TLS a header would be one more failed handshake, and nobody would learn that a balancer sends it to a listener that does not
/// expect it. The look costs nothing: the handshake would have waited by a read that finds nothing.
///
/// # Errors
/// `Garbage` for a header, `Slow` when all of it takes too long, and those of `begin`.
pub(super) async fn unless_header<T, F: Future<Output = Result<T, Fault>>>(
    conn: Conn,
    patience: Duration,
    listener: u64,
    begin: impl FnOnce(Conn) -> F,
) -> Result<T, Fault> {
    let begun = timeout(patience, async {
        let mut first = [0; 16];
        let count = conn.peek(&mut first).await.map_err(|_| Fault::Gone(Side::Client))?;
        if proxy_header::begins(&first[..count]) == Some(true) {
            return Err(Fault::Garbage(Side::Client));
        }
        begin(conn).await
    });
    counted(begun.await.unwrap_or(Err(Fault::Slow(Side::Client))), listener)
}

fn counted<T>(met: Result<T, Fault>, listener: u64) -> Result<T, Fault> {
    if matches!(met, Err(Fault::Garbage(Side::Client))) {
        count(Provoked::ProxyHeaderForeign(listener));
    }
    met
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What comes of a client that says `first`, and nothing more, where TLS waits for ever.
    async fn begun(first: &[u8]) -> Result<(), Fault> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(first).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let begun = unless_header(Conn::Tcp(stream), Duration::from_millis(50), 0, |_conn| pending());
        timeout(Duration::from_secs(20), begun).await.expect("patience has an end")
    }

    #[tokio::test]
    async fn who_is_silent_before_tls_or_in_it_is_slow() {
        for first in [&b""[..], b"\x16", b"PROXY", b"a LOGIN x y\r\n"] {
            assert_eq!(begun(first).await, Err(Fault::Slow(Side::Client)), "{}", first.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_header_in_the_place_of_tls_is_garbage() {
        for first in [&b"PROXY TCP4 192.0.2.7 192.0.2.1 1 1\r\n"[..], b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
            assert_eq!(begun(first).await, Err(Fault::Garbage(Side::Client)), "{}", first.escape_ascii());
        }
    }
}
