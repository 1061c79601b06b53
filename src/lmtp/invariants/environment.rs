//! The associations, mailboxes and backends that tests of deliveries play with.

use std::sync::Arc;

use crate::lmtp::environment::LmtpEnvironment;
use crate::private::{Address, Domain};
use crate::quota::{self, Amount, Association, Book, Day, Limit, Name, Origin, OverQuota, Reservation, Unknown};
use crate::route::BackendId;
use crate::store::MemoryStore;

/// The two backends.
const ONE: BackendId = BackendId::new(0);
pub(super) const TWO: BackendId = BackendId::new(1);
/// Octets of a mailbox of `velo`, and of all of `jardin`.
const ROOM: u64 = 10_000;

/// A book of four associations: `velo` (backend one, an alias `contact@`, 10,000 octets a mailbox), `jardin` (backend two,
/// 10,000 octets in all, two mailboxes), `ferme` (backend one, suspended), `loin` (a backend that takes no mail).
pub struct LmtpTestEnvironment {
    book: Book,
    /// What is said where there is no room.
    pub over: OverQuota,
    /// What is said of unknown domains.
    pub unknown: Unknown,
    announced: Vec<Reservation>,
}

impl LmtpTestEnvironment {
    /// The book as it is at the start: empty mailboxes that nobody has seen.
    pub fn new() -> LmtpTestEnvironment {
        let store = Arc::new(MemoryStore::default());
        let book = Book::open(store, quota::BookParams::default()).unwrap_or_else(|_| unreachable!("memory does not fail"));
        let env = LmtpTestEnvironment { book, over: OverQuota::default(), unknown: Unknown::default(), announced: Vec::new() };
        let mut velo = association("velo", None);
        velo.mailbox_default = Limit::At(ROOM);
        let mailboxes = ["alice@velo.example", "bob@velo.example"].into_iter().filter_map(Address::parse);
        velo.aliases.extend(Address::parse("contact@velo.example").map(|alias| (alias, mailboxes.collect())));
        let mut jardin = association("jardin", Some("two"));
        (jardin.storage, jardin.mailboxes) = (Limit::At(ROOM), Limit::At(2));
        let mut ferme = association("ferme", None);
        ferme.state = quota::State::Suspended;
        for association in [velo, jardin, ferme, association("loin", Some("three"))] {
            assert!(env.book.add_association(association, env.today()).is_ok());
        }
        env
    }

    /// What is counted in a mailbox, and what is set aside; in octets.
    pub fn fill(&self, mailbox: &str) -> Option<(u64, u64)> {
        let view = self.book.mailbox(&Address::parse(mailbox)?)?;
        Some((view.used.octets, view.reserved.octets))
    }

    /// Every mailbox with what is counted in it and what is set aside, in octets.
    pub fn mailboxes(&self) -> Vec<(Address, u64, u64)> {
        let views = self.book.mailboxes(None).unwrap_or_default();
        views.into_iter().map(|view| (view.address, view.used.octets, view.reserved.octets)).collect()
    }

    /// The backend is asked about a mailbox, and says that it holds so many octets.
    pub fn count(&self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let seen = if octets > 0 { Amount::message(octets) } else { Amount::ZERO };
        self.book.begin_refresh(&mailbox).map(|refresh| refresh.finish(seen, self.today())).is_some()
    }

    /// A member announces a message and does not send it.
    pub fn announce(&mut self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let reserved = self.book.reserve(&mailbox, Amount::message(octets), Origin::Member, self.today());
        reserved.map(|reservation| self.announced.push(reservation)).is_ok()
    }

    /// Mail was deleted, and the session ended before it counted.
    pub fn shrinks(&self, mailbox: &str) -> bool {
        Address::parse(mailbox).map(|mailbox| self.book.unsee(&mailbox)).is_some()
    }

    /// The backend pushes what a mailbox holds.
    pub fn push(&self, mailbox: &str, octets: u64) -> bool {
        let mailbox = Address::parse(mailbox);
        mailbox.map(|mailbox| self.book.pushed(&mailbox, Some(octets), None)).is_some()
    }

    /// Whether the backend was asked about a mailbox, and nothing happened since that makes the answer doubtful.
    pub fn is_counted(&self, mailbox: &str) -> bool {
        Address::parse(mailbox).is_some_and(|mailbox| self.book.is_seen(&mailbox))
    }

    /// Stores a message of `octets` in a mailbox by another way.
    pub fn store(&self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let reserved = self.book.reserve(&mailbox, Amount::message(octets), Origin::Member, self.today());
        reserved.map(|reservation| reservation.commit()).is_ok()
    }
}

impl Default for LmtpTestEnvironment {
    fn default() -> LmtpTestEnvironment {
        LmtpTestEnvironment::new()
    }
}

fn association(name: &str, backend: Option<&str>) -> Association {
    let parsed = Name::parse(name).unwrap_or_else(|| unreachable!("a constant that is a name"));
    let mut association = Association::new(parsed, Domain::parse(&format!("{name}.example")));
    association.backend = backend.map(Into::into);
    association
}

impl LmtpEnvironment for LmtpTestEnvironment {
    fn book(&self) -> &Book {
        &self.book
    }

    fn today(&self) -> Day {
        Day::from_unix(1_795_363_200)
    }

    fn over(&self) -> OverQuota {
        self.over
    }

    fn unknown(&self) -> Unknown {
        self.unknown
    }

    fn backend(&self, name: Option<&str>) -> Option<BackendId> {
        match name {
            None => Some(ONE),
            Some("two") => Some(TWO),
            Some(_) => None,
        }
    }

    fn judge_elsewhere(&self, _: &Address) -> Option<Option<BackendId>> {
        None
    }
}
