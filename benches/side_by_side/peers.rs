//! The peers: who they are, how each is started, and when it is ready.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::beside::Beside;
use crate::imap::Imap;
use crate::lab::{Guard, Lab, free_port};
use crate::load::Door;
use crate::nologd::Setup;
use crate::rows::{Row, Spoken, Table};
use crate::{Res, copy, dovecot, haproxy, imapproxy, mailstore, nginx, nodes, smtp, tls_copy};

/// Who stands between the load and the backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Nologd,
    /// nologd with that switched off which the row is about.
    Without,
    Nginx,
    Dovecot,
    /// The floor for who ends TLS: it does TLS and copies.
    TlsCopy,
    Haproxy,
    Imapproxy,
    /// A relay that only copies, without TLS: the floor for who waits for readiness of two sockets.
    Copy,
    /// Nobody, without TLS: the floor that no proxy without a pool can be below.
    Direct,
}

impl Peer {
    pub const ALL: [Self; 9] = [
        Self::Nologd,
        Self::Without,
        Self::Nginx,
        Self::Dovecot,
        Self::TlsCopy,
        Self::Haproxy,
        Self::Imapproxy,
        Self::Copy,
        Self::Direct,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nologd => "nologd",
            Self::Without => "without",
            Self::Nginx => "nginx",
            Self::Dovecot => "dovecot",
            Self::TlsCopy => "tls-copy",
            Self::Haproxy => "haproxy",
            Self::Imapproxy => "imapproxy",
            Self::Copy => "copy",
            Self::Direct => "direct",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name)
    }
}

/// What a row measures: where to connect, and whose CPU and memory count (nobody's behind `Direct`).
#[derive(Clone)]
pub struct Target {
    /// Where mail is read: for the rows beside IMAP the door of what they speak.
    pub imap: Door,
    pub submission: Door,
    /// The proxy, then the mail store where it is a real one.
    pub roots: Vec<u32>,
    has_store: bool,
}

impl Target {
    /// Without the mail store.
    pub fn proxy(&self) -> &[u32] {
        self.roots.get(..self.roots.len().saturating_sub(usize::from(self.has_store))).unwrap_or_default()
    }
}

/// A started peer, with a mail store of its own where the row needs a real one.
pub struct Running {
    guards: Vec<Guard>,
    imap: Door,
    /// None where nothing is sent.
    submission: Option<Door>,
    has_store: bool,
}

impl Running {
    pub fn target(&self) -> Target {
        let roots = self.guards.iter().map(Guard::pid).collect();
        Target { imap: self.imap, submission: self.submission.unwrap_or(self.imap), roots, has_store: self.has_store }
    }

