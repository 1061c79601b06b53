//! Who counts a mailbox that several sessions have open: whoever rests, and else the last who leaves. It is one duty, which they share:
//! a session that ends passes it on, as long as somebody is there who can count.
//!
//! Otherwise each of them would count for all the others, at each of their ends.

use std::sync::Arc;

use super::Book;
use super::directory::AssociationEntry;
use super::tally::Tally;
use crate::private::Address;

/// One session's share in the duty to count. Dropping it gives the share up, and tells nobody.
#[must_use = "who does not keep it has no share"]
pub struct CountDuty {
    tenant: Arc<AssociationEntry>,
    number: u64,
    shares: bool,
}

impl Book {
    /// A session that can count the mailbox is open; none when the mailbox was not admitted.
    pub fn count_duty(&self, mailbox: &Address) -> Option<CountDuty> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox)?;
            ledger.tally_mut(number)?.sharing += 1;
            Some(CountDuty { tenant: tenant.clone(), number, shares: true })
        })
        .flatten()
    }
}

impl CountDuty {
    /// Whether a count may wait for a quiet moment: somebody else shares the duty, and the backend was asked since the start, so that the
    /// number is too high at worst.
    pub fn may_wait(&self) -> bool {
        let mut ledger = self.tenant.lock();
        ledger.tally_mut(self.number).is_some_and(|tally| tally.is_confirmed() && tally.sharing > u32::from(self.shares))
    }

    /// The session ends, and what it did is done. True: a count is wanted of those who share the duty, and this one has no share any more.
    /// False: there is nobody else.
    pub fn pass_on(&mut self) -> bool {
        let mut ledger = self.tenant.lock();
        let Some(tally) = ledger.tally_mut(self.number) else { return false };
        if tally.sharing <= u32::from(self.shares) {
            return false;
        }
        tally.sharing = tally.sharing.saturating_sub(u32::from(std::mem::take(&mut self.shares)));
        ledger.change(self.number, Tally::unsee_for_others);
        true
    }

    /// For a while the session cannot count. True: a count is wanted, and nobody else shares the duty.
    pub fn step_aside(&mut self) -> bool {
        if !std::mem::take(&mut self.shares) {
            return false;
        }
        let mut ledger = self.tenant.lock();
        ledger.tally_mut(self.number).is_some_and(|tally| {
            tally.sharing = tally.sharing.saturating_sub(1);
            tally.sharing == 0 && tally.wanted
        })
    }

    /// It can again.
    pub fn step_in(&mut self) {
        if !std::mem::replace(&mut self.shares, true) {
            self.tenant.lock().tally_mut(self.number).into_iter().for_each(|tally| tally.sharing += 1);
        }
    }
}

impl Drop for CountDuty {
    fn drop(&mut self) {
        let _ = self.step_aside();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Amount, Association, BookParams, Day, Name};
    use super::*;
    use crate::private::Domain;
    use crate::store::MemoryStore;

    fn book() -> (Book, Address) {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        let association = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        book.import_once(vec![association], Day::from_unix(0)).unwrap();
        let alice = Address::parse("alice@velo.example").unwrap();
        book.admit(&alice).unwrap();
        (book, alice)
    }

    fn counted(book: &Book, mailbox: &Address) {
        book.begin_refresh(mailbox).unwrap().finish(Amount::ZERO, Day::from_unix(0));
        assert!(book.is_seen(mailbox));
    }

    #[test]
    fn of_those_who_leave_the_last_one_counts() {
        let (book, alice) = book();
        let mut duties: Vec<_> = (0..3).map(|_| book.count_duty(&alice).unwrap()).collect();
        assert!(!duties[0].may_wait(), "nobody has asked the backend yet: the number may be too low");
        counted(&book, &alice);
        assert!(duties.iter().all(CountDuty::may_wait));
        assert_eq!(duties.iter_mut().map(CountDuty::pass_on).collect::<Vec<_>>(), [true, true, false]);
        assert!(!book.is_seen(&alice), "what was passed on is wanted");
        // Those who have left have no share that could be counted once more.
        drop(duties);
        assert!(!book.count_duty(&alice).unwrap().pass_on());
    }

    #[test]
    fn who_cannot_count_now_is_left_nothing() {
        let (book, alice) = book();
        counted(&book, &alice);
        let (mut idle, mut busy) = (book.count_duty(&alice).unwrap(), book.count_duty(&alice).unwrap());
        assert!(!idle.step_aside());
        assert!(!busy.may_wait() && !busy.pass_on());
        idle.step_in();
        assert!(busy.pass_on());
        // It was left the count, and is the last: nobody would count while it idles. Said once.
        assert!(idle.step_aside());
        assert!(!idle.step_aside());
    }
}
