//! Who stands in for the scrubber's driver and for the book's, in tests and fuzzing: small bounds, keys that are no secret.

use std::sync::Arc;

use super::options::SentCopy;
use super::space::{Account, Root};
use crate::fault::RefusalCode;
use crate::policy::headers::Profile;
use crate::private::{Address, Domain};
use crate::quota::{
    Amount, Association, Book, BookParams, Day, DeletedBy, Deletion, Limit, Name, NoShift, Origin, Refresh, Refreshed,
    Reservation, Shift, Turn, Verdict, WhoStays,
};
use crate::scrub::Scrubber;
use crate::scrub::invariants::{ALICE, context, shared_scrubber};
use crate::store::MemoryStore;

/// The built-in rules, for `alice@asso.example`, with a small bound.
pub struct TestSentCopy(&'static Scrubber);

impl TestSentCopy {
    /// With a key that is no secret.
    pub fn new() -> TestSentCopy {
        TestSentCopy(shared_scrubber())
    }
}

impl Default for TestSentCopy {
    fn default() -> TestSentCopy {
        TestSentCopy::new()
    }
}

impl SentCopy for TestSentCopy {
    fn header_limit(&self) -> usize {
        200
    }

    fn body_wanted(&self, header: &[u8]) -> usize {
        if self.0.needs_body_start(header) { 100 } else { 0 }
    }

    fn scrub(&self, header: &[u8], body_start: &[u8], date: Option<&[u8]>) -> Option<Vec<u8>> {
        let scrubbed = self.0.scrub_copy(header, date, &context(Profile::Sent, &ALICE, body_start));
        scrubbed.touched().then(|| scrubbed.into_header())
    }
}

/// A mailbox of 1000 octets in an association in which nobody else has anything; `bob` has a mailbox there, and shares it.
pub struct Alice {
    book: Book,
    address: Address,
    bob: Address,
    has_room: bool,
}

impl Alice {
    /// `shared`: what the association holds, in octets. `seen`: the mailbox was counted already, and is empty.
    ///
    /// # Panics
    /// When the book in memory does not take her.
    pub fn account(shared: u64, seen: bool) -> Arc<dyn Account> {
        Arc::new(Alice::new(shared, seen).unwrap_or_else(|| panic!("the book in memory takes an association")))
    }

    /// As [`Alice::account`]; none when the book does not take her.
    pub(super) fn new(shared: u64, seen: bool) -> Option<Alice> {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).ok()?;
        let mut association = Association::new(Name::parse("velo")?, [Domain::parse("velo.example")?]);
        (association.mailbox_default, association.storage) = (Limit::At(1000), Limit::At(shared));
        book.import_once(vec![association], Day::from_unix(0)).ok()?;
        let (address, bob) = (Address::parse("alice@velo.example")?, Address::parse("bob@velo.example")?);
        book.admit(&address).ok()?;
        book.admit(&bob).ok()?;
        if seen {
            for mailbox in [&address, &bob] {
                book.begin_refresh(mailbox)?.finish(Amount::ZERO, Day::from_unix(0));
            }
        }
        Some(Alice { book, address, bob, has_room: false })
    }

    /// The same, counted, and so far from full that nobody waits for room.
    #[cfg(test)]
    pub(super) fn with_room() -> Arc<Alice> {
        let alice = Alice::new(100_000, true).unwrap_or_else(|| panic!("the book in memory takes an association"));
        Arc::new(Alice { has_room: true, ..alice })
    }

    /// One more session of hers.
    #[cfg(test)]
    pub(super) fn watch(&self) -> Option<crate::quota::Watch> {
        self.book.watch(&self.address)
    }

    /// A quarter of a second is over.
    #[cfg(test)]
    pub(super) fn tick(&self) {
        self.book.tick();
    }

    /// Whether her mailbox and Bob's are counted.
    #[cfg(test)]
    pub(super) fn seen(&self) -> [bool; 2] {
        [&self.address, &self.bob].map(|mailbox| self.book.is_seen(mailbox))
    }
}

impl Account for Alice {
    fn reserve(&self, amount: Amount) -> Result<Reservation, RefusalCode> {
        self.book.reserve(&self.address, amount, Origin::Member, Day::from_unix(0)).map_err(Verdict::code)
    }

    fn reserve_for(&self, owner: &[u8], amount: Amount) -> Result<Reservation, RefusalCode> {
        if owner == b"alice" { self.reserve(amount) } else { Err(RefusalCode::NotYourFolder) }
    }

    fn may_change(&self) -> Result<(), RefusalCode> {
        Ok(())
    }

    fn shift(&self, turn: Turn) -> Option<Shift> {
        self.book.shift(&self.address, turn)
    }

    fn shift_alone(&self, turn: Turn) -> Result<Shift, NoShift> {
        self.book.shift_alone(&self.address, turn)
    }

    // Whoever it is, their place is played by Bob's.
    fn shift_for(&self, _: &[u8], turn: Turn) -> Result<Shift, NoShift> {
        self.book.shift_alone(&self.bob, turn)
    }

    fn deletion_for(&self, _: &[u8]) -> Option<Deletion> {
        self.book.deletion(&self.bob, DeletedBy::Guest)
    }

    fn own_deletion(&self) -> Option<Deletion> {
        self.book.deletion(&self.address, DeletedBy::Owner)
    }

    fn is_self(&self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(b"alice@asso.example") || name.eq_ignore_ascii_case(b"alice")
    }

    fn renames(&self) -> u64 {
        self.book.renames(&self.address)
    }

    fn is_pushed(&self) -> bool {
        false
    }

    fn is_nearly_full(&self) -> bool {
        !self.has_room
    }

    fn is_known(&self) -> bool {
        self.book.is_confirmed(&self.address)
    }

    fn is_seen(&self) -> bool {
        self.book.is_seen(&self.address)
    }

    fn takes_count(&self) -> bool {
        self.book.take_count(&self.address)
    }

    fn unsee(&self) {
        self.book.unsee(&self.address);
    }

    fn leave_count(&self) {
        self.book.recount(&self.address);
    }

    fn stay(&self) -> Option<WhoStays> {
        self.book.stay(&self.address)
    }

    fn begin_refresh(&self) -> Option<Refresh> {
        self.book.begin_refresh(&self.address)
    }

    fn finish_refresh(&self, refresh: Refresh, seen: Amount) -> Refreshed {
        refresh.finish(seen, Day::from_unix(0))
    }

    fn roots(&self) -> Option<[Root; 2]> {
        let fill = self.book.fill(&self.address, Day::from_unix(0))?;
        let root = |octets, storage, messages| Root { octets, storage, messages, most: Limit::None };
        let own = root(fill.used.octets.into(), fill.limit, fill.used.messages.into());
        Some([own, root(fill.shared_used.octets.into(), fill.shared_storage, 0)])
    }
}
