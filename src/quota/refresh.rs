//! The backend is the truth: its count replaces ours. Between the question and the answer writes go on, so what was
//! committed since the question is added: the book may count a message twice for a moment, and never misses one.

use std::sync::Arc;

use super::count::Begun;
use super::directory::AssociationEntry;
use super::entry::{Awake, Entry};
use super::ledger::Ledger;
use super::mandate::Mandate;
use super::tally::Tally;
use super::{Amount, Book, Day, NoShift, Refreshed, Turn};
use crate::private::Address;

/// A question to the backend under way. Begin it before the command is sent. Dropped without [`Refresh::finish`], nothing is
/// known, and nothing changes.
#[must_use = "a refresh does nothing until it is finished"]
pub struct Refresh {
    tenant: Arc<AssociationEntry>,
    number: u64,
    begun: Begun,
}

/// A change under way. Where messages change their folder, a count or a push at the same time may miss them. Dropping it says that
/// the backend has answered.
#[must_use = "a shift that is dropped is over"]
pub struct Shift {
    tenant: Arc<AssociationEntry>,
    number: u64,
    turn: Turn,
    /// Of several nodes, this one gives the association to no other before it ended.
    mandate: Option<Mandate>,
}

impl Book {
    /// Begins to refresh; none when the mailbox was not admitted.
    pub fn begin_refresh(&self, mailbox: &Address) -> Option<Refresh> {
        self.with(mailbox, Refresh::begin).flatten()
    }

    /// A change begins; none when the mailbox was not admitted.
    pub fn shift(&self, mailbox: &Address, turn: Turn) -> Option<Shift> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox)?;
            ledger.tally_mut(number)?.begin_shift(turn);
            Some(Shift { tenant: tenant.clone(), number, turn, mandate: None })
        })
        .flatten()
    }

    /// The same where nobody else is in the way.
    ///
    /// # Errors
    /// [`NoShift::Busy`]: for a move, while others move messages or rename folders; for a rename, while others move messages.
    /// [`NoShift::NotNow`]: for both, where nothing may be granted. Nothing is in the way of a deletion.
    pub fn shift_alone(&self, mailbox: &Address, turn: Turn) -> Result<Shift, NoShift> {
        let begun = self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox).ok_or(NoShift::Unknown)?;
            // Another process may move the same messages. A deletion takes no space, and must be known here whoever judges.
            if turn != Turn::Delete {
                tenant.may_grant(ledger).map_err(|_| NoShift::NotNow)?;
            }
            let hindered = |awake: &Awake| awake.tally.has_under_way(turn.hindrances());
            if ledger.entry(number).ok_or(NoShift::Unknown)?.awake().is_some_and(hindered) {
                return Err(NoShift::Busy);
            }
            // A judge that counts while messages change their folder would miss them.
            let mandate = if turn == Turn::Delete {
                None
            } else {
                tenant.mandate(ledger, Amount::ZERO, |_| Ok(())).map_err(|_| NoShift::NotNow)?
            };
            ledger.tally_mut(number).ok_or(NoShift::Unknown)?.begin_shift(turn);
            Ok(Shift { tenant: tenant.clone(), number, turn, mandate })
        });
        begun.unwrap_or(Err(NoShift::Unknown))
    }

    /// How often a folder of this mailbox began or ended to be renamed or deleted since the start; 0 for a mailbox that was not
    /// admitted.
    pub fn renames(&self, mailbox: &Address) -> u64 {
        let renames = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).map_or(0, Entry::renames)
        });
        renames.unwrap_or(0)
    }

    /// Whether whoever asks is to count: nobody else has taken that upon himself within a quarter of a second, or, as long as a count is under way, within one. For
    /// one who can leave it to others for a moment, and looks again.
    pub fn take_count(&self, mailbox: &Address) -> bool {
        let taken = self.with(mailbox, |tenant, ledger, mailbox| {
            let now = tenant.pulse.now();
            ledger.number(mailbox).and_then(|number| ledger.tally_mut(number)).map(|tally| tally.take_count(now))
        });
        taken.flatten().unwrap_or(false)
    }

    /// Takes note that the backend must be asked anew: something was deleted, and the session ended before it could ask. Until
    /// then, incoming mail that finds no room is deferred.
    pub fn unsee(&self, mailbox: &Address) {
        self.with(mailbox, |_, ledger, mailbox| {
            if let Some(tally) = ledger.number(mailbox).and_then(|number| ledger.tally_mut(number)) {
                tally.unsee();
            }
        });
    }

    /// The same, said by somebody else than whoever is logged in there: their open sessions are asked to count.
    pub fn recount(&self, mailbox: &Address) {
        self.with(mailbox, |_, ledger, mailbox| {
            if let Some(number) = ledger.number(mailbox) {
                ledger.change(number, Tally::unsee_for_others);
            }
        });
    }

    /// Whether the book's number was confirmed by the backend since the start: counted, pushed or loaded.
    pub fn is_confirmed(&self, mailbox: &Address) -> bool {
        let confirmed = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).is_some_and(Entry::is_confirmed)
        });
        confirmed.unwrap_or(false)
    }

    /// Whether the book's number is the backend's: it was counted, pushed or loaded since the start, nothing is in doubt or
    /// perhaps there twice, and nobody asked for a count ([`Book::unsee`]). Not so for a mailbox that was not admitted.
    pub fn is_seen(&self, mailbox: &Address) -> bool {
        let seen = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).is_some_and(Entry::is_seen)
        });
        seen.unwrap_or(false)
    }
}

