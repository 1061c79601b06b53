//! What commands work on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::node::NodeDesk;
use super::open_offers::LoanOffers;
use super::share::ShareDesk;
use super::sync::Staging;
use super::usage_count::CountRound;
use super::zones::SeenZones;
use super::{AdminCommand, Declined, Moment, Principal};
use crate::event::BackendService;
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::quota::Book;
use crate::words::nullable;

/// What commands work on. They block on the disk.
pub struct Executor {
    pub(super) book: Arc<Book>,
    pub(super) host: Host,
    pub(super) incidents: Arc<Incidents>,
    pub(super) limits: Arc<Limits>,
    pub(super) staging: Staging,
    pub(super) offers: LoanOffers,
    pub(super) zones: SeenZones,
    pub(super) counting: CountRound,
    /// Where this is one of two machines.
    pub(super) node: Option<Arc<dyn NodeDesk>>,
    /// Where this is one of several nodes.
    pub(super) share: Option<Arc<dyn ShareDesk>>,
    /// This machine waits, and its book is nobody's.
    pub(super) is_waiting: bool,
}

impl Executor {
    /// An executor in front of `book`.
    pub fn new(book: Arc<Book>, host: Host, incidents: Arc<Incidents>, limits: Arc<Limits>) -> Executor {
        let (staging, offers, zones) = (Staging::default(), LoanOffers::default(), SeenZones::default());
        let counting = CountRound::default();
        Executor { book, host, incidents, limits, staging, offers, zones, counting, node: None, share: None, is_waiting: false }
    }

    /// The same as one of two machines.
    #[must_use]
    pub fn beside(self, node: Option<Arc<dyn NodeDesk>>) -> Executor {
        Executor { node, ..self }
    }

    /// The same as one of several nodes.
    #[must_use]
    pub fn sharing(self, share: Option<Arc<dyn ShareDesk>>) -> Executor {
        Executor { share, ..self }
    }

    /// The same on a machine that waits for its turn: what only a book can know is not known.
    #[must_use]
    pub fn waiting(self) -> Executor {
        Executor { is_waiting: true, ..self }
    }

    /// Carries out what `principal` asks for, or refuses. A change is on disk when this returns.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn obey<C: AdminCommand>(&self, principal: &Principal, command: &C, at: &Moment<'_>) -> Result<C::Told, Declined> {
        if principal.may(command.audience(), &self.book) { command.carry_out(self, at) } else { Err(Declined::not_yours()) }
    }
}

/// What does not change while the daemon runs.
#[derive(Clone, Default)]
pub struct Host {
    /// The listeners, in the order of the config file.
    pub listeners: Vec<ListenerStatus>,
    /// Rules that this kernel or this start does not enforce, in words.
    pub not_enforced: Vec<String>,
    /// The same rules, each by its word.
    pub missing: Vec<&'static str>,
    /// Rules that the policy folder loosened.
    pub loosened: Vec<String>,
    /// The fingerprint of the policy.
    pub policy: String,
    /// Outputs (1, 2) that are kept on a disk.
    pub kept_outputs: Vec<u64>,
    /// Outputs (1, 2) that end in another program.
    pub lost_outputs: Vec<u64>,
    /// The certificates; none where no listener uses TLS.
    pub certificates: Option<AskCertificates>,
}

/// How the certificates stand whenever that is asked.
pub type AskCertificates = Arc<dyn Fn() -> Vec<CertificateStatus> + Send + Sync>;

/// How the certificate of one folder stands.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateStatus {
    /// The folder's name.
    pub name: String,
    /// Whole days that the one in force is still valid, below zero when it is over; none where that is not known.
    #[serde(deserialize_with = "nullable")]
    pub days: Option<i64>,
    /// Whether any is in force.
    pub in_force: bool,
    /// What is wrong with the files that are there now.
    #[serde(deserialize_with = "nullable")]
    pub broken: Option<String>,
}

/// How a server of a backend stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerStatus {
    /// The backend's name in the config file.
    pub backend: String,
    /// Which one of it.
    pub service: BackendService,
    /// `up` or `down`, as at the last connection; `untried` since the start.
    pub state: String,
}

/// A listener as the config file has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerStatus {
    /// `imap`, `submission` ...; by ALPN, all that there are.
    pub service: String,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub address: String,
    /// `implicit`, `starttls`, `none`, `by-alpn`.
    pub tls: String,
}
