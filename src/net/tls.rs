//! TLS in both roles: rustls with aws-lc-rs, TLS 1.2 and 1.3, no key log, no logging, nothing personal kept.
//!
//! Resumption is for TLS 1.3 alone, and each ticket for one time (RFC 8446 8.1, C.4): a client that shows it is known to have been
//! here, and by a ticket that is shown again from elsewhere, all on the way could tie two networks to one device. TLS 1.2 shows
//! its tickets and session identifiers in the clear, so it has none. A ticket is a random number; what belongs to it stays in
//! memory until it is used, or until [`TICKETS`] others were given out. ALPN (RFC 7301) is enforced when the client offers it, against cross-protocol attacks.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use tokio_rustls::rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::conn::Conn;
use super::identity::Identity;
use crate::fault::{Fault, Side};

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

/// Tickets of one listener that may be open; each holds some 300 octets.
const TICKETS: usize = 4096;

/// Tickets that are good once. rustls gives out none under TLS 1.2 where nothing [can be cached](StoresServerSessions::can_cache),
/// and under TLS 1.3 takes each out of here as it is shown.
#[derive(Debug)]
struct OneTime(Arc<ServerSessionMemoryCache>);

impl StoresServerSessions for OneTime {
    fn put(&self, ticket: Vec<u8>, secret: Vec<u8>) -> bool {
        self.0.put(ticket, secret)
    }

    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.0.take(ticket)
    }

    fn can_cache(&self) -> bool {
        false
    }
}

/// The server side.
#[derive(Clone)]
pub struct TlsServer {
    acceptor: TlsAcceptor,
    patience: Duration,
}

impl TlsServer {
    /// Serves the certificates of `resolver` to clients that speak one of `alpn` (RFC 7301); a handshake may take `patience`. With `clients`, who
    /// shows no certificate of theirs gets no further than the handshake.
    ///
    /// # Errors
    /// `Tls(Us)` when the cryptography library cannot offer what is needed.
    pub fn new(
        resolver: Arc<dyn ResolvesServerCert>,
        alpn: &[&str],
        patience: Duration,
        clients: Option<&Clients>,
    ) -> Result<TlsServer, Fault> {
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| Fault::Tls(Side::Us))?;
        let builder = match clients {
            Some(Clients(verifier)) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.ignore_client_order = true;
        config.session_storage = Arc::new(OneTime(ServerSessionMemoryCache::new(TICKETS)));
        // One ticket instead of two: a mail program resumes once, and each costs a record at login.
        config.send_tls13_tickets = 1;
        Ok(TlsServer { acceptor: TlsAcceptor::from(Arc::new(config)), patience })
    }

    /// What clients may say in ALPN that they speak.
    pub fn protocols(&self) -> &[Vec<u8>] {
        &self.acceptor.config().alpn_protocols
    }

    /// How long a handshake may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.acceptor.config().clone()
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
        let shaken = timeout(self.patience, handshake).await.map_err(|_| Fault::Slow(Side::Client))?;
        let stream = shaken.map_err(|_| Fault::Tls(Side::Client))?;
        kept.map_err(|_| Fault::Tls(Side::Us))?;
        Ok(Conn::Server(Box::new(stream)))
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

    /// Whether `own` is a certificate of theirs, for clients, that is valid at `now`, in seconds since 1970.
    pub fn accept(&self, own: &Identity, now: u64) -> bool {
        let Some((leaf, rest)) = own.chain.split_first() else { return false };
        self.0.verify_client_cert(leaf, rest, UnixTime::since_unix_epoch(Duration::from_secs(now))).is_ok()
    }
}

/// The client side, towards backends: certificates are always verified.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

