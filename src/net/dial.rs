//! Connections to backends.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::conn::Conn;
use super::tls::TlsClient;
use crate::fault::{Fault, Side};
use crate::route::{Endpoint, Security, SocketName};

/// Connects to `endpoint`, with TLS if it is implicit there. STARTTLS is the caller's to speak; then comes [`secure`].
///
/// # Errors
/// `Down` when nobody takes the connection within `patience`; `Tls(Backend)` when the certificate is not valid.
pub async fn dial(endpoint: &Endpoint, tls: &TlsClient, patience: Duration) -> Result<Conn, Fault> {
    let connect = async {
        match &endpoint.socket {
            SocketName::Unix(path) => UnixStream::connect(path).await.map(Conn::Unix).map_err(|_| Fault::Down),
            SocketName::Tcp(host, port) => {
                let stream = TcpStream::connect((&**host, *port)).await.map_err(|_| Fault::Down)?;
                // As at a listener.
                let _ = stream.set_nodelay(true);
                match endpoint.security {
                    Security::Implicit => tls.connect(host, stream).await,
                    Security::Plain | Security::StartTls => Ok(Conn::Tcp(stream)),
                }
            }
        }
    };
    timeout(patience, connect).await.unwrap_or(Err(Fault::Down))
}

/// Starts TLS on a bare connection after the backend agreed to STARTTLS.
///
/// # Errors
/// `Tls(Backend)` as in [`dial`]; `Slow(Backend)` after `patience`.
pub async fn secure(conn: Conn, endpoint: &Endpoint, tls: &TlsClient, patience: Duration) -> Result<Conn, Fault> {
    let (Conn::Tcp(stream), SocketName::Tcp(host, _)) = (conn, &endpoint.socket) else {
        return Err(Fault::Tls(Side::Backend));
    };
    timeout(patience, tls.connect(host, stream)).await.unwrap_or(Err(Fault::Slow(Side::Backend)))
}
