//! The peers: who they are, how each is started, and when it is ready.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::imap::Imap;
use crate::lab::{Guard, Lab, free_port};
use crate::load::Door;
use crate::{Res, dovecot, nginx, nologd, smtp};

/// Who stands between the load and the backend. `Direct` is nobody, without TLS: the floor that no proxy can be below.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Nologd,
    Nginx,
    Dovecot,
    Direct,
}

impl Peer {
    pub const ALL: [Self; 4] = [Self::Nologd, Self::Nginx, Self::Dovecot, Self::Direct];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nologd => "nologd",
            Self::Nginx => "nginx",
            Self::Dovecot => "dovecot",
            Self::Direct => "direct",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name)
    }
}

/// What a row measures: where to connect, and whose CPU and memory count (nobody's for `Direct`).
#[derive(Clone, Copy)]
pub struct Target {
    pub imap: Door,
    pub submission: Door,
    pub root: Option<u32>,
}

/// A started peer and the two ports it was given.
pub struct Running {
    guard: Option<Guard>,
    imap: u16,
    submission: u16,
}

impl Running {
    pub fn target(&self, lab: &Lab) -> Target {
        match &self.guard {
            Some(guard) => Target {
                imap: Door { port: self.imap, tls: true },
                submission: Door { port: self.submission, tls: true },
                root: Some(guard.pid()),
            },
            None => Target {
                imap: Door { port: lab.ports.imap, tls: false },
                submission: Door { port: lab.ports.smtp, tls: false },
                root: None,
            },
        }
    }

    /// Ends the peer. Dropping would do the same, but would hold up the runtime while it waits.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

/// Starts a peer and waits until it has carried one login and one message to the backend.
pub async fn start(lab: &Lab, peer: Peer) -> Res<Running> {
    let (imap, submission) = (free_port()?, free_port()?);
    let guard = match peer {
        Peer::Nologd => Some(nologd::start(lab, imap, submission)?),
        Peer::Nginx => Some(nginx::start(lab, imap, submission)?),
        Peer::Dovecot => Some(dovecot::start(lab, imap, submission)?),
        Peer::Direct => None,
    };
    let mut running = Running { guard, imap, submission };
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let target = running.target(lab);
        let tried = match tokio::time::timeout(Duration::from_secs(5), try_out(target)).await {
            Ok(Ok(())) => return Ok(running),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer within 5 s".to_owned(),
        };
        if let Some(ended) = running.guard.as_mut().and_then(Guard::ended) {
            return Err(format!("absent: {ended}").into());
        }
        if Instant::now() > deadline {
            running.stop().await;
            return Err(format!("absent: not ready, {tried}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn try_out(target: Target) -> Res<()> {
    Imap::logged_in(target.imap, 0).await?.command("LOGOUT").await?;
    smtp::submit(target.submission, 0, 1000).await
}

/// Says at once which Debian packages are missing, before anything is started.
pub fn refuse_if_missing(peers: &[Peer]) -> Res<()> {
    let mut packages = Vec::new();
    if peers.contains(&Peer::Nginx) {
        for (file, package) in [(nginx::PROGRAM, "nginx-core"), (nginx::MODULE, "libnginx-mod-mail")] {
            packages.extend((!Path::new(file).exists()).then_some(package));
        }
    }
    if peers.contains(&Peer::Dovecot) {
        for (file, package) in [(dovecot::PROGRAM, "dovecot-imapd"), (dovecot::SUBMISSION, "dovecot-submissiond")] {
            packages.extend((!Path::new(file).exists()).then_some(package));
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    Err(format!("missing: apt-get install {}  (or choose peers with --peer)", packages.join(" ")).into())
}

/// What a peer says about its version, for the report. nginx answers on standard error.
pub fn version(peer: Peer) -> String {
    let (program, argument) = match peer {
        Peer::Nologd => return format!("nologd {}", env!("CARGO_PKG_VERSION")),
        Peer::Direct => return "the backend itself, without TLS".to_owned(),
        Peer::Nginx => (nginx::PROGRAM, "-v"),
        Peer::Dovecot => (dovecot::PROGRAM, "--version"),
    };
    let Ok(output) = Command::new(program).arg(argument).output() else { return peer.name().to_owned() };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let number = text.split(['/', ' ', '\n']).find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    format!("{} {}", peer.name(), number.unwrap_or("of unknown version"))
}
