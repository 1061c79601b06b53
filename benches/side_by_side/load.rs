//! The load: connections as a mail program makes them, many at once, and what is drawn from their times.
//!
//! Every connection has TCP_NODELAY, but for one row: a delay that is seen is the peer's. All peers are offered the same TLS: 1.3 only, X25519,
//! AES-128-GCM first, no resumption, so that each login is a full handshake. The certificate is not verified; its cost would
//! be the client's.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{DigitallySignedStruct, Error, SignatureScheme, version};

use crate::Res;
use crate::lab::DOMAIN;

/// A loopback port where a peer listens.
#[derive(Clone, Copy)]
pub struct Door {
    pub port: u16,
    pub tls: bool,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that reads lines and counted octets.
pub struct Wire(BufReader<Box<dyn Stream>>);

impl Wire {
    pub async fn open(door: Door) -> Res<Self> {
        Self::open_as(door, true).await
    }

    /// With TCP_NODELAY or, as sockets are where a program asks for nothing, without.
    pub async fn open_as(door: Door, nodelay: bool) -> Res<Self> {
        let socket = TcpStream::connect(("127.0.0.1", door.port)).await?;
        socket.set_nodelay(nodelay)?;
        let stream: Box<dyn Stream> = if door.tls {
            Box::new(connector()?.connect(ServerName::try_from(DOMAIN)?, socket).await?)
        } else {
            Box::new(socket)
        };
        // Small: thousands of idle sessions are held. Bodies are read past it, see `swallow`.
        Ok(Self(BufReader::with_capacity(2048, stream)))
    }

    /// A line without its end.
    pub async fn line(&mut self) -> Res<String> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await? == 0 {
            return Err("the connection was closed".into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Res<()> {
        self.0.get_mut().write_all(bytes).await?;
        Ok(self.0.get_mut().flush().await?)
    }

    /// Sends a message of `size` octets that begins with `head`, then `tail`: in pieces of 64 KiB, and a small one in one
    /// write, as mail programs do.
    pub async fn send_message(&mut self, head: &str, size: usize, tail: &str) -> Res<()> {
        let mut piece = head.as_bytes().to_vec();
        let mut left = size.saturating_sub(head.len());
        while left > 0 {
            let text = text_piece();
            let part = text.get(..left).unwrap_or(text);
            piece.extend_from_slice(part);
            left -= part.len();
            if left > 0 {
                self.0.get_mut().write_all(&piece).await?;
                piece.clear();
            }
        }
        piece.extend_from_slice(tail.as_bytes());
        self.send(&piece).await
    }

    pub async fn swallow(&mut self, size: u64) -> Res<()> {
        swallow(&mut self.0, size).await
    }

    /// The same over a line that brings so many octets a second: what comes faster waits in the sockets.
    pub async fn swallow_at(&mut self, size: u64, speed: u64) -> Res<()> {
        const PIECE: u64 = 262_144;
        let (start, mut done) = (Instant::now(), 0);
        while done < size {
            let piece = PIECE.min(size - done);
            self.swallow(piece).await?;
            done += piece;
            let due = Duration::from_secs_f64(done as f64 / speed as f64);
            tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
        }
        Ok(())
    }
}

/// Reads `size` octets and forgets them. The piece is larger than any `BufReader` here, so that these step aside.
pub async fn swallow(io: &mut (impl AsyncRead + Unpin), size: u64) -> Res<()> {
    let mut piece = vec![0; 65_536];
    let mut rest = io.take(size);
    while rest.limit() > 0 {
        if rest.read(&mut piece).await? == 0 {
            return Err("the connection was closed inside a body".into());
        }
    }
    Ok(())
}

/// The certificate that is shown for `name` now.
pub async fn certificate(port: u16, name: &'static str) -> Res<Vec<u8>> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let stream = connector()?.connect(ServerName::try_from(name)?, socket).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.first().ok_or("no certificate")?.to_vec())
}

/// Runs `work` `total` times, `width` at once, and gives the time of each. The first error ends all.
pub async fn crowd<Work, Done>(total: usize, width: usize, work: Work) -> Res<Times>
where
    Work: Fn(usize) -> Done + Clone + Send + 'static,
    Done: Future<Output = Res<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..width {
        let (next, work) = (next.clone(), work.clone());
        workers.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return Res::Ok(times);
                }
                let start = Instant::now();
                work(number).await?;
                times.push(start.elapsed());
            }
        });
    }
    let mut all = Vec::with_capacity(total);
    while let Some(times) = workers.join_next().await {
        all.extend(times??);
    }
    Ok(Times::new(all))
}

/// Sorted durations.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time in milliseconds that `percent` of all were not above (nearest rank); NaN if there is none.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

fn text_piece() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| [vec![b'x'; 76], b"\r\n".to_vec()].concat().repeat(65_520 / 78))
}

pub fn connector() -> Res<TlsConnector> {
    static CONNECTOR: OnceLock<TlsConnector> = OnceLock::new();
    if let Some(connector) = CONNECTOR.get() {
        return Ok(connector.clone());
    }
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    let provider = Arc::new(provider);
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(CONNECTOR.get_or_init(|| TlsConnector::from(Arc::new(config))).clone())
}

/// Accepts any certificate: loopback, made-up keys, nothing to protect. The handshake signature is still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
