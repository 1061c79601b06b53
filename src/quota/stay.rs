//! Who counts when all have gone: the last session of a mailbox stays with its backend until nothing has happened for a second.
//!
//! The pushes of several backend processes that end at about the same time may overtake each other, and then nobody can say which
//! number is the later one (docs/quota.md). Who stays behind counts when the others have told all they had to tell.

use std::sync::Arc;

use super::Book;
use super::directory::AssociationEntry;
use super::entry::Entry;
use super::pulse::{REST, Tick};
use super::tally::Tally;
use crate::private::Address;

/// The place of the one session of a mailbox that stays behind. Dropping it gives the place up.
#[must_use = "who does not keep it does not stay"]
pub struct Stay {
    tenant: Arc<AssociationEntry>,
    number: u64,
}

impl Book {
    /// A session ends: its place behind all others, if the backend pushes, something happened to the mailbox within the last second, or its number is
    /// not the backend's; and if nobody else has it.
    pub fn stay(&self, mailbox: &Address) -> Option<Stay> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let (number, now) = (ledger.number(mailbox)?, tenant.pulse.now());
            let tally = ledger.tally_mut(number)?;
            let wanted = tally.push.is_some() && (tally.is_restless(now) || !tally.is_seen());
            (wanted && !std::mem::replace(&mut tally.stayed, true)).then(|| Stay { tenant: tenant.clone(), number })
        })
        .flatten()
    }
}

impl Stay {
    /// Whether something is under way, or happened within the last second.
    pub fn is_restless(&self) -> bool {
        let now = self.tenant.pulse.now();
        self.tenant.lock().entry(self.number).and_then(Entry::awake).is_some_and(|awake| awake.tally.is_restless(now))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.tenant.lock().tally_mut(self.number).into_iter().for_each(|tally| tally.stayed = false);
    }
}

impl Tally {
    fn is_restless(&self, now: Tick) -> bool {
        let pushed = self.push.as_ref().map(|push| push.at);
        let active = self.recent.last().max(pushed);
        self.handed > 0 || self.is_shifting(now) || active.is_some_and(|at| now.saturating_sub(at) < REST)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Amount, Association, BookParams, Day, Limit, Name, Origin};
    use super::*;
    use crate::private::Domain;
    use crate::store::MemoryStore;

    fn book() -> (Book, Address) {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        let mut association = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        association.storage = Limit::At(10_000);
        book.import_once(vec![association], Day::from_unix(0)).unwrap();
        let alice = Address::parse("alice@velo.example").unwrap();
        book.admit(&alice).unwrap();
        (book, alice)
    }

    fn rest(book: &Book) {
        (0..=REST).for_each(|_| book.tick());
    }

    #[test]
    fn only_beside_pushes_only_lately_and_only_one() {
        let (book, alice) = book();
        assert!(book.stay(&alice).is_none(), "nobody pushes: whoever ends has counted");
        book.pushed(&alice, Some(100), Some(1));
        let stay = book.stay(&alice).unwrap();
        assert!(stay.is_restless() && book.stay(&alice).is_none());
        rest(&book);
        assert!(!stay.is_restless());
        drop(stay);
        assert!(book.stay(&alice).is_none(), "nothing happened lately, and the number is known");
        let mut reservation = book.reserve(&alice, Amount::message(50), Origin::Member, Day::from_unix(0)).unwrap();
        reservation.handed_over();
        let stay = book.stay(&alice).unwrap();
        rest(&book);
        assert!(stay.is_restless(), "an answer is waited for");
        let _ = reservation.release();
        drop(stay);
        // Somebody wants a count.
        book.unsee(&alice);
        assert!(book.stay(&alice).is_some_and(|stay| !stay.is_restless()));
    }
}
