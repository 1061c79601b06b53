//! Places for sessions. Each kind has its own number, so that none can take another's: people who have not logged in yet, those among
//! them who came through the onion listener, connections of a balancer that has not said yet whose they are, members, the host's relay that
//! brings mail, its questions, the webmail, readers of pages. Admins, monitoring and usage have theirs at their own
//! listeners.
//!
//! Whoever has not logged in yet holds a place only until others want it: when all of its kind are taken, the one that waits longest
//! goes. So silence starves nobody.

use std::collections::{BTreeMap, HashMap};

use super::asker::PseudonymKey;
use super::params::LimitParams;

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SeatKind {
    /// Not logged in yet.
    Waiting,
    /// The same, behind the onion listener.
    Onion,
    /// A balancer's, that has not said yet where the client is.
    Unnamed,
    Member,
    Delivery,
    Question,
    Webmail,
    Page,
}

const KINDS: usize = 8;

/// What is counted by network.
#[derive(Clone, Copy)]
pub(super) enum NetworkCount {
    Session,
    /// A connection for pages.
    Reader,
}

/// Ends the task that holds a place.
pub(super) type Leave = Box<dyn FnOnce() + Send>;

/// Which places are taken.
#[derive(Default)]
pub(super) struct Seats {
    taken: [usize; KINDS],
    /// By network or account.
    open: HashMap<PseudonymKey, u32>,
    /// Connections for pages, by network. Counted apart: pages take nothing from a network's mail.
    readers: HashMap<PseudonymKey, u32>,
    /// Who waits, of each kind the oldest first.
    waiting: BTreeMap<Queued, Option<Leave>>,
    next: u64,
}

/// A place among those of one kind who wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queued {
    kind: SeatKind,
    number: u64,
}

/// A place for somebody who waits.
pub(super) struct FreedPlace {
    pub(super) queued: Queued,
    /// Who has to go for it.
    pub(super) displaced: Option<Option<Leave>>,
}

impl Seats {
    /// All that are taken.
    pub(super) fn sum(&self) -> usize {
        self.taken.iter().sum()
    }

    /// Takes a place that is nobody's but of its kind; whether there was one.
    pub(super) fn take(&mut self, kind: SeatKind, params: &LimitParams) -> bool {
        let free = self.taken[kind as usize] < most(kind, params);
        self.taken[kind as usize] += usize::from(free);
        free
    }

    pub(super) fn give_back(&mut self, kind: SeatKind) {
        self.taken[kind as usize] = self.taken[kind as usize].saturating_sub(1);
    }

    /// Takes a place among those of `kind` who wait. There always is one.
    pub(super) fn wait(&mut self, kind: SeatKind, params: &LimitParams) -> FreedPlace {
        let full = self.taken[kind as usize] >= most(kind, params);
        let displaced = if full { self.pop_oldest(kind) } else { None };
        if displaced.is_none() {
            self.taken[kind as usize] += 1;
        }
        self.next += 1;
        let queued = Queued { kind, number: self.next };
        self.waiting.insert(queued, None);
        FreedPlace { queued, displaced }
    }

    fn pop_oldest(&mut self, kind: SeatKind) -> Option<Option<Leave>> {
        let all = Queued { kind, number: 0 }..=Queued { kind, number: u64::MAX };
        let oldest = *self.waiting.range(all).next()?.0;
        self.waiting.remove(&oldest)
    }

    /// How `queued` can be made to leave. Given back where it was displaced before that was known.
    pub(super) fn may_leave(&mut self, queued: Queued, leave: Leave) -> Option<Leave> {
        match self.waiting.get_mut(&queued) {
            Some(place) => {
                *place = Some(leave);
                None
            }
            None => Some(leave),
        }
    }

    /// `queued` waits no more; whether it still did. Its place is free.
    pub(super) fn stop_waiting(&mut self, queued: Queued) -> bool {
        let waited = self.waiting.remove(&queued).is_some();
        if waited {
            self.give_back(queued.kind);
        }
        waited
    }

    /// One session more of `who`, of `most`.
    pub(super) fn count(&mut self, who: PseudonymKey, most: u32) -> bool {
        count(&mut self.open, who, most)
    }

    pub(super) fn uncount(&mut self, who: PseudonymKey) {
        uncount(&mut self.open, who);
    }

    pub(super) fn uncount_reader(&mut self, network: PseudonymKey) {
        uncount(&mut self.readers, network);
    }

    /// One more of each network, of as many as stands beside it; or of none.
    pub(super) fn count_each(&mut self, what: NetworkCount, networks: &[(PseudonymKey, u32)]) -> bool {
        let counts = match what {
            NetworkCount::Session => &mut self.open,
            NetworkCount::Reader => &mut self.readers,
        };
        for (number, &(network, most)) in networks.iter().enumerate() {
            if !count(counts, network, most) {
                networks.iter().take(number).for_each(|(counted, _)| uncount(counts, *counted));
                return false;
            }
        }
        true
    }

    pub(super) fn sweep(&mut self) {
        self.readers.shrink_to_fit();
        self.open.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sum() == 0 && self.open.is_empty() && self.readers.is_empty() && self.waiting.is_empty()
    }
}

fn count(counts: &mut HashMap<PseudonymKey, u32>, who: PseudonymKey, most: u32) -> bool {
    let count = counts.entry(who).or_insert(0);
    let free = *count < most;
    *count += u32::from(free);
    if *count == 0 {
        counts.remove(&who);
    }
    free
}

fn uncount(counts: &mut HashMap<PseudonymKey, u32>, who: PseudonymKey) {
    if let Some(count) = counts.get_mut(&who) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&who);
        }
    }
}

fn most(kind: SeatKind, params: &LimitParams) -> usize {
    let most = match kind {
        SeatKind::Waiting => params.before_login,
        SeatKind::Onion => params.onion,
        SeatKind::Unnamed => params.unnamed,
        SeatKind::Member => params.sessions,
        SeatKind::Delivery => params.deliveries,
        SeatKind::Question => params.questions,
        SeatKind::Webmail => params.webmail,
        SeatKind::Page => params.pages,
    };
    most.max(1)
}
