//! `usage load`: what an admin reads from the backend, in batches, so that all mailboxes are known on the first day.
//!
//! Reading takes minutes, and mail goes on meanwhile: what it adds must not be lost. So the counts of all mailboxes begin before
//! the admin reads the first number (`usage begin`), and each ends with its number (`usage load`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Answer;
use crate::private::Address;
use crate::quota::{Amount, Book, Day, Refresh, Refreshed};

/// How long one may take. Who has not come back by then is gone.
const LONGEST: Duration = Duration::from_secs(3600);

/// The load that is under way, if one is.
#[derive(Default)]
pub(super) struct Loading {
    under_way: Mutex<Option<Load>>,
}

struct Load {
    number: u64,
    begun: Instant,
    counts: HashMap<Address, Refresh>,
}

impl Loading {
    /// Begins to count all mailboxes of `book`; an earlier load ends here. Its number, for the batches.
    pub(super) fn begin(&self, book: &Book, now: Instant) -> Result<Value, Answer> {
        let mut under_way = self.lock();
        let number = under_way.take().map_or(0, |load| load.number) + 1;
        let counts = book.mailboxes(None)?.into_iter().filter_map(|mailbox| {
            let count = book.begin_refresh(&mailbox.address)?;
            Some((mailbox.address, count))
        });
        *under_way = Some(Load { number, begun: now, counts: counts.collect() });
        Ok(json!({ "load": number }))
    }

    /// Takes one batch. A mailbox that is not in the book comes in, where there is room for it.
    pub(super) fn load(&self, number: u64, batch: &[(Address, Amount)], book: &Book, today: Day) -> Result<Value, Answer> {
        let mut under_way = self.lock();
        let load = under_way.as_mut().filter(|load| load.number == number);
        let load = load.ok_or(Answer::refused("This load is over: another one began, or nologd was restarted. Begin again."))?;
        let (mut loaded, mut strangers, mut meanwhile) = (0u64, 0u64, 0u64);
        for (address, seen) in batch {
            let known = book.mailbox(address).map(|mailbox| mailbox.address);
            let count = known.as_ref().and_then(|address| load.counts.remove(address));
            let finished = count.map(|count| count.finish(*seen, today));
            match (known, finished) {
                (None, _) if book.load(address, *seen, today) => loaded += 1,
                (None, _) => strangers += 1,
                // It came in, or its messages moved, while the admin was reading: the number may be too low.
                (Some(_), None | Some(Refreshed::Disturbed)) => meanwhile += 1,
                // Outdated: the backend told a newer one meanwhile.
                (Some(_), Some(Refreshed::Exact | Refreshed::AtMost | Refreshed::Outdated)) => loaded += 1,
            }
        }
        Ok(json!({ "loaded": loaded, "not-in-the-book": strangers, "changed-meanwhile": meanwhile }))
    }

    /// Ends it. What was not loaded stays as it is.
    pub(super) fn end(&self, number: u64) -> Value {
        let mut under_way = self.lock();
        // The number stays, so that the next one differs.
        if let Some(load) = under_way.as_mut().filter(|load| load.number == number) {
            load.counts = HashMap::new();
        }
        json!({ "load": number })
    }

    /// Forgets a load whose admin is gone: counts that stay open make the book ask more often than it has to.
    pub(super) fn sweep(&self, now: Instant) {
        let mut under_way = self.lock();
        if let Some(load) = under_way.as_mut().filter(|load| now.duration_since(load.begun) > LONGEST) {
            load.counts = HashMap::new();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Load>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