impl TlsClient {
    /// Trusts the system's authorities, or only those in the PEM file `authorities`.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn new(authorities: Option<&Path>) -> io::Result<TlsClient> {
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
        Ok(TlsClient(TlsConnector::from(Arc::new(config))))
    }

    /// Trusts only the authorities in the PEM file `authorities`, and shows `own` to who asks for a certificate.
    ///
    /// # Errors
    /// As [`TlsClient::new`].
    pub fn mutual(authorities: &Path, own: &Identity) -> io::Result<TlsClient> {
        let mut roots = RootCertStore::empty();
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        for certificate in CertificateDer::pem_slice_iter(&std::fs::read(authorities)?) {
            roots.add(certificate.map_err(|_| invalid())?).map_err(|_| invalid())?;
        }
        if roots.is_empty() {
            return Err(invalid());
        }
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| invalid())?;
        let config = builder.with_root_certificates(roots).with_client_cert_resolver(own.shown.clone());
        Ok(TlsClient(TlsConnector::from(Arc::new(config))))
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tokio_rustls::rustls::version::{TLS12, TLS13};
    use tokio_rustls::rustls::{ClientConnection, HandshakeKind, ServerConnection, SupportedProtocolVersion};

    use super::super::certificates::Certificates;
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/certs-example");

    fn server() -> Arc<ServerConfig> {
        let (certificates, _) = Certificates::load(Path::new(FOLDER), "mail.nolog.example", 0);
        let Ok(server) = TlsServer::new(certificates, &["imap"], Duration::from_secs(1), None) else { panic!("no server") };
        server.acceptor.config().clone()
    }

    fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let chain = std::fs::read(Path::new(FOLDER).join("mail.nolog.example/fullchain.pem")).unwrap();
        roots.add(CertificateDer::from_pem_slice(&chain).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    fn dial(client: &Arc<ClientConfig>) -> ClientConnection {
        ClientConnection::new(client.clone(), ServerName::try_from("mail.nolog.example").unwrap()).unwrap()
    }

    /// Carries what both say until neither has anything to say.
    fn talk(client: &mut ClientConnection, server: &mut ServerConnection) {
        loop {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            let mut back = Vec::new();
            server.read_tls(&mut &wire[..]).unwrap();
            server.process_new_packets().unwrap();
            server.write_tls(&mut back).unwrap();
            if wire.is_empty() && back.is_empty() {
                return;
            }
            let mut rest = &back[..];
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
            }
        }
    }

    fn session(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Option<HandshakeKind> {
        let (mut ours, mut theirs) = (ServerConnection::new(server.clone()).unwrap(), dial(client));
        talk(&mut theirs, &mut ours);
        // What is read makes the client take the ticket behind the handshake.
        let _ = theirs.reader().read(&mut [0; 1]);
        ours.handshake_kind()
    }

    /// What somebody on the way has seen of one session leads to no second one.
    #[test]
    fn a_ticket_of_tls_1_3_is_good_once() {
        let (client, server) = (client(&TLS13), server());
        assert_eq!(session(&client, &server), Some(HandshakeKind::Full));
        let mut shown = Vec::new();
        dial(&client).write_tls(&mut shown).unwrap();
        let judged = || {
            let mut ours = ServerConnection::new(server.clone()).unwrap();
            ours.read_tls(&mut &shown[..]).unwrap();
            ours.process_new_packets().unwrap();
            ours.handshake_kind()
        };
        assert_eq!(judged(), Some(HandshakeKind::Resumed));
        assert_eq!(judged(), Some(HandshakeKind::Full));
        // Each session gives one ticket, and the next one takes it.
        assert_eq!(session(&client, &server), Some(HandshakeKind::Full));
        assert_eq!(session(&client, &server), Some(HandshakeKind::Resumed));
        assert_eq!(session(&client, &server), Some(HandshakeKind::Resumed));
    }

    #[test]
    fn tls_1_2_has_no_tickets_and_no_session_identifiers() {
        let (client, server) = (client(&TLS12), server());
        for _ in 0..3 {
            assert_eq!(session(&client, &server), Some(HandshakeKind::Full));
        }
    }
}