impl Refresh {
    pub(super) fn begin(tenant: &Arc<AssociationEntry>, ledger: &mut Ledger, mailbox: &Address) -> Option<Refresh> {
        let number = ledger.number(mailbox)?;
        let begun = ledger.tally_mut(number)?.begin(tenant.pulse.now());
        Some(Refresh { tenant: tenant.clone(), number, begun })
    }

    /// Whether mail has come in that a hasty count may miss.
    pub fn is_late(&self) -> bool {
        let ledger = self.tenant.lock();
        ledger.entry(self.number).and_then(Entry::awake).is_some_and(|awake| awake.tally.late.total() != Amount::ZERO)
    }

    /// The backend does not wait for whoever takes mail at the same time: what came in just before may be missing in what it says.
    pub fn hasty(&mut self) {
        self.begun.hasty = true;
    }

    /// It is one of many, and heard long after it was said. Who asks about everybody waits for nobody either.
    pub(super) fn of_all(&mut self) {
        (self.begun.hasty, self.begun.long, self.begun.outside) = (true, true, true);
    }

    /// The storage said `seen` to somebody who asked outside a session: that there is nothing is not simply believed ([`Refreshed::InVain`]). What
    /// the judge before had the mail server delete may still be under way there, and nobody will tell: the next session counts once more.
    pub(super) fn finish_told(mut self, seen: Amount, today: Day) -> Refreshed {
        (self.begun.hasty, self.begun.outside) = (true, true);
        let (tenant, number) = (self.tenant.clone(), self.number);
        let refreshed = self.finish(seen, today);
        tenant.lock().change(number, Tally::want);
        refreshed
    }

    /// It could not read all, but `least`: a count is wanted. Whether anything was known before.
    pub(super) fn finish_unsure(self, least: Amount, today: Day) -> bool {
        let mut ledger = self.tenant.lock();
        ledger.day = today;
        let known = ledger.change(self.number, |tally| tally.stays_at_least(least));
        self.tenant.after(&mut ledger, self.number);
        // `self` ends here and takes the lock again.
        drop(ledger);
        known.unwrap_or(false)
    }

    /// The backend said `seen`.
    pub fn finish(self, seen: Amount, today: Day) -> Refreshed {
        let now = self.tenant.pulse.now();
        let mut ledger = self.tenant.lock();
        ledger.day = today;
        let refreshed = ledger.change(self.number, |tally| tally.finish(&self.begun, seen, now));
        self.tenant.after(&mut ledger, self.number);
        // `self` ends here and takes the lock again.
        drop(ledger);
        refreshed.unwrap_or(Refreshed::Outdated)
    }
}

impl Shift {
    /// The backend did not say OK, or nothing: some may have been copied and not removed. Whoever it belongs to is counted.
    pub fn failed(self) {
        let mut ledger = self.tenant.lock();
        ledger.change(self.number, Tally::unsee_for_others);
        // `self` ends here and takes the lock again.
        drop(ledger);
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        let mut ledger = self.tenant.lock();
        ledger.tally_mut(self.number).into_iter().for_each(Tally::end_count);
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        let now = self.tenant.pulse.now();
        let mut ledger = self.tenant.lock();
        ledger.tally_mut(self.number).into_iter().for_each(|tally| tally.end_shift(self.turn, now));
        drop(ledger);
        drop(self.mandate.take());
    }
}
