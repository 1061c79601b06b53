//! Who counts when others have gone: one session of a mailbox stays with its backend.
//!
//! The pushes of several backend processes that end at about the same time may overtake each other, and then nobody can say which
//! number is the later one (docs/quota.md). Who stays behind counts when the others have told all they had to tell.
//!
//! Where nobody pushes, each session that deletes wants a count at its end. Of a mailbox with several, one stays behind for a moment and counts for
//! all who leave meanwhile: it goes only at a moment at which nobody wants a count, and that is decided together with whether the place is free.

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
    left: bool,
}

/// Who stays behind.
pub enum WhoStays {
    /// The session that asks.
    This(Stay),
    /// Another one, which goes only when the mailbox is seen: whoever wants a count, and has said so to the book, may leave it to that one.
    Another,
}

impl Book {
    /// A session ends: whether it is to stay behind all others. Where the backend pushes, if something happened to the mailbox within the last second,
    /// or its number is not the backend's, and nobody else stays; where it does not, if a count is wanted, and other sessions are open.
    pub fn stay(&self, mailbox: &Address) -> Option<WhoStays> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let (number, now) = (ledger.number(mailbox)?, tenant.pulse.now());
            let tally = ledger.tally_mut(number)?;
            let pushed = tally.push.is_some();
            if tally.is_seen() && !(pushed && tally.is_restless(now)) {
                return None;
            }
            // Alone, it counts at once.
            if !pushed && !tally.stayed && tally.watched < 2 {
                return None;
            }
            match std::mem::replace(&mut tally.stayed, true) {
                false => Some(WhoStays::This(Stay { tenant: tenant.clone(), number, left: false })),
                true => (!pushed).then_some(WhoStays::Another),
            }
        })
        .flatten()
    }
}

impl Stay {
    /// Gives the place up, if nobody wants a count at this moment.
    pub fn leave_if_seen(&mut self) -> bool {
        let mut ledger = self.tenant.lock();
        let Some(tally) = ledger.tally_mut(self.number) else { return true };
        self.left = tally.is_seen();
        tally.stayed = !self.left;
        self.left
    }

    /// Whether something is under way, or happened within the last second.
    pub fn is_restless(&self) -> bool {
        let now = self.tenant.pulse.now();
        self.tenant.lock().entry(self.number).and_then(Entry::awake).is_some_and(|awake| awake.tally.is_restless(now))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        // It ends by something else, and what others left to it is to be counted by whoever is there.
        self.tenant.lock().change(self.number, |tally| {
            tally.stayed = false;
            if tally.push.is_none() && !tally.is_seen() {
                tally.want();
            }
        });
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

    use super::super::{Amount, Association, BookParams, Day, DeletedBy, Limit, Name, Origin};
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

    fn stay(book: &Book, alice: &Address) -> Option<Stay> {
        match book.stay(alice) {
            Some(WhoStays::This(stay)) => Some(stay),
            _ => None,
        }
    }

    #[test]
    fn beside_pushes_only_lately_and_only_one() {
        let (book, alice) = book();
        book.pushed(&alice, Some(100), Some(1));
        let first = stay(&book, &alice).unwrap();
        assert!(first.is_restless() && book.stay(&alice).is_none());
        rest(&book);
        assert!(!first.is_restless());
        drop(first);
        assert!(book.stay(&alice).is_none(), "nothing happened lately, and the number is known");
        let mut reservation = book.reserve(&alice, Amount::message(50), Origin::Member, Day::from_unix(0)).unwrap();
        reservation.handed_over();
        let second = stay(&book, &alice).unwrap();
        rest(&book);
        assert!(second.is_restless(), "an answer is waited for");
        let _ = reservation.release();
        drop(second);
        // Somebody wants a count.
        book.unsee(&alice);
        assert!(stay(&book, &alice).is_some_and(|stay| !stay.is_restless()));
    }

    #[test]
    fn without_pushes_whoever_stays_counts_for_all_who_leave() {
        let (book, alice) = book();
        let count = || {
            let refresh = book.begin_refresh(&alice).unwrap();
            refresh.finish(Amount::ZERO, Day::from_unix(0))
        };
        let _ = count();
        let one = book.watch(&alice);
        assert!(book.stay(&alice).is_none(), "nobody wants a count");
        book.unsee(&alice);
        assert!(book.stay(&alice).is_none(), "nobody else is there");
        let _two = (one, book.watch(&alice));
        let mut first = stay(&book, &alice).unwrap();
        assert!(matches!(book.stay(&alice), Some(WhoStays::Another)) && !first.leave_if_seen());
        // One that leaves while the other's count is under way.
        let refresh = book.begin_refresh(&alice).unwrap();
        book.unsee(&alice);
        assert!(matches!(book.stay(&alice), Some(WhoStays::Another)));
        let _ = refresh.finish(Amount::ZERO, Day::from_unix(0));
        assert!(!first.leave_if_seen(), "that count does not answer for the second one");
        let _ = count();
        assert!(first.leave_if_seen() && book.stay(&alice).is_none());
        // Whoever comes later has the place, also if the first one ends only now.
        book.unsee(&alice);
        let second = stay(&book, &alice).unwrap();
        drop(first);
        assert!(matches!(book.stay(&alice), Some(WhoStays::Another)));
        // One that is cut leaves the place to the next.
        drop(second);
        assert!(stay(&book, &alice).is_some());
    }

    #[test]
    fn as_long_as_a_deletion_is_not_answered_nobody_goes() {
        let (book, alice) = book();
        let count = || book.begin_refresh(&alice).unwrap().finish(Amount::ZERO, Day::from_unix(0));
        let _ = count();
        let _two = [book.watch(&alice), book.watch(&alice)];
        let deletion = book.deletion(&alice, DeletedBy::Owner).unwrap();
        let mut first = stay(&book, &alice).unwrap();
        let _ = count();
        assert!(!first.leave_if_seen() && !book.is_seen(&alice), "it came too early, perhaps");
        drop(deletion);
        assert!(!first.leave_if_seen());
        let _ = count();
        assert!(first.leave_if_seen() && book.is_seen(&alice));
    }
}
