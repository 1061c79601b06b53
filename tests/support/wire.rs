//! One end of a connection in a test: plain or TLS, client or server, with a bound on every wait.

#![allow(dead_code)] // every test file uses its own part of this

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nologd::demo::CERTIFICATE;
use tokio::net::TcpSocket;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

pub const KEY: &[u8] = include_bytes!("../../certs-example/mail.nolog.example/privkey.pem");

/// How long anything may take that must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

enum Stream {
    Plain(TcpStream),
    Client(Box<StreamOwned<ClientConnection, TcpStream>>),
    Server(Box<StreamOwned<ServerConnection, TcpStream>>),
    None,
}

pub struct Wire {
    stream: Stream,
    /// What came and was not taken yet.
    pub heard: Vec<u8>,
    ended: bool,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Wire {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Wire { stream: Stream::Plain(stream), heard: Vec::new(), ended: false }
    }

    /// From 127.0.0.1 to `port`.
    pub fn plain(port: u16) -> Wire {
        Wire::from([127, 0, 0, 1], port)
    }

    /// From an address of loopback of its own: to the limits, that is another network.
    pub fn from(source: [u8; 4], port: u16) -> Wire {
        let connecting = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((source, 0)))?;
            socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await?.into_std()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(connecting).unwrap();
        stream.set_nonblocking(false).unwrap();
        Wire::new(stream)
    }

    /// With TLS from the first byte; the handshake is done with the first byte sent or read.
    pub fn tls(port: u16) -> Wire {
        Wire::plain(port).secured()
    }

    pub fn secured(mut self) -> Wire {
        self.start_tls();
        self
    }

    /// The same, naming a protocol by ALPN.
    pub fn secured_for(mut self, protocol: &str) -> Wire {
        self.start_tls_with(client_config(&[protocol]));
        self
    }

    /// The client's side of TLS, on the connection as it is.
    pub fn start_tls(&mut self) {
        self.start_tls_with(client_config(&[]));
    }

    fn start_tls_with(&mut self, config: Arc<ClientConfig>) {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) else { panic!("TLS is on") };
        let name = ServerName::try_from("mail.nolog.example").unwrap();
        let session = ClientConnection::new(config, name).unwrap();
        self.stream = Stream::Client(Box::new(StreamOwned::new(session, stream)));
    }

    /// The server's side of TLS, with the example certificate.
    pub fn accept_tls(&mut self) {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) else { panic!("TLS is on") };
        let session = ServerConnection::new(server_config()).unwrap();
        self.stream = Stream::Server(Box::new(StreamOwned::new(session, stream)));
    }

    /// Sends; whether the other end took it.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Client(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Stream::Server(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Stream::None => Err(ErrorKind::NotConnected.into()),
        };
        sent.is_ok()
    }

    /// Says that nothing more will come, and still listens.
    pub fn leave(&mut self) {
        let socket = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Client(stream) => {
                stream.conn.send_close_notify();
                stream.flush().unwrap();
                &mut stream.sock
            }
            Stream::Server(_) | Stream::None => panic!("a client leaves"),
        };
        socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads what comes within `patience`, at least once. False: nothing came.
    pub fn hear(&mut self, patience: Duration) -> bool {
        if self.ended {
            return false;
        }
        let mut piece = [0; 16 * 1024];
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match self.read(&mut piece, left) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.heard.extend_from_slice(&piece[..count]);
                    return true;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                    if Instant::now() < end {
                        continue;
                    }
                }
                // A reset, or an end without a goodbye of TLS.
                Err(_) => self.ended = true,
            }
            return false;
        }
    }

    fn read(&mut self, piece: &mut [u8], patience: Duration) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(stream) => {
                stream.set_read_timeout(Some(patience))?;
                stream.read(piece)
            }
            Stream::Client(stream) => {
                stream.sock.set_read_timeout(Some(patience))?;
                stream.read(piece)
            }
            Stream::Server(stream) => {
                stream.sock.set_read_timeout(Some(patience))?;
                stream.read(piece)
            }
            Stream::None => Ok(0),
        }
    }

    /// Whether the other end closes within `patience`. What still comes is kept.
    pub fn ends(&mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while !self.ended && Instant::now() < end {
            self.hear(end.saturating_duration_since(Instant::now()));
        }
        self.ended
    }

    /// The next line with its end; what there is, at the end or after the longest wait.
    pub fn line(&mut self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=at).collect();
                return String::from_utf8_lossy(&line).into_owned();
            }
            if self.ended || Instant::now() > end {
                return String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned();
            }
            self.hear(end.saturating_duration_since(Instant::now()));
        }
    }

    /// Lines up to the first that begins with `start`, or all until the end.
    pub fn until(&mut self, start: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.line();
            all.push_str(&line);
            if line.is_empty() || line.starts_with(start) {
                return all;
            }
        }
    }

    /// Sends `command` and reads up to the line that begins with `start`.
    pub fn ask(&mut self, command: &str, start: &str) -> String {
        self.send(command.as_bytes());
        self.until(start)
    }
}

/// Waits until somebody greets on `port`. The first connection starts a process of Dovecot, which on a loaded machine may take longer
/// than [`PATIENCE`]; nologd gives up by then as well.
pub fn greeted(port: u16) {
    let end = Instant::now() + 3 * PATIENCE;
    loop {
        let greeting = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.read(&mut [0; 1])
        });
        if matches!(greeting, Ok(1)) {
            return;
        }
        assert!(Instant::now() < end, "nobody greets on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A listener on any free port of loopback, and the port.
pub fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The next connection, if one comes within `patience`.
pub fn accept(listener: &TcpListener, patience: Duration) -> Option<Wire> {
    listener.set_nonblocking(true).unwrap();
    let end = Instant::now() + patience;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return Some(Wire::new(stream));
            }
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return None,
        }
    }
}

fn client_config(protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn server_config() -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}
