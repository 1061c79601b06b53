//! A conversation with a mail server behind, as the daemon would have it: the same way there, the same TLS. Line by line.

use std::time::Duration;

use tokio::time::Instant;

use super::finding::Faults;
use crate::fault::{Fault, RefusalCode, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::{dial, secure};
use crate::net::tls::TlsClient;
use crate::private::{Address, Credential};
use crate::route::{Endpoint, Security, SocketName};
use crate::smtp::reply::Reply;

/// Somebody who may log in, for a look from inside.
pub(super) struct TestLogin {
    pub(super) address: Address,
    pub(super) credential: Credential,
}

/// How long a whole conversation may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How much of a server's words is shown.
const SHOWN: usize = 200;

/// One conversation.
pub(super) struct Talk<'a> {
    link: BufferedConn,
    endpoint: &'a Endpoint,
    tls: &'a TlsClient,
}

impl<'a> Talk<'a> {
    pub(super) async fn open(endpoint: &'a Endpoint, tls: &'a TlsClient) -> Result<Talk<'a>, Fault> {
        let conn = dial(endpoint, tls, PATIENCE).await?;
        let link = BufferedConn::new(conn, Side::Backend, Instant::now() + PATIENCE);
        Ok(Talk { link, endpoint, tls })
    }

    /// Whether STARTTLS is to be spoken.
    pub(super) fn wants_starttls(&self) -> bool {
        self.endpoint.security == Security::StartTls && !self.link.is_tls()
    }

    /// TLS, after the server agreed.
    pub(super) async fn secure(self) -> Result<Talk<'a>, Fault> {
        let conn = secure(self.link.into_bare(), self.endpoint, self.tls, PATIENCE).await?;
        let link = BufferedConn::new(conn, Side::Backend, Instant::now() + PATIENCE);
        Ok(Talk { link, endpoint: self.endpoint, tls: self.tls })
    }

    /// For what is no secret.
    pub(super) async fn say(&mut self, line: &str) -> Result<(), Fault> {
        self.link.send(format!("{line}\r\n").as_bytes()).await
    }

    /// As it is; of secrets there is no copy.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.is_empty() { Ok(()) } else { self.link.send(bytes).await }
    }

    /// What came and was not taken.
    pub(super) fn input(&self) -> &[u8] {
        self.link.input()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.link.consume(count);
    }

    pub(super) async fn fill(&mut self) -> Result<(), Fault> {
        self.link.fill().await.map(drop)
    }

    /// The first line of what came, or what there is of it.
    pub(super) fn first_line(&self) -> String {
        let line = self.link.input().split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()
    }

    /// An answer of SMTP or LMTP, to `line` where there is one.
    pub(super) async fn reply(&mut self, line: Option<&str>) -> Result<(u16, Vec<String>), Fault> {
        if let Some(line) = line {
            self.say(line).await?;
        }
        loop {
            if let Some((reply, taken)) = Reply::parse(self.link.input())? {
                self.link.consume(taken);
                let lines = reply.lines().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
                return Ok((reply.code(), lines));
            }
            self.link.fill().await?;
        }
    }
}

/// Why a conversation of the daemon's own did not come as far as it should.
pub(super) enum TalkStop {
    /// No server that takes logins: its words.
    Greeting(String),
    /// It has none where it is asked for.
    StartTls,
    Fault(Fault),
}

impl From<Fault> for TalkStop {
    fn from(fault: Fault) -> TalkStop {
        TalkStop::Fault(fault)
    }
}

/// The login of `who` at a server that greeted well was not taken.
pub(super) fn refused(at: &str, who: &Address, stop: TalkStop, found: &mut Faults) -> Result<(), Fault> {
    let refuses = format!("{at}: refuses the login of {}", who.reveal());
    match stop {
        TalkStop::Fault(Fault::Denied) => found.wrong(format!("{refuses} with this password")),
        // Seen in what it does; the number is known to it alone.
        TalkStop::Fault(Fault::Barred(code @ RefusalCode::TooManyConnections)) => found.wrong(format!(
            "{refuses}: it is in use there, or has too many connections open ({}), and all programs of a member come from one address now. In \
             Dovecot: mail_max_userip_connections = 100",
            code.word()
        )),
        TalkStop::Fault(Fault::Barred(code)) => found.wrong(format!("{refuses}, and not for its password ({})", code.word())),
        TalkStop::Fault(fault @ (Fault::Gone(_) | Fault::Slow(_))) => return Err(fault),
        TalkStop::Fault(_) | TalkStop::Greeting(_) | TalkStop::StartTls => {
            found.wrong(format!("{refuses}: it cannot judge it now"))
        }
    }
    Ok(())
}

/// Where it is, as the config has it.
pub(super) fn place(endpoint: &Endpoint) -> String {
    match &endpoint.socket {
        SocketName::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
        SocketName::Tcp(host, port) => format!("{host}:{port}"),
        SocketName::Unix(path) => path.display().to_string(),
    }
}

/// A server's words for the admin's terminal: none that a terminal obeys, and not many.
pub(super) fn shown(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { '?' } else { c }).take(SHOWN).collect()
}

/// Why a conversation did not come to its end.
pub(super) fn broke(fault: Fault) -> &'static str {
    match fault {
        Fault::Down => "nobody takes connections there",
        Fault::Gone(_) => "it closed in the middle",
        Fault::Slow(_) => "it does not answer (20 s)",
        Fault::Tls(_) => "its certificate is not valid for this name, or it speaks no TLS: see [tls] backend_authorities",
        Fault::Garbage(_) | Fault::TooLong(_) | Fault::Denied | Fault::Barred(_) | Fault::Limit | Fault::Stopping => {
            "what it says is not this protocol"
        }
    }
}
