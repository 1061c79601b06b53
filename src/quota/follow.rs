//! The book takes over what another node has changed (docs/many-nodes.md): first in the store, then in force, as if an admin had said it here.
//!
//! A mailbox is in the book as long as this node has seen it: that another node removed one is seen by what was set for it alone.

use std::collections::{BTreeMap, BTreeSet};

use super::followed::FollowedBook;
use super::{Association, Book, Day, Name, Own};
use crate::store::{AsShared, Record, RecordChange, Store, StoreError, may_replace, shareable};

/// What all nodes have, as one of them read it.
pub struct OfferedBook {
    /// In the order of their keys.
    pub records: Vec<Record>,
    /// By what they are known.
    pub there: AsShared,
    /// They come in place of whatever is here: an admin said so, here or where they were put.
    pub replaces: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookFollowed {
    /// They are in force.
    Taken,
    /// Something else has come in between.
    TooLate,
    /// The settings here are others than all nodes ever had: nothing was changed.
    Disputed,
}

impl Book {
    /// Takes over these records, all of them, in place of those that are here, unless `is_current` says under the turn that it is too late. `files` is where this
    /// node keeps its own.
    ///
    /// # Errors
    /// Nothing was changed: [`StoreError::Damaged`] where they make no sense together, or would empty a book that has associations; what the disk says.
    pub fn follow(
        &self,
        files: &dyn Store,
        offered: &OfferedBook,
        is_current: impl FnOnce() -> bool,
        today: Day,
    ) -> Result<BookFollowed, StoreError> {
        let _turn = self.turn();
        if !is_current() {
            return Ok(BookFollowed::TooLate);
        }
        let OfferedBook { records, there: state, replaces } = offered;
        let wanted = FollowedBook::read(records)?;
        let there: BTreeMap<_, _> = self.tenants().iter().map(|tenant| tenant.lock().association.clone()).map(named).collect();
        if wanted.associations.is_empty() && !there.is_empty() {
            return Err(StoreError::Damaged);
        }
        let own = shareable(files.scan("")?);
        if !replaces && !may_replace(files, &own, records, state)? {
            return Ok(BookFollowed::Disputed);
        }
        // The mark in the same step: else a crash would make them this node's own.
        let changes: Vec<_> = difference(own, records).into_iter().chain([state.record()]).collect();
        match self.heard(files.transact(&changes)) {
            Ok(()) | Err(StoreError::Residue) => {}
            Err(error) => return Err(error),
        }
        self.put_all_in_force(there, wanted, today);
        Ok(BookFollowed::Taken)
    }

