//! The smallest mail program: TLS, lines and literals, one command after the other. For the demo's check and the tests.
//!
//! Absent on purpose: pipelining, and any certificate but the example one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::daemon::CERTIFICATE;
use super::{Member, Trouble};

/// A real server that is silent for longer has failed the check.
const SILENCE: Duration = Duration::from_secs(30);

/// A connection with TLS from the first byte, trusting the example certificate alone.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Client {
    /// Connects to loopback as `mail.nolog.example` and reads nothing yet.
    pub fn connect(port: u16, alpn: &[&str]) -> Result<Client, Trouble> {
        let step = "connecting with TLS";
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(broken(step))?;
        stream.set_read_timeout(Some(SILENCE)).and_then(|()| stream.set_nodelay(true)).map_err(broken(step))?;
        let name = ServerName::try_from("mail.nolog.example").map_err(|_| Trouble::Unexpected(step))?;
        let config = trust(alpn).ok_or(Trouble::Unexpected(step))?;
        let session = ClientConnection::new(Arc::new(config), name).map_err(|_| Trouble::Unexpected(step))?;
        Ok(Client { stream: BufReader::new(StreamOwned::new(session, stream)) })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8], step: &'static str) -> Result<(), Trouble> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).map_err(broken(step))
    }

    /// One line with its end.
    pub fn line(&mut self, step: &'static str) -> Result<Vec<u8>, Trouble> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).map_err(broken(step))?;
        if line.is_empty() { Err(broken(step)(io::ErrorKind::UnexpectedEof.into())) } else { Ok(line) }
    }

    /// One SMTP answer of any number of lines, which must begin with `code`. Returns all of it.
    pub fn smtp(&mut self, command: &str, code: &str, step: &'static str) -> Result<Vec<u8>, Trouble> {
        self.send(command.as_bytes(), step)?;
        let mut answer = Vec::new();
        loop {
            let line = self.line(step)?;
            answer.extend_from_slice(&line);
            if !line.starts_with(code.as_bytes()) {
                return Err(Trouble::Unexpected(step));
            }
            if line.get(3) != Some(&b'-') {
                return Ok(answer);
            }
        }
    }

    /// One IMAP command, which must be answered with OK. Returns all that came before, literals included.
    pub fn imap(&mut self, command: &str, step: &'static str) -> Result<Vec<u8>, Trouble> {
        self.send(format!("t {command}\r\n").as_bytes(), step)?;
        let mut answer = Vec::new();
        loop {
            let line = self.line(step)?;
            if line.starts_with(b"t ") {
                return if line.starts_with(b"t OK") { Ok(answer) } else { Err(Trouble::Unexpected(step)) };
            }
            answer.extend_from_slice(&line);
            if let Some(length) = literal(&line) {
                self.stream.by_ref().take(length).read_to_end(&mut answer).map_err(broken(step))?;
            }
        }
    }

    /// Greeting, EHLO with `name`, AUTH PLAIN.
    pub fn log_in_to_submission(&mut self, name: &str, member: &Member) -> Result<(), Trouble> {
        self.smtp("", "220", "greeting of submission")?;
        self.smtp(&format!("EHLO {name}\r\n"), "250", "EHLO")?;
        let secret = STANDARD.encode(format!("\0{}\0{}", member.address, member.password));
        self.smtp(&format!("AUTH PLAIN {secret}\r\n"), "235", "AUTH PLAIN").map(drop)
    }

    /// Greeting, LOGIN, SELECT INBOX.
    pub fn log_in_to_inbox(&mut self, member: &Member) -> Result<(), Trouble> {
        self.line("greeting of IMAP")?;
        self.imap(&format!("LOGIN {} {}", member.address, member.password), "LOGIN")?;
        self.imap("SELECT INBOX", "SELECT").map(drop)
    }
}

/// The length that a line announces at its end, as in `BODY[] {1234}`.
fn literal(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.trim_end().strip_suffix('}')?;
    text.rsplit_once('{')?.1.parse().ok()
}

fn trust(alpn: &[&str]) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).ok()?).ok()?;
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Some(config)
}

fn broken(step: &'static str) -> impl Fn(io::Error) -> Trouble {
    move |error| Trouble::Broken(step, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}\r\n"), Some(12));
        assert_eq!(literal(b"* 1 FETCH (FLAGS ())\r\n"), None);
    }

    #[test]
    fn the_example_certificate_can_be_trusted() {
        assert!(trust(&["imap"]).is_some());
    }
}
