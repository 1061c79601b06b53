//! Messages of a mailbox that go, or move away: its number is too high from then on, and a count is wanted. But not before the backend has answered:
//! a count that comes too early would be believed.

use std::sync::Arc;

use super::Book;
use super::directory::AssociationEntry;
use crate::private::Address;

/// A deletion that is under way: as long as it is, the mailbox is not seen, whoever counts. Dropping it says that the backend has answered, or never will.
#[must_use = "a deletion that is dropped is over"]
pub struct Deletion {
    tenant: Arc<AssociationEntry>,
    number: u64,
    by: DeletedBy,
}

/// Whose session deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedBy {
    /// One of the mailbox itself: it counts when it is over, and others hear of it by the backend.
    Owner,
    /// Somebody else's: when it is over, the open sessions of the mailbox are asked to count.
    Guest,
}

impl Book {
    /// Messages of this mailbox are being deleted; none when it was not admitted.
    pub fn deletion(&self, mailbox: &Address, by: DeletedBy) -> Option<Deletion> {
        self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox)?;
            ledger.tally_mut(number)?.deleting += 1;
            Some(Deletion { tenant: tenant.clone(), number, by })
        })
        .flatten()
    }
}

impl Drop for Deletion {
    fn drop(&mut self) {
        self.tenant.lock().change(self.number, |tally| {
            tally.deleting = tally.deleting.saturating_sub(1);
            match self.by {
                DeletedBy::Owner => tally.unsee(),
                DeletedBy::Guest => tally.unsee_for_others(),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::super::{Amount, Association, BookParams, Day, Name, Told};
    use super::*;
    use crate::private::Domain;
    use crate::store::MemoryStore;

    #[test]
    fn the_owner_is_asked_to_count_when_it_is_over_and_not_before() {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        let association = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        let today = Day::from_unix(0);
        book.import_once(vec![association], today).unwrap();
        let bob = Address::parse("bob@velo.example").unwrap();
        book.admit(&bob).unwrap();
        let _ = book.begin_refresh(&bob).unwrap().finish(Amount::ZERO, today);
        let watch = book.watch(&bob).unwrap();
        let told = || watch.poll(&mut Context::from_waker(Waker::noop()), today);
        assert_eq!((book.is_seen(&bob), told()), (true, Poll::Pending));
        let count = || book.begin_refresh(&bob).unwrap().finish(Amount::ZERO, today);
        for (by, after) in [(DeletedBy::Guest, Poll::Ready(Told::Recount)), (DeletedBy::Owner, Poll::Pending)] {
            let deletion = book.deletion(&bob, by).unwrap();
            assert_eq!((book.is_seen(&bob), told()), (false, Poll::Pending));
            // Whoever counts meanwhile, for a reason of his own, does not settle it, and makes nothing sure.
            let _ = count();
            assert_eq!((book.is_seen(&bob), told()), (false, Poll::Pending), "{by:?}");
            drop(deletion);
            assert_eq!((book.is_seen(&bob), told()), (false, after), "{by:?}");
            let _ = count();
            assert!(book.is_seen(&bob));
        }
    }
}
