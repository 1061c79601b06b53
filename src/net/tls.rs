//! TLS in both roles: rustls with aws-lc-rs, TLS 1.2 and 1.3, no key log, no logging, nothing personal kept.
//!
//! Resumption uses tickets that are encrypted with a key in memory (RFC 8446 4.6.1): the server side stores nothing per
//! client. ALPN (RFC 7301) is enforced when the client offers it, against cross-protocol attacks.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::conn::Conn;
use crate::fault::{Fault, Side};

/// Which protocol a TLS listener speaks; decides what ALPN may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// Registered: `imap`.
    Imap,
    /// Not registered, but what some mail programs say: `smtp`, `esmtp`.
    Submission,
}

/// AES-128 costs less per octet than AES-256 and is no weaker here, so it is preferred; the others stay for clients
/// without AES in hardware, or with other tastes.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    let fast = |suite: CipherSuite| {
        use CipherSuite::*;
        let first = [TLS13_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
        !first.contains(&suite)
    };
    provider.cipher_suites.sort_by_key(|suite| fast(suite.suite()));
    Arc::new(provider)
}

/// The server side.
#[derive(Clone)]
pub struct Server {
    acceptor: TlsAcceptor,
    patience: Duration,
}

impl Server {
    /// Serves the certificates of `resolver` to clients that speak `alpn`; a handshake may take `patience`. With `clients`, who
    /// shows no certificate of theirs gets no further than the handshake.
    ///
    /// # Errors
    /// `Tls(Us)` when the cryptography library cannot offer what is needed.
    pub fn new(
        resolver: Arc<dyn ResolvesServerCert>,
        alpn: Alpn,
        patience: Duration,
        clients: Option<&Clients>,
    ) -> Result<Server, Fault> {
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| Fault::Tls(Side::Us))?;
        let builder = match clients {
            Some(Clients(verifier)) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = match alpn {
            Alpn::Imap => vec![b"imap".to_vec()],
            Alpn::Submission => vec![b"smtp".to_vec(), b"esmtp".to_vec()],
        };
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(|_| Fault::Tls(Side::Us))?;
        // One ticket instead of two: a mail program resumes once, and each costs a record at login.
        config.send_tls13_tickets = 1;
        Ok(Server { acceptor: TlsAcceptor::from(Arc::new(config)), patience })
    }

    /// The handshake with a client, and behind it `words`: a greeting, at most.
    ///
    /// They are given to rustls before the handshake, which keeps them until it may say them. So they leave in one write with
    /// the session ticket; said afterwards they are a call and a packet of their own, and one wake-up more for the client.
    ///
    /// # Errors
    /// `Slow` when it takes too long, `Tls` when it fails or the connection is no bare TCP.
    pub async fn accept(&self, conn: Conn, words: &[u8]) -> Result<Conn, Fault> {
        let Conn::Tcp(stream) = conn else { return Err(Fault::Tls(Side::Us)) };
        let mut kept = Ok(());
        let handshake = self.acceptor.accept_with(stream, |tls| kept = tls.writer().write_all(words));
        kept.map_err(|_| Fault::Tls(Side::Us))?;
        match timeout(self.patience, handshake).await {
            Ok(Ok(stream)) => Ok(Conn::Server(Box::new(stream))),
            Ok(Err(_)) => Err(Fault::Tls(Side::Client)),
            Err(_) => Err(Fault::Slow(Side::Client)),
        }
    }
}

/// Who signs the certificates that clients must show.
#[derive(Clone)]
pub struct Clients(Arc<dyn ClientCertVerifier>);

impl Clients {
    /// The authorities in the PEM file `file`.
    ///
    /// # Errors
    /// The file cannot be read, or holds no usable certificate.
    pub fn load(file: &Path) -> io::Result<Clients> {
        let (mut roots, invalid) = (RootCertStore::empty(), || io::Error::from(io::ErrorKind::InvalidData));
        let given = std::fs::read(file)?;
        for certificate in CertificateDer::pem_slice_iter(&given) {
            roots.add(certificate.map_err(|_| invalid())?).map_err(|_| invalid())?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        builder.build().map(Clients).map_err(|_| invalid())
    }
}

/// The client side, towards backends: certificates are always verified.
#[derive(Clone)]
pub struct Client(TlsConnector);

impl Client {
    /// Trusts the system's authorities, or only those in the PEM file `authorities`.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn new(authorities: Option<&Path>) -> io::Result<Client> {
        let mut roots = RootCertStore::empty();
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let given = match authorities {
            Some(file) => {
                let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(|_| invalid())?.collect();
                certificates.map_err(|_| invalid())?
            }
            None => rustls_native_certs::load_native_certs().certs,
        };
        let (usable, _) = roots.add_parsable_certificates(given);
        if usable == 0 && authorities.is_some() {
            return Err(invalid());
        }
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| invalid())?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Client(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake with the backend `host`.
    ///
    /// # Errors
    /// `Tls(Backend)`: the certificate is not valid for `host`, or the handshake failed.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> Result<Conn, Fault> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Fault::Tls(Side::Backend))?;
        let stream = self.0.connect(name, stream).await.map_err(|_| Fault::Tls(Side::Backend))?;
        Ok(Conn::Client(Box::new(stream)))
    }
}
