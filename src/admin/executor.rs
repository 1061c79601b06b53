//! What commands work on.

use std::sync::Arc;

use super::doubt::OldNumbers;
use super::host::Host;
use super::in_parts::InParts;
use super::node_desk::NodeDesk;
use super::open_offers::LoanOffers;
use super::seen_zones::SeenZones;
use super::share_desk::ShareDesk;
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::quota::{Batch, Book, Name, WantedCounts};

/// What commands work on. They block on the disk.
pub struct Executor {
    pub(super) book: Arc<Book>,
    pub(super) host: Host,
    pub(super) incidents: Arc<Incidents>,
    pub(super) limits: Arc<Limits>,
    /// Of a sync: how many parts came, and what they say.
    pub(super) staging: InParts<(u64, Batch)>,
    pub(super) offers: LoanOffers,
    pub(super) zones: SeenZones,
    /// Of a count of everybody, until the backend has told.
    pub(super) counting: InParts<WantedCounts>,
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
        let (staging, offers, zones) = (InParts::default(), LoanOffers::default(), SeenZones::default());
        let counting = InParts::default();
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

    /// Whose numbers are old, of one association or of all.
    pub(super) fn old_numbers(&self, of: Option<&Name>) -> Vec<OldNumbers> {
        let all = self.share.as_ref().map_or_else(Vec::new, |share| share.old_numbers(&self.book));
        all.into_iter().filter(|one| of.is_none_or(|name| one.association == *name)).collect()
    }
}
