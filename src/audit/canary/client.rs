//! The canary's mail program: TLS to our own listeners, from an address of its own. One command after the other.
//!
//! It trusts the very certificate that the config names and no other: it talks to this machine, and proves nothing to the world.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use zeroize::Zeroizing;

use super::FlightTrouble;

/// A listener that is silent for longer has failed.
const SILENCE: Duration = Duration::from_secs(40);
/// No answer is longer; more is not read.
const LONGEST: u64 = 1 << 20;

/// Where to connect, from where, and whose certificate is expected.
pub(super) struct FlightPath {
    pub from: Ipv4Addr,
    pub to: SocketAddr,
    pub name: String,
    pub certificate: CertificateDer<'static>,
    pub begin: WayIn,
}

/// What comes before TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WayIn {
    /// Nothing.
    Tls,
    /// A greeting, and this command (RFC 2595 4, RFC 5804 2.2), each answered by a verdict.
    Asked(&'static str),
}

/// How POP3 and ManageSieve say how it went.
pub(super) const VERDICTS: [&str; 5] = ["+OK", "-ERR", "OK", "NO", "BYE"];

impl FlightPath {
    /// A connection that is ready for TLS.
    fn ready(&self) -> io::Result<TcpStream> {
        let mut stream = self.plain()?;
        if let WayIn::Asked(command) = self.begin {
            verdict(&mut stream)?;
            stream.write_all(format!("{command}\r\n").as_bytes())?;
            verdict(&mut stream)?;
        }
        Ok(stream)
    }

    /// A connection without TLS, from the canary's address where the listener can be reached from it.
    pub fn plain(&self) -> io::Result<TcpStream> {
        let stream = match self.to.ip() {
            IpAddr::V4(to) => from(self.from, to, self.to.port())?,
            IpAddr::V6(_) => TcpStream::connect(self.to)?,
        };
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Reads up to a good verdict, and not an octet further: what comes then is TLS.
fn verdict(stream: &mut TcpStream) -> io::Result<()> {
    let (mut line, mut octet, mut left) = (Vec::new(), [0], LONGEST);
    while left > 0 {
        stream.read_exact(&mut octet)?;
        left -= 1;
        line.extend(octet);
        if octet != *b"\n" {
            continue;
        }
        if let Some(verdict) = VERDICTS.iter().find(|word| line.starts_with(word.as_bytes())) {
            return if verdict.ends_with("OK") { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) };
        }
        line.clear();
    }
    Err(io::ErrorKind::InvalidData.into())
}

// std cannot choose the address that it connects from.
fn from(own: Ipv4Addr, to: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let [a, b, c, d] = own.octets();
    bind(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0))?;
    let [a, b, c, d] = to.octets();
    connect(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, port))?;
    Ok(TcpStream::from(socket))
}

/// A connection with TLS from the first byte.
pub(super) struct CanaryClient {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl CanaryClient {
    pub fn connect(way: &FlightPath, alpn: Option<&str>, step: &'static str) -> Result<CanaryClient, FlightTrouble> {
        let broken = |_| FlightTrouble::Broken(step);
        let name = ServerName::try_from(way.name.clone()).map_err(|_| FlightTrouble::Certificate)?;
        let mut config = trust(way.certificate.clone()).ok_or(FlightTrouble::Certificate)?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let session = ClientConnection::new(Arc::new(config), name).map_err(|_| FlightTrouble::Certificate)?;
        let stream = way.ready().map_err(broken)?;
        Ok(CanaryClient { stream: BufReader::new(StreamOwned::new(session, stream)) })
    }

    /// A handshake with another name and protocol, that trusts no certificate: it can only fail.
    pub fn connect_in_doubt(way: &FlightPath, name: &str, alpn: &str, step: &'static str) -> Result<CanaryClient, FlightTrouble> {
        let nobody = FlightPath {
            from: way.from,
            to: way.to,
            name: name.to_owned(),
            certificate: CertificateDer::from(vec![0]),
            begin: way.begin,
        };
        CanaryClient::connect(&nobody, Some(alpn), step)
    }

    pub fn send(&mut self, text: &str, step: &'static str) -> Result<(), FlightTrouble> {
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).map_err(|_| FlightTrouble::Broken(step))
    }

    /// One SMTP answer: its last line.
    pub fn smtp(&mut self, command: &str, step: &'static str) -> Result<String, FlightTrouble> {
        self.send(command, step)?;
        loop {
            let line = self.line(step)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    /// An SMTP answer that must begin with `code`.
    pub fn smtp_expect(&mut self, command: &str, code: &str, step: &'static str) -> Result<(), FlightTrouble> {
        if self.smtp(command, step)?.starts_with(code) { Ok(()) } else { Err(FlightTrouble::Unexpected(step)) }
    }

    /// One IMAP command: whether the answer was OK, and what came before it.
    pub fn imap(&mut self, command: &str, step: &'static str) -> Result<(bool, String), FlightTrouble> {
        let command = Zeroizing::new(format!("c {command}\r\n"));
        self.send(&command, step)?;
        let mut before = String::new();
        loop {
            let line = self.line(step)?;
            if let Some(answer) = line.strip_prefix("c ") {
                return Ok((answer.starts_with("OK"), before));
            }
            // Asked for a literal that is not going to be sent.
            if line.starts_with('+') {
                return Ok((true, before));
            }
            before.push_str(&line);
        }
    }

    /// An IMAP command that must be refused before anything more is sent: the whole answer.
    pub fn refused(&mut self, command: &str, step: &'static str) -> Result<String, FlightTrouble> {
        self.send(&format!("c {command}\r\n"), step)?;
        loop {
            let line = self.line(step)?;
            match line.strip_prefix("c ") {
                Some(answer) if answer.starts_with("OK") => return Err(FlightTrouble::Unexpected(step)),
                Some(answer) => return Ok(answer.to_owned()),
                // Asked for: what was announced is not there to be sent.
                None if line.starts_with('+') => return Err(FlightTrouble::Unexpected(step)),
                None => {}
            }
        }
    }

    /// An IMAP command that must succeed.
    pub fn imap_expect(&mut self, command: &str, step: &'static str) -> Result<String, FlightTrouble> {
        match self.imap(command, step)? {
            (true, before) => Ok(before),
            (false, _) => Err(FlightTrouble::Unexpected(step)),
        }
    }

    pub fn line(&mut self, step: &'static str) -> Result<String, FlightTrouble> {
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        match read {
            Ok(count) if count > 0 => Ok(String::from_utf8_lossy(&line).into_owned()),
            _ => Err(FlightTrouble::Broken(step)),
        }
    }
}

fn trust(certificate: CertificateDer<'static>) -> Option<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    let verifier = Arc::new(Exactly { certificate, provider });
    Some(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes one certificate, octet for octet, and its proof of the key.
#[derive(Debug)]
struct Exactly {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if shown.as_ref() == self.certificate.as_ref() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("another certificate".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
