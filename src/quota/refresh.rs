//! The backend is the truth: its count replaces ours. Between the question and the answer writes go on, so what was
//! committed since the question is added: the book may count a message twice for a moment, and never misses one.

use std::sync::Arc;

use super::book::Tenant;
use super::{Amount, Book, Day};
use crate::private::Address;

/// A question to the backend under way. Begin it before the command is sent.
#[must_use = "a refresh does nothing until it is finished"]
pub struct Refresh {
    tenant: Arc<Tenant>,
    number: u64,
    begun: u64,
    committed: Amount,
    quiet: bool,
}

/// How good the new count is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Nobody wrote through us meanwhile: it is what the backend said.
    Exact,
    /// Somebody did: it may be above the truth. Refresh again when the mailbox rests.
    AtMost,
    /// Messages changed their folder meanwhile ([`Book::shift`]): they may have been missed, so nothing was changed.
    Disturbed,
    /// A refresh that began later was finished already, or the mailbox was removed; nothing was changed.
    Outdated,
}

impl Book {
    /// Begins to refresh; none when the mailbox was not admitted.
    pub fn begin_refresh(&self, mailbox: &Address) -> Option<Refresh> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox)?;
            let entry = ledger.entry_mut(number)?;
            entry.begun += 1;
            let (begun, committed, quiet) = (entry.begun, entry.committed, entry.writers == 0);
            Some(Refresh { tenant: tenant.clone(), number, begun, committed, quiet })
        })
        .flatten()
    }

    /// Takes note that the backend must be asked anew: something was deleted, and the session ended before it could ask.
    pub fn unsee(&self, mailbox: &Address) {
        self.with(mailbox, |_, ledger, mailbox| {
            if let Some(entry) = ledger.number(mailbox).and_then(|number| ledger.entry_mut(number)) {
                entry.seen = false;
            }
        });
    }

    /// Whether the backend was asked about the mailbox since the start; a mailbox that was not admitted was not.
    pub fn is_seen(&self, mailbox: &Address) -> bool {
        let seen = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).is_some_and(|entry| entry.seen)
        });
        seen.unwrap_or(false)
    }
}

impl Refresh {
    /// The backend said `seen`.
    pub fn finish(self, seen: Amount, today: Day) -> Refreshed {
        let mut ledger = self.tenant.lock();
        let Some(entry) = ledger.entry_mut(self.number).filter(|entry| entry.finished < self.begun) else {
            return Refreshed::Outdated;
        };
        entry.finished = self.begun;
        entry.seen = true;
        let since = entry.committed.minus(self.committed);
        // A writer that is open may have stored already: its message is then in `seen`, and comes again at its commit.
        let exact = self.quiet && entry.writers == 0 && since == Amount::ZERO;
        ledger.set_used(self.number, seen.plus(since));
        let news = ledger.news(self.number, today);
        news.into_iter().flatten().for_each(|news| self.tenant.waiting.push(news));
        if exact { Refreshed::Exact } else { Refreshed::AtMost }
    }
}

/// A MOVE or a RENAME under way: messages change their folder, so a count or a push at the same time may miss them. Dropping
/// it ends it.
#[must_use = "a shift that is dropped is over"]
pub struct Shift(());

impl Book {
    /// Messages begin to change their folder; none when the mailbox was not admitted.
    pub fn shift(&self, mailbox: &Address) -> Option<Shift> {
        self.with(mailbox, |_, ledger, mailbox| ledger.number(mailbox)).flatten().map(|_| Shift(()))
    }
}
