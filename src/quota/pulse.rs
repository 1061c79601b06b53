//! Time, as far as the book knows any: ticks of a quarter of a second since the start, and the mailboxes that wait for one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

/// Quarters of a second since the start.
pub(super) type Tick = u64;

/// What happened within so many ticks, the present one included, may have happened in any order: a push arrives within
/// milliseconds, and so does an answer, but on another connection. At least 250 ms.
pub(super) const BLUR: Tick = 2;
/// A mailbox rests when so long nothing was told and nothing was committed: at least 750 ms.
pub(super) const REST: Tick = 4;
/// How long somebody may have a mailbox locked, so that mail that comes in is missing in a hasty count: 2 s.
pub(super) const LATE: Tick = 8;
/// Dovecot pushes what a session changed at the latest 10 s after its first change; 11 s.
pub(super) const FLUSH: Tick = 44;
/// How long what an admin loads may have been under way: 5 minutes.
pub(super) const LOADING: Tick = 1200;
/// How long a number that nobody pushes is believed enough to bounce mail for it: an hour.
pub(super) const BELIEVED: Tick = 14_400;

/// The time, and who waits for it: a place in an `Entry` each. Locked after a ledger, never before.
pub(super) struct Pulse<Entry> {
    now: AtomicU64,
    unsettled: Mutex<Vec<(Weak<Entry>, u64)>>,
}

impl<Entry> Default for Pulse<Entry> {
    fn default() -> Pulse<Entry> {
        Pulse { now: AtomicU64::new(0), unsettled: Mutex::default() }
    }
}

impl<Entry> Pulse<Entry> {
    pub(super) fn now(&self) -> Tick {
        self.now.load(Ordering::Relaxed)
    }

    /// A tick is over. The mailboxes that waited for it: each is to be looked at, and given back by [`Pulse::wait`] if it goes
    /// on waiting.
    pub(super) fn next(&self) -> (Tick, Vec<(Weak<Entry>, u64)>) {
        let now = self.now.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        (now, std::mem::take(&mut *self.lock()))
    }

    pub(super) fn wait(&self, tenant: Weak<Entry>, number: u64) {
        self.lock().push((tenant, number));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Weak<Entry>, u64)>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
