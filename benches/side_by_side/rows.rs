//! The rows: what is asked of every peer, whose table each is in, and the meter.

use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::peers::{Peer, Target};
use crate::report::Cell;
use crate::{
    Res, account, alone_rows, beside, comeback, incoming_rows, memory_rows, morning, node_rows, small_rows, transfer_rows,
    webmail_page,
};

/// One kind of work. The names are those of the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Login,
    Roundtrips,
    Crowded,
    Fetch,
    FetchMany,
    Append,
    AppendSmall,
    Idle,
    Comeback,
    Morning,
    Submit,
    SubmitLarge,
    Starve,
    Pop3Login,
    Retr,
    Pop3Idle,
    SieveLogin,
    SieveIdle,
    Click,
    WebmailPage,
    Imaplib,
    Delivery,
    Policy,
    Quota,
    Sandbox,
    Book,
    Startup,
    Reload,
    Nodes,
    Granted,
}

/// What the load speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// IMAP, and submission where something is sent.
    Mail,
    Pop3,
    Sieve,
}

/// The tables of the report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Proxies,
    Click,
    Itself,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Proxies, Self::Click, Self::Itself];

    pub fn title(self) -> &'static str {
        match self {
            Self::Proxies => "Beside nginx's mail proxy, Dovecot's login proxies, HAProxy and the floor",
            Self::Click => "A webmail's click, an import, and mail that comes in, on a real Dovecot",
            Self::Itself => "nologd beside itself, and alone",
        }
    }

    /// Above the column of [`Peer::Without`].
    pub fn without(self) -> &'static str {
        if self == Self::Click { "no pool" } else { "without" }
    }
}

impl Row {
    pub const ALL: [Self; 30] = [
        Self::Login,
        Self::Roundtrips,
        Self::Crowded,
        Self::Fetch,
        Self::FetchMany,
        Self::Append,
        Self::AppendSmall,
        Self::Idle,
        Self::Comeback,
        Self::Morning,
        Self::Submit,
        Self::SubmitLarge,
        Self::Starve,
        Self::Pop3Login,
        Self::Retr,
        Self::Pop3Idle,
        Self::SieveLogin,
        Self::SieveIdle,
        Self::Click,
        Self::WebmailPage,
        Self::Imaplib,
        Self::Delivery,
        Self::Policy,
        Self::Quota,
        Self::Sandbox,
        Self::Book,
        Self::Startup,
        Self::Reload,
        Self::Nodes,
        Self::Granted,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Roundtrips => "roundtrips",
            Self::Crowded => "crowded",
            Self::Fetch => "fetch",
            Self::FetchMany => "fetch-16",
            Self::Append => "append",
            Self::AppendSmall => "append-small",
            Self::Idle => "idle",
            Self::Comeback => "comeback",
            Self::Morning => "morning",
            Self::Submit => "submit",
            Self::SubmitLarge => "submit-large",
            Self::Starve => "starve",
            Self::Pop3Login => "pop3-login",
            Self::Retr => "retr",
            Self::Pop3Idle => "pop3-idle",
            Self::SieveLogin => "sieve-login",
            Self::SieveIdle => "sieve-idle",
            Self::Click => "click",
            Self::WebmailPage => "webmail-page",
            Self::Imaplib => "imaplib",
            Self::Delivery => "delivery",
            Self::Policy => "policy",
            Self::Quota => "quota",
            Self::Sandbox => "sandbox",
            Self::Book => "book",
            Self::Startup => "startup",
            Self::Reload => "reload",
            Self::Nodes => "nodes",
            Self::Granted => "granted",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.name() == name)
    }

    pub fn table(self) -> Table {
        match self {
            Self::Click | Self::WebmailPage | Self::Imaplib | Self::Delivery | Self::Policy => Table::Click,
            Self::Quota | Self::Sandbox | Self::Book | Self::Startup | Self::Reload | Self::Nodes | Self::Granted => {
                Table::Itself
            }
            _ => Table::Proxies,
        }
    }

    /// Who is measured if nobody is asked for. `Direct` is in front of the made-up backend only on request: it tells what the
    /// load costs, not what a peer does.
    pub fn peers(self) -> &'static [Peer] {
        match self {
            Self::Click => &[Peer::Nologd, Peer::Without, Peer::Imapproxy, Peer::Direct],
            Self::WebmailPage => &[Peer::Nologd, Peer::Imapproxy, Peer::Direct],
            Self::Imaplib | Self::Delivery => &[Peer::Nologd, Peer::Direct],
            Self::Policy => &[Peer::Nologd, Peer::Dovecot],
            Self::Roundtrips => &[Peer::Nologd, Peer::Nginx, Peer::Dovecot, Peer::TlsCopy, Peer::Haproxy, Peer::Copy],
            Self::Morning => &[Peer::Nologd, Peer::Haproxy],
            Self::Comeback => &[Peer::Nologd, Peer::Nginx, Peer::TlsCopy, Peer::Haproxy],
            Self::Login
            | Self::Crowded
            | Self::Fetch
            | Self::FetchMany
            | Self::Append
            | Self::AppendSmall
            | Self::Idle
            | Self::Starve => &[Peer::Nologd, Peer::Nginx, Peer::Dovecot, Peer::TlsCopy, Peer::Haproxy],
            // nginx knows no ManageSieve.
            Self::SieveLogin | Self::SieveIdle => &[Peer::Nologd, Peer::Dovecot],
            Self::Nodes => &[Peer::Nologd, Peer::Without, Peer::TlsCopy],
            Self::Submit => &[Peer::Nologd, Peer::Nginx, Peer::Dovecot, Peer::TlsCopy],
            Self::Quota | Self::Sandbox | Self::Granted => &[Peer::Nologd, Peer::Without],
            Self::Book | Self::Startup | Self::Reload => &[Peer::Nologd],
            _ => &[Peer::Nologd, Peer::Nginx, Peer::Dovecot],
        }
    }

    /// What its load speaks.
    pub fn spoken(self) -> Spoken {
        match self {
            Self::Pop3Login | Self::Retr | Self::Pop3Idle => Spoken::Pop3,
            Self::SieveLogin | Self::SieveIdle => Spoken::Sieve,
            _ => Spoken::Mail,
        }
    }

    /// Who can be asked for.
    pub fn takes(self, peer: Peer) -> bool {
        let on_request = match peer {
            Peer::Direct => self.table() == Table::Proxies,
            Peer::TlsCopy => self == Self::Morning,
            _ => false,
        };
        on_request || self.peers().contains(&peer)
    }

    /// Rows that start what they measure themselves.
    pub fn is_alone(self) -> bool {
        matches!(self, Self::Delivery | Self::Policy | Self::Book | Self::Startup | Self::Reload)
    }

    /// After this a row has failed. Far above what any peer needs on two cores.
    pub fn limit(self, lab: &Lab) -> Duration {
        if self == Self::Morning {
            return lab.morning + Duration::from_secs(240);
        }
        let many =
            matches!(self, Self::WebmailPage | Self::Idle | Self::Crowded | Self::Comeback | Self::Pop3Idle | Self::SieveIdle);
        Duration::from_secs(if many || self.is_alone() { 300 } else { 120 })
    }
}

