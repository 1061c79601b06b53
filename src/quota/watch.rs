//! Open sessions of a mailbox, and what they are to hear: that it is over, that an admin ends them, that a count is wanted.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use super::directory::AssociationEntry;
use super::entry::Entry;
use super::watcher::{ELSEWHERE, KICKED, RECOUNT, STIRRED, Watcher};
use super::{Book, Day, Standing, Verdict};
use crate::fault::RefusalCode;
use crate::private::{Address, Domain};

/// What an open session is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The association is suspended ([`Verdict::Suspended`]), or the mailbox or the association was removed
    /// ([`Verdict::Unknown`]). Told again at every poll.
    Ended(Verdict),
    /// An admin ends this person's sessions. Told once.
    Kicked,
    /// Another node judges (docs/many-nodes.md): who may store something is to come in there. Told once each time.
    Elsewhere,
    /// Whoever can count the mailbox is to do so, if [`Book::is_seen`] does not hold by then. Told once each time.
    Recount,
}

/// One open session. Dropping it ends the watch.
#[must_use = "a watch that is dropped hears nothing"]
pub struct Watch {
    tenant: Arc<AssociationEntry>,
    number: u64,
    watcher: Arc<Watcher>,
    closed: bool,
    /// Of whoever only sends: the backend's mailbox is not open.
    sends: bool,
}

impl Book {
    /// A session of this mailbox is open; none when the mailbox was not admitted.
    pub fn watch(&self, mailbox: &Address) -> Option<Watch> {
        self.begin_watch(mailbox, false)
    }

    /// A session that sends as this mailbox, and has nothing of it open at its backend: what is pushed need not wait for it.
    pub fn watch_sender(&self, mailbox: &Address) -> Option<Watch> {
        self.begin_watch(mailbox, true)
    }

    fn begin_watch(&self, mailbox: &Address, sends: bool) -> Option<Watch> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox)?;
            let watcher = Arc::new(Watcher::default());
            let awake = ledger.entry_mut(number)?.rouse();
            awake.watchers.push(watcher.clone());
            awake.tally.watched += u32::from(!sends);
            Some(Watch { tenant: tenant.clone(), number, watcher, closed: false, sends })
        })
        .flatten()
    }

    /// `mailbox kick`: how many open sessions were told to end.
    pub fn kick(&self, mailbox: &Address) -> usize {
        let told = self.with(mailbox, |_, ledger, mailbox| {
            let entry = ledger.number(mailbox).and_then(|number| ledger.entry(number))?;
            entry.watchers().iter().for_each(|watcher| watcher.kick());
            Some(entry.watchers().len())
        });
        told.flatten().unwrap_or(0)
    }

    /// The open sessions of every association that has such a domain are told to end.
    pub fn kick_where(&self, is_such: impl Fn(&Domain) -> bool) {
        for tenant in self.tenants() {
            let ledger = tenant.lock();
            if ledger.association.all_domains().any(&is_such) {
                ledger.entries().flat_map(Entry::watchers).for_each(|watcher| watcher.kick());
            }
        }
    }
}

impl Watch {
    /// This session is to end.
    pub fn kick(&self) {
        self.watcher.kick();
    }

    /// Whether there may be something to tell since the last [`Watch::poll`]; costs no lock, so that a session can ask at each turn.
    pub fn is_stirred(&self) -> bool {
        self.watcher.told.load(Ordering::Acquire) != 0
    }

    /// Waits for something to tell. `today` says whether an association that leaves has left.
    pub fn poll(&self, cx: &mut Context<'_>, today: Day) -> Poll<Told> {
        // First the waker, then the look: what is told in between wakes.
        *self.watcher.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.watcher.take(STIRRED);
        {
            let ledger = self.tenant.lock();
            if ledger.entry(self.number).is_none() {
                return Poll::Ready(Told::Ended(Verdict::Unknown));
            }
            if ledger.association.state.standing(today) == Standing::Suspended {
                return Poll::Ready(Told::Ended(Verdict::Suspended));
            }
        }
        match () {
            () if self.watcher.take(KICKED) => Poll::Ready(Told::Kicked),
            () if self.watcher.take(ELSEWHERE) => Poll::Ready(Told::Elsewhere),
            () if self.watcher.take(RECOUNT) => Poll::Ready(Told::Recount),
            () => Poll::Pending,
        }
    }
}

impl Watch {
    /// The same for a session that stores nothing and cannot count: waits for its end, and why.
    pub fn poll_end(&self, cx: &mut Context<'_>, today: Day) -> Poll<RefusalCode> {
        loop {
            match self.poll(cx, today) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Told::Recount | Told::Elsewhere) => {}
                Poll::Ready(Told::Kicked) => return Poll::Ready(RefusalCode::SessionEnded),
                Poll::Ready(Told::Ended(verdict)) => return Poll::Ready(verdict.code()),
            }
        }
    }

    /// The session ends, and the connection to the backend is closed, not kept for the next session: what the backend has to push
    /// it pushes now. Optional: without it, the book waits as long as an open session may hold its push back.
    pub fn closed(mut self) {
        self.closed = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let now = self.tenant.pulse.now();
        let mut ledger = self.tenant.lock();
        if let Some(awake) = ledger.entry_mut(self.number).and_then(Entry::awake_mut) {
            if !self.sends {
                awake.tally.unwatch(self.closed, now);
            }
            awake.watchers.retain(|watcher| !Arc::ptr_eq(watcher, &self.watcher));
        }
    }
}