    fn put_all_in_force(&self, there: BTreeMap<Name, Association>, wanted: FollowedBook, today: Day) {
        let gone: Vec<_> = there.keys().filter(|name| !wanted.associations.contains_key(*name)).cloned().collect();
        let changed = wanted.associations.into_iter().filter(|(name, now)| there.get(name) != Some(now));
        let changed = changed.map(|(name, now)| (name, Some(now)));
        self.install_all(changed.chain(gone.iter().map(|name| (name.clone(), None))).collect(), today);
        gone.iter().for_each(|name| self.forget_traces(Some(name), &[]));
        let (mut owns, now) = (wanted.owns, self.pulse.now());
        // What was set for a mailbox and is not any more.
        for tenant in self.tenants() {
            let ledger = tenant.lock();
            let set = ledger.entries().filter(|entry| *entry.own() != Own::default());
            for entry in set {
                owns.entry(entry.address.clone()).or_default();
            }
        }
        for (address, own) in owns {
            self.with(&address, |tenant, ledger, address| {
                let number = ledger.insert(address);
                let Some(entry) = ledger.entry_mut(number).filter(|entry| *entry.own() != own) else { return };
                let moves = entry.own().place != own.place;
                // An admin named it, at whichever node.
                if own != Own::default() {
                    entry.list();
                }
                entry.set_own(own);
                if moves {
                    ledger.change(number, |tally| tally.is_elsewhere(now));
                }
                ledger.day = today;
                tenant.after(ledger, number);
            });
        }
    }
}

fn named(association: Association) -> (Name, Association) {
    (association.name.clone(), association)
}

/// What makes `now` of what was there.
fn difference(was: Vec<Record>, now: &[Record]) -> Vec<RecordChange> {
    let was: BTreeMap<_, _> = was.into_iter().map(|record| (record.key.reveal().clone(), record)).collect();
    let known: BTreeSet<_> = now.iter().map(|record| record.key.reveal()).collect();
    let gone = was.keys().filter(|key| !known.contains(key)).map(|key| RecordChange::remove(key.clone()));
    let is_new = |record: &&Record| was.get(record.key.reveal()) != Some(record);
    let put =
        now.iter().filter(is_new).map(|record| RecordChange::put(record.key.reveal().clone(), record.value.reveal().clone()));
    gone.chain(put).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{BookParams, Edit, Grant, Kind, Limit, MailboxEdit, SendingSwitch, State};
    use super::*;
    use crate::private::{Address, Domain};
    use crate::store::{MemoryStore, Shared};

    struct Side {
        files: Arc<MemoryStore>,
        book: Book,
    }

    impl Side {
        fn new() -> Side {
            let files = Arc::new(MemoryStore::new());
            // As a daemon that runs alone.
            let book = Book::open(Arc::new(Shared::new(files.clone(), None)), BookParams::default()).unwrap();
            Side { files, book }
        }

        fn records(&self) -> Vec<Record> {
            shareable(self.files.scan("").unwrap())
        }

        fn follow(&self, other: &Side) -> Result<BookFollowed, StoreError> {
            self.book.follow(&*self.files, &offered(other.records(), 1), || true, today())
        }

        /// As after a restart, and as in force.
        fn is_as(&self, other: &Side) -> bool {
            let shown = |book: &Book| book.tenants().iter().map(|tenant| tenant.lock().association.clone()).collect::<Vec<_>>();
            let again = Book::open(self.files.clone(), BookParams::default()).unwrap();
            self.records() == other.records() && shown(&self.book) == shown(&other.book) && shown(&again) == shown(&other.book)
        }
    }

    fn offered(records: Vec<Record>, number: u64) -> OfferedBook {
        OfferedBook { records, there: AsShared { house: "h.1".into(), number }, replaces: true }
    }

    fn today() -> Day {
        Day::from_unix(0)
    }

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn add(side: &Side, name: &str) {
        let mut new = Association::new(Name::parse(name).unwrap(), [Domain::parse(&format!("{name}.example")).unwrap()]);
        (new.storage, new.contact) = (Limit::At(1 << 20), Address::parse("eva@elsewhere.example"));
        assert!(side.book.add_association(new, today()).is_ok());
    }

    #[test]
    fn whatever_an_admin_does_at_one_node_is_so_at_the_other() {
        let (here, there) = (Side::new(), Side::new());
        add(&here, "velo");
        add(&here, "jardin");
        assert_eq!(there.follow(&here), Ok(BookFollowed::Taken));
        assert!(there.is_as(&here));
        let velo = Name::parse("velo").unwrap();
        let edit = Edit {
            storage: Some(Limit::At(2 << 20)),
            set_aliases: vec![(at("all@velo.example"), [at("a@velo.example")].into())],
            ..Edit::default()
        };
        assert!(here.book.set_association(&velo, &edit, today()).is_ok());
        let own = MailboxEdit { sending: Some(SendingSwitch::Off), kind: Some(Kind::Machine), ..MailboxEdit::default() };
        assert!(here.book.edit_mailbox(&at("a@velo.example"), own, today()).is_ok());
        let loan = Grant { octets: 1000, until: Day::parse("1971-01-01").unwrap() };
        assert!(here.book.lend(&velo, &Name::parse("jardin").unwrap(), loan, today()).is_ok());
        assert_eq!(there.follow(&here), Ok(BookFollowed::Taken));
        assert!(there.is_as(&here));
        assert!(there.book.mailbox(&at("a@velo.example")).is_some_and(|a| a.own.sending == SendingSwitch::Off));
        let lists = |side: &Side| side.book.listed(None).unwrap().iter().map(Address::reveal).collect::<Vec<_>>();
        assert_eq!((lists(&here), lists(&there)), (vec!["a@velo.example".to_owned()], lists(&here)));
        assert!(there.book.resolve(&at("all@velo.example")).unwrap() == [at("a@velo.example")].into());
        // And back: a domain goes to another association, an association goes, a mailbox has nothing of its own any more.
        let own = MailboxEdit { sending: Some(SendingSwitch::On), kind: Some(Kind::Person), ..MailboxEdit::default() };
        assert!(there.book.edit_mailbox(&at("a@velo.example"), own, today()).is_ok());
        assert!(there.book.remove_association(&Name::parse("jardin").unwrap(), false, today()).is_ok());
        assert_eq!(here.follow(&there), Ok(BookFollowed::Taken));
        assert!(here.is_as(&there) && here.book.route(&Domain::parse("jardin.example").unwrap(), today()).is_none());
        assert!(here.book.mailbox(&at("a@velo.example")).is_some_and(|a| a.own == Own::default()));
    }

    #[test]
    fn what_comes_too_late_or_would_empty_the_book_or_makes_no_sense_changes_nothing() {
        let (here, there) = (Side::new(), Side::new());
        add(&there, "velo");
        assert_eq!(there.follow(&here), Err(StoreError::Damaged), "it is empty");
        add(&here, "jardin");
        assert_eq!(there.book.follow(&*there.files, &offered(here.records(), 1), || false, today()), Ok(BookFollowed::TooLate));
        let mut twice = here.records();
        let mut other = twice[0].clone();
        other.key = crate::private::Private::new("association/other".to_owned());
        twice.push(other);
        assert_eq!(
            there.book.follow(&*there.files, &offered(twice, 1), || true, today()),
            Err(StoreError::Damaged),
            "a domain of two"
        );
        let odd = RecordChange::put("new-kind/x".to_owned(), b"{}".to_vec());
        here.files.transact(&[odd]).unwrap();
        assert_eq!(there.follow(&here), Err(StoreError::Damaged), "of a newer nologd");
        assert!(there.book.tenant(&Name::parse("velo").unwrap()).is_some() && there.records().len() == 1);
    }

    /// A host went from several nodes back to one, and an association was suspended there: what etcd still has makes it active again at no later start.
    #[test]
    fn what_was_set_alone_is_not_replaced_by_what_all_nodes_had() {
        let (here, there, new) = (Side::new(), Side::new(), Side::new());
        add(&there, "velo");
        let velo = Name::parse("velo").unwrap();
        let follow = |side: &Side, number, replaces| {
            let offered = OfferedBook { replaces, ..offered(there.records(), number) };
            side.book.follow(&*side.files, &offered, || true, today())
        };
        assert_eq!(follow(&here, 5, false), Ok(BookFollowed::Taken), "a new node");
        let state = |side: &Side| side.book.associations(today())[0].association.state;
        let was = state(&here);
        let suspended = Edit { state: State::Suspended.into(), ..Edit::default() };
        assert!(here.book.set_association(&velo, &suspended, today()).is_ok());
        assert!(state(&here) != was);
        assert_eq!((follow(&here, 5, false), follow(&here, 6, false)), (Ok(BookFollowed::Disputed), Ok(BookFollowed::Disputed)));
        assert!(state(&here) != was && !here.is_as(&there));
        // Whoever was away for a month and changed nothing follows; an etcd that was put back is older.
        assert_eq!((follow(&new, 5, false), follow(&new, 9, false)), (Ok(BookFollowed::Taken), Ok(BookFollowed::Taken)));
        let limit = Edit { storage: Some(Limit::At(3 << 20)), ..Edit::default() };
        assert!(there.book.set_association(&velo, &limit, today()).is_ok());
        assert_eq!((follow(&new, 8, false), follow(&new, 10, false)), (Ok(BookFollowed::Disputed), Ok(BookFollowed::Taken)));
        assert!(new.is_as(&there));
        // An admin says so.
        assert_eq!(follow(&here, 10, true), Ok(BookFollowed::Taken));
        assert!(here.is_as(&there) && state(&here) == was && follow(&here, 11, false) == Ok(BookFollowed::Taken));
    }
}