/// Warms a peer up and measures it.
pub async fn measure(row: Row, target: &Target, lab: &Lab) -> Res<Vec<Cell>> {
    match row {
        Row::Login => small_rows::login(target).await,
        Row::Roundtrips => small_rows::roundtrips(target).await,
        Row::Crowded => small_rows::crowded(target).await,
        Row::Fetch => transfer_rows::fetch(target).await,
        Row::FetchMany => transfer_rows::fetch_many(target).await,
        Row::Append => transfer_rows::append(target).await,
        Row::AppendSmall => small_rows::append_small(target).await,
        Row::Idle => memory_rows::idle(target).await,
        Row::Comeback => comeback::comeback(target).await,
        Row::Morning => morning::morning(target, lab.morning).await,
        Row::Submit => small_rows::submit(target).await,
        Row::SubmitLarge => memory_rows::submit_large(target).await,
        Row::Starve => transfer_rows::starve(target).await,
        Row::Retr => beside::retrieve(target).await,
        Row::Pop3Login | Row::SieveLogin => beside::login(target, row.spoken()).await,
        Row::Pop3Idle | Row::SieveIdle => beside::idle(target, row.spoken()).await,
        Row::Click => small_rows::click(target).await,
        Row::WebmailPage => webmail_page::webmail_page(target).await,
        Row::Imaplib => small_rows::imaplib(target).await,
        Row::Quota => small_rows::quota(target).await,
        Row::Sandbox => small_rows::sandbox(target).await,
        Row::Nodes => node_rows::nodes(target).await,
        Row::Granted => node_rows::granted(target).await,
        Row::Delivery | Row::Policy | Row::Book | Row::Startup | Row::Reload => Err("measured alone".into()),
    }
}

/// The rows for which nothing is started beforehand.
pub async fn measure_alone(row: Row, peer: Peer, lab: &Lab) -> Res<Vec<Cell>> {
    match row {
        Row::Delivery => incoming_rows::delivery(lab, peer).await,
        Row::Policy => incoming_rows::policy(lab, peer).await,
        Row::Book => alone_rows::book(lab).await,
        Row::Startup => alone_rows::startup(lab).await,
        Row::Reload => alone_rows::reload(lab).await,
        _ => Err("needs a peer".into()),
    }
}

/// CPU time of the peer and time on the wall since it was started.
pub struct Meter<'a> {
    roots: &'a [u32],
    cpu: f64,
    wall: Instant,
}

impl<'a> Meter<'a> {
    pub fn start(target: &'a Target) -> Self {
        Self::of(&target.roots)
    }

    pub fn of(roots: &'a [u32]) -> Self {
        Self { roots, cpu: account::cpu_seconds(roots), wall: Instant::now() }
    }

    /// CPU seconds so far; none where nobody stands in between.
    pub fn cpu(&self) -> Option<f64> {
        (!self.roots.is_empty()).then(|| account::cpu_seconds(self.roots) - self.cpu)
    }

    /// CPU milliseconds so far for each of `count`.
    pub fn cpu_each(&self, count: usize) -> Option<f64> {
        self.cpu().map(|cpu| cpu * 1000.0 / count as f64)
    }

    pub fn wall(&self) -> f64 {
        self.wall.elapsed().as_secs_f64()
    }
}
