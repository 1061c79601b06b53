//! Places for sessions. Each kind has its own number, so that none can take another's: people who have not logged in yet, members,
//! the host's relay that brings mail, its questions, the webmail. Admins, monitoring and usage have theirs at their own doors.
//!
//! Whoever has not logged in yet holds a place only until others want it: when all are taken, the one that waits longest goes. So
//! silence starves nobody.

use std::collections::{BTreeMap, HashMap};

use super::Params;
use super::guesses::Key;

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not logged in yet.
    Waiting,
    Member,
    Delivery,
    Question,
    Webmail,
}

const KINDS: usize = 5;

/// Ends the task that holds a place.
pub(super) type Leave = Box<dyn FnOnce() + Send>;

/// Which places are taken.
#[derive(Default)]
pub(super) struct Seats {
    taken: [usize; KINDS],
    /// By network or account.
    open: HashMap<Key, u32>,
    /// Who waits, the oldest first.
    waiting: BTreeMap<u64, Option<Leave>>,
    next: u64,
}

/// A place for somebody who waits.
pub(super) struct Place {
    pub(super) number: u64,
    /// Who has to go for it.
    pub(super) displaced: Option<Option<Leave>>,
}

impl Seats {
    /// All that are taken.
    pub(super) fn sum(&self) -> usize {
        self.taken.iter().sum()
    }

    /// Takes a place that is nobody's but of its kind; whether there was one.
    pub(super) fn take(&mut self, kind: Kind, params: &Params) -> bool {
        let free = self.taken[kind as usize] < most(kind, params);
        self.taken[kind as usize] += usize::from(free);
        free
    }

    pub(super) fn give_back(&mut self, kind: Kind) {
        self.taken[kind as usize] = self.taken[kind as usize].saturating_sub(1);
    }

    /// Takes a place among those who wait. There always is one.
    pub(super) fn wait(&mut self, params: &Params) -> Place {
        let full = self.taken[Kind::Waiting as usize] >= most(Kind::Waiting, params);
        let displaced = if full { self.waiting.pop_first().map(|(_, leave)| leave) } else { None };
        if displaced.is_none() {
            self.taken[Kind::Waiting as usize] += 1;
        }
        self.next += 1;
        self.waiting.insert(self.next, None);
        Place { number: self.next, displaced }
    }

    /// How `number` can be made to leave. Given back where it was displaced before that was known.
    pub(super) fn may_leave(&mut self, number: u64, leave: Leave) -> Option<Leave> {
        match self.waiting.get_mut(&number) {
            Some(place) => {
                *place = Some(leave);
                None
            }
            None => Some(leave),
        }
    }

    /// `number` waits no more; whether it still did. Its place is free.
    pub(super) fn stop_waiting(&mut self, number: u64) -> bool {
        let waited = self.waiting.remove(&number).is_some();
        if waited {
            self.give_back(Kind::Waiting);
        }
        waited
    }

    /// One session more of `who`, of `most`.
    pub(super) fn count(&mut self, who: Key, most: u32) -> bool {
        let count = self.open.entry(who).or_insert(0);
        let free = *count < most;
        *count += u32::from(free);
        if *count == 0 {
            self.open.remove(&who);
        }
        free
    }

    pub(super) fn uncount(&mut self, who: Key) {
        if let Some(count) = self.open.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&who);
            }
        }
    }

    pub(super) fn sweep(&mut self) {
        self.open.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sum() == 0 && self.open.is_empty() && self.waiting.is_empty()
    }
}

fn most(kind: Kind, params: &Params) -> usize {
    let most = match kind {
        Kind::Waiting => params.before_login,
        Kind::Member => params.sessions,
        Kind::Delivery => params.deliveries,
        Kind::Question => params.questions,
        Kind::Webmail => params.webmail,
    };
    most.max(1)
}