    /// Ends the peer. Dropping would do the same, but would hold up the runtime while it waits.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

/// Starts a peer and waits until it has carried one login, and one message where the row sends. Once more where it ended at once: one of the
/// thousands of connections of the row before may have got its port first.
pub async fn start(lab: &Lab, row: Row, peer: Peer) -> Res<Running> {
    match start_once(lab, row, peer).await {
        Err(error) if error.to_string().starts_with(ENDED) => start_once(lab, row, peer).await,
        started => started,
    }
}

const ENDED: &str = "absent: ended";

async fn start_once(lab: &Lab, row: Row, peer: Peer) -> Res<Running> {
    let mut running = if row.table() == Table::Click { before_mailstore(lab, peer)? } else { before_fakes(lab, row, peer)? };
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let tried = tokio::time::timeout(Duration::from_secs(5), try_out(row.spoken(), running.imap, running.submission)).await;
        let tried = match tried {
            Ok(Ok(())) => return Ok(running),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer within 5 s".to_owned(),
        };
        if let Some(ended) = running.guards.iter_mut().find_map(Guard::ended) {
            return Err(format!("absent: {ended}").into());
        }
        if Instant::now() > deadline {
            running.stop().await;
            return Err(format!("absent: not ready, {tried}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Several nodes, or one that is alone; `Without`: asked is the one that judges, or etcd is not there. `TlsCopy`: a relay that does TLS
/// on both sides, in front of the one that judges.
fn before_nodes(lab: &Lab, row: Row, peer: Peer) -> Res<Running> {
    let nodes::Started { mut guards, mut door } = match (row, peer) {
        (Row::Nodes, Peer::Nologd) => nodes::two(lab, nodes::Asked::Other)?,
        (Row::Nodes, _) => nodes::two(lab, nodes::Asked::Judge)?,
        _ => nodes::alone(lab)?,
    };
    if peer == Peer::TlsCopy {
        let port = free_port()?;
        guards.insert(0, tls_copy::start(lab, port, door)?);
        door.port = port;
    }
    Ok(Running { guards, imap: door, submission: None, has_store: false })
}

/// A proxy with TLS in front of the made-up backend.
fn before_fakes(lab: &Lab, row: Row, peer: Peer) -> Res<Running> {
    if row == Row::Nodes || row == Row::Granted && peer == Peer::Nologd {
        return before_nodes(lab, row, peer);
    }
    let (imap, submission) = (free_port()?, free_port()?);
    let spoken = row.spoken();
    let own = Setup::proxy(lab, imap, submission).speaking(lab, spoken, imap);
    let guard = match peer {
        Peer::Nologd => own.start(lab)?,
        Peer::Without if row == Row::Granted => own.start(lab)?,
        Peer::Without if row == Row::Quota => own.without_limits().start(lab)?,
        Peer::Without => own.without_sandbox().start(lab)?,
        Peer::Nginx => nginx::start(lab, spoken, imap, submission)?,
        Peer::Dovecot => dovecot::start(lab, spoken, imap, submission)?,
        Peer::Imapproxy => return Err("imapproxy has no TLS".into()),
        Peer::TlsCopy => {
            let start = |port, behind| tls_copy::start(lab, port, Door { port: behind, tls: false });
            let door = |port| Door { port, tls: true };
            let mut running =
                Running { guards: vec![start(imap, lab.ports.imap)?], imap: door(imap), submission: None, has_store: false };
            if matches!(row, Row::Submit | Row::Morning) {
                running.guards.push(start(submission, lab.ports.smtp)?);
                running.submission = Some(door(submission));
            }
            return Ok(running);
        }
        Peer::Copy | Peer::Haproxy => {
            let guard = match peer {
                Peer::Haproxy => haproxy::start(lab, imap, submission)?,
                _ => copy::start(imap, lab.ports.imap)?,
            };
            let imap = Door { port: imap, tls: peer == Peer::Haproxy };
            let submission = (peer == Peer::Haproxy).then_some(Door { port: submission, tls: true });
            return Ok(Running { guards: vec![guard], imap, submission, has_store: false });
        }
        Peer::Direct => {
            let imap = match spoken {
                Spoken::Mail => lab.ports.imap,
                Spoken::Pop3 => lab.ports.pop3,
                Spoken::Sieve => lab.ports.sieve,
            };
            let [imap, submission] = [imap, lab.ports.smtp].map(|port| Door { port, tls: false });
            return Ok(Running { guards: Vec::new(), imap, submission: Some(submission), has_store: false });
        }
    };
    let [imap, submission] = [imap, submission].map(|port| Door { port, tls: true });
    let submission = (spoken == Spoken::Mail).then_some(submission);
    Ok(Running { guards: vec![guard], imap, submission, has_store: false })
}

/// What a webmail on the same machine connects to, and the real Dovecot behind it, whose CPU counts too.
fn before_mailstore(lab: &Lab, peer: Peer) -> Res<Running> {
    let (port, backend) = (free_port()?, free_port()?);
    let store = mailstore::start(lab, backend)?;
    let own = Setup::webmail(lab, port, backend);
    let proxy = match peer {
        Peer::Nologd => Some(own.start(lab)?),
        Peer::Without => Some(own.without_pool().start(lab)?),
        Peer::Imapproxy => {
            wait_for(backend)?;
            Some(imapproxy::start(lab, port, backend)?)
        }
        _ => None,
    };
    let port = if proxy.is_some() { port } else { backend };
    // The proxy ends first.
    let guards = proxy.into_iter().chain([store]).collect();
    Ok(Running { guards, imap: Door { port, tls: false }, submission: None, has_store: true })
}

/// imapproxy asks its server at the start, and waits for five seconds if that is not there yet.
fn wait_for(port: u16) -> Res<()> {
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("the mail store does not start".into())
}

async fn try_out(spoken: Spoken, imap: Door, submission: Option<Door>) -> Res<()> {
    if spoken != Spoken::Mail {
        return Beside::logged_in(imap, spoken, 0).await?.leave().await;
    }
    Imap::logged_in(imap, 0).await?.command("LOGOUT").await?;
    match submission {
        Some(door) => smtp::submit(door, 0, 1000).await,
        None => Ok(()),
    }
}

/// Says at once which Debian packages are missing, before anything is started.
pub fn refuse_if_missing(runs: &[(Row, Vec<Peer>)]) -> Res<()> {
    let asked = |wanted: Peer| runs.iter().any(|(_, peers)| peers.contains(&wanted));
    let incoming = runs.iter().any(|(row, _)| matches!(row, Row::Delivery | Row::Policy));
    let speaks = |wanted: Spoken| {
        runs.iter().any(|(row, peers)| !row.is_alone() && row.spoken() == wanted && peers.contains(&Peer::Dovecot))
    };
    let click = runs.iter().any(|(row, _)| row.table() == Table::Click);
    let needed = [
        (true, "/usr/bin/openssl", "openssl"),
        (asked(Peer::Nginx), nginx::PROGRAM, "nginx"),
        (asked(Peer::Nginx), nginx::MODULE, "libnginx-mod-mail"),
        (asked(Peer::Dovecot) || click, dovecot::PROGRAM, "dovecot-imapd"),
        (speaks(Spoken::Mail), dovecot::SUBMISSION, "dovecot-submissiond"),
        (speaks(Spoken::Pop3), dovecot::POP3, "dovecot-pop3d"),
        (speaks(Spoken::Sieve), dovecot::SIEVE, "dovecot-managesieved"),
        (incoming, "/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
        (asked(Peer::Haproxy), haproxy::PROGRAM, "haproxy"),
        (runs.iter().any(|(row, _)| matches!(row, Row::Nodes | Row::Granted)), nodes::PROGRAM, "etcd-server"),
        (asked(Peer::Imapproxy), imapproxy::PROGRAM, "imapproxy"),
    ];
    let missing = needed.iter().filter(|(needed, file, _)| *needed && !Path::new(file).exists());
    let packages: Vec<_> = missing.map(|(.., package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    Err(format!("missing: apt-get install {}  (or choose peers with --peer)", packages.join(" ")).into())
}

/// What a peer says about its version, for the report. nginx answers on standard error; imapproxy only its package tells.
pub fn version(peer: Peer) -> Option<String> {
    let (program, arguments): (_, &[&str]) = match peer {
        Peer::Nologd => return Some(format!("nologd {}", env!("CARGO_PKG_VERSION"))),
        Peer::Without | Peer::TlsCopy | Peer::Copy | Peer::Direct => return None,
        Peer::Nginx => (nginx::PROGRAM, &["-v"]),
        Peer::Dovecot => (dovecot::PROGRAM, &["--version"]),
        Peer::Haproxy => (haproxy::PROGRAM, &["-v"]),
        Peer::Imapproxy => ("dpkg-query", &["-W", "-f", "${Version}", "imapproxy"]),
    };
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let number = text.split(['/', ' ', '\n']).find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    Some(format!("{} {}", peer.name(), number.unwrap_or("of unknown version")))
}
