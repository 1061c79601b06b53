//! What the other nodes are told of an association, and what a new judge does with it before it judges (docs/many-nodes.md): each of its mailboxes is
//! counted by a question that begins after it became the judge.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::AssociationEntry;
use super::entry::Entry;
use super::ledger::Ledger;
use super::{Amount, Association, Book, Day, Limit, Refresh, Refreshed};
use crate::private::{Address, Domain};

/// A count of all mailboxes of one association, under way. Dropped without [`TenantCount::finish`], nothing is known.
#[must_use = "a count does nothing until it is finished"]
pub struct TenantCount {
    tenant: u64,
    mailboxes: HashMap<Address, Refresh>,
    /// A mailbox was moved to another store, or is on its way: nobody knows which of them speaks.
    moved: bool,
    /// See [`Ledger`].
    came: u64,
}

impl Book {
    /// Each association as the nodes know it, and its octets; none without other nodes. Takes a lock of each.
    pub fn shares(&self, today: Day) -> Vec<(u64, Option<u64>)> {
        let tenants = self.tenants();
        let share = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            let limit = match ledger.association.storage_on(today) {
                Limit::At(octets) => Some(octets),
                Limit::None => None,
            };
            Some((entry.bench(&ledger)?.1, limit))
        };
        tenants.iter().filter_map(share).collect()
    }

    /// What the nodes call the association that the address belongs to; none without other nodes, or without an association.
    pub fn share_of(&self, address: &Address) -> Option<u64> {
        self.with(address, |entry, ledger, _| entry.bench(ledger).map(|(_, tenant)| tenant)).flatten()
    }

    /// Those with mailboxes that may have come with a domain since all were counted.
    pub fn uncounted_shares(&self) -> Vec<u64> {
        let uncounted = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            let (_, tenant) = entry.bench(&ledger)?;
            (ledger.counted != ledger.came).then_some(tenant)
        };
        self.tenants().iter().filter_map(uncounted).collect()
    }

    /// The names of the associations as the nodes know them.
    pub fn share_names(&self) -> Vec<(super::Name, u64)> {
        let name = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            Some((ledger.association.name.clone(), entry.bench(&ledger)?.1))
        };
        self.tenants().iter().filter_map(name).collect()
    }

    /// The backend of each, as it is named; none for the default one.
    pub fn share_backends(&self) -> Vec<(u64, Option<Box<str>>)> {
        let backend = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            Some((entry.bench(&ledger)?.1, ledger.association.backend.clone()))
        };
        self.tenants().iter().filter_map(backend).collect()
    }

    /// Those with a mailbox at another backend than they are, or at none: no count of theirs is whole.
    pub fn shares_apart(&self) -> Vec<u64> {
        let apart = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            let (_, tenant) = entry.bench(&ledger)?;
            ledger.entries().any(|mailbox| mailbox.own().place.is_some()).then_some(tenant)
        };
        self.tenants().iter().filter_map(apart).collect()
    }

    /// Sessions here that may store something are to end where another node judges. `is_elsewhere` is asked under the association's lock.
    pub fn send_elsewhere(&self, is_elsewhere: impl Fn(u64) -> bool) {
        for entry in self.tenants() {
            let ledger = entry.lock();
            if entry.bench(&ledger).is_some_and(|(_, tenant)| is_elsewhere(tenant)) {
                ledger.entries().flat_map(Entry::watchers).for_each(|watcher| watcher.send_elsewhere());
            }
        }
    }

    /// Begins to count all mailboxes of it.
    pub fn count_share(&self, tenant: u64) -> TenantCount {
        let found = self.shared(tenant).map(|entry| {
            let ledger = entry.lock();
            let moved = ledger.entries().any(|mailbox| mailbox.own().place.is_some());
            (ledger.entries().map(|mailbox| mailbox.address.clone()).collect::<Vec<_>>(), moved, ledger.came)
        });
        // Of one that is not here, nothing is counted.
        let (addresses, moved, came) = found.unwrap_or((Vec::new(), true, 0));
        // Each takes the lock by itself.
        let begun = addresses.into_iter().filter_map(|address| Some((address.clone(), self.begin_refresh(&address)?)));
        TenantCount { tenant, mailboxes: begun.collect(), moved, came }
    }

    pub(super) fn shared(&self, tenant: u64) -> Option<Arc<AssociationEntry>> {
        self.tenants().into_iter().find(|entry| {
            let ledger = entry.lock();
            entry.bench(&ledger).is_some_and(|(_, number)| number == tenant)
        })
    }
}

impl Ledger {
    /// It is to be `now`: with a domain, mailboxes may come that nobody here has counted.
    pub(super) fn come_with(&mut self, now: &Association) {
        let is_new = |domain: &Domain| !self.association.domains.contains(domain);
        self.came += u64::from(now.domains.iter().any(is_new));
    }
}

/// What a storage told of its mailboxes in one round, outside any session.
#[derive(Default)]
pub struct StorageRows {
    /// What is in each.
    pub sure: Vec<(Address, Amount)>,
    /// What is in each at least: a folder of theirs could not be read.
    pub unsure: Vec<(Address, Amount)>,
}

/// What a count of one association came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountOutcome {
    /// Of some mailbox nobody knows what is in it.
    Partly,
    /// Each mailbox is known. One that is unsure has the last number that was known.
    Whole,
    /// The same; but the storage says that there is nothing in any of them, and it is known that there was something: perhaps it is not mounted. The
    /// numbers stay as they were.
    InVain {
        /// So many.
        mailboxes: u64,
    },
}

impl TenantCount {
    /// The storage told all that there is, in rows of many associations: what is known of this one now.
    ///
    /// A mailbox that the book did not have when the count began counts from now on, like one that a recount finds. Where the book has come to know it
    /// meanwhile by itself, what came into it before may be missing: then this was no count. Of whom it is told that there is nothing, though nobody
    /// deleted anything, the number stays, and a count is wanted; so it is with one that is unsure, where anything is known of it.
    pub fn finish(self, book: &Book, rows: &StorageRows, today: Day) -> CountOutcome {
        let TenantCount { tenant, mut mailboxes, moved, came } = self;
        // A storage that tells of nobody was not asked rightly.
        let mut is_whole = !moved && !rows.sure.is_empty();
        let (mut is_empty, mut in_vain) = (true, 0);
        let own = |address: &Address| book.mailbox_itself(address).filter(|address| book.share_of(address) == Some(tenant));
        for (address, seen) in &rows.sure {
            let Some(address) = own(address) else { continue };
            is_empty &= seen.is_nothing();
            match mailboxes.remove(&address) {
                Some(refresh) => in_vain += u64::from(refresh.finish_told(*seen, today) == Refreshed::InVain),
                None if book.mailbox(&address).is_some() => is_whole = false,
                None => is_whole &= book.load_unlisted(&address, *seen, today).is_some(),
            }
        }
        for (address, least) in &rows.unsure {
            let Some(address) = own(address) else { continue };
            is_empty = false;
            is_whole &= mailboxes.remove(&address).is_some_and(|refresh| refresh.finish_unsure(*least, today));
        }
        // One that is gone from the book needs no number.
        is_whole &= mailboxes.keys().all(|address| book.mailbox(address).is_none());
        if let Some(entry) = book.shared(tenant).filter(|_| is_whole) {
            let mut ledger = entry.lock();
            // A node that began within the hour has made no list, and "0 of 10M" would not be true. Once: a moment that an admin can bring about
            // again and again would tell when a mailbox came in.
            if ledger.counted == 0 {
                ledger.list_all();
            }
            ledger.counted = ledger.counted.max(came);
        }
        match is_whole {
            false => CountOutcome::Partly,
            true if is_empty && in_vain > 0 => CountOutcome::InVain { mailboxes: in_vain },
            true => CountOutcome::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::OneNode;
    use super::super::{BookParams, Name, Origin};
    use super::*;
    use crate::store::MemoryStore;

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn book() -> (Book, Day) {
        let (today, book) = (Day::from_unix(0), Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap());
        book.judge_each_with(Arc::new(OneNode::new(true)));
        for name in ["velo", "jardin"] {
            let mut association =
                Association::new(Name::parse(name).unwrap(), [Domain::parse(&format!("{name}.example")).unwrap()]);
            association.storage = Limit::At(100);
            assert!(book.add_association(association, today).is_ok());
        }
        ["a@velo.example", "b@velo.example", "c@jardin.example"].iter().for_each(|who| book.admit(&at(who)).unwrap());
        (book, today)
    }

    fn used(book: &Book, who: &str) -> u64 {
        book.mailbox(&at(who)).map_or(0, |mailbox| mailbox.used.octets)
    }

    #[test]
    fn all_mailboxes_of_one_association_must_be_told() {
        let (book, today) = book();
        assert_eq!(book.shares(today), [(6, Some(100)), (4, Some(100))]);
        assert_eq!((book.share_of(&at("x@velo.example")), book.share_of(&at("x@elsewhere.example"))), (Some(4), None));
        let row = |who: &str, octets| (at(who), Amount { octets, messages: 1 });
        let counted = |count: TenantCount, rows: &[(Address, Amount)]| {
            let rows = StorageRows { sure: rows.to_vec(), unsure: Vec::new() };
            count.finish(&book, &rows, today) == CountOutcome::Whole
        };
        assert!(!counted(book.count_share(4), &[row("a@velo.example", 10)]), "b is not told");
        let all = [row("a@velo.example", 10), row("b@velo.example", 20)];
        assert!(!counted(book.count_share(99), &all), "there is no such association");
        let new = Association::new(Name::parse("r").unwrap(), [Domain::parse("r.example").unwrap()]);
        assert!(book.add_association(new, today).is_ok());
        assert!(!counted(book.count_share(1), &[]), "whoever tells of nobody was not asked rightly");
        assert!(counted(book.count_share(1), &all));
        assert!(book.remove_association(&Name::parse("r").unwrap(), true, today).is_ok());
        // One that only the storage has counts; what is of others is left alone.
        let all =
            [row("a@velo.example", 10), row("b@velo.example", 20), row("gone@velo.example", 30), row("c@jardin.example", 9)];
        assert!(counted(book.count_share(4), &all));
        assert_eq!(["a@velo.example", "gone@velo.example", "c@jardin.example"].map(|who| used(&book, who)), [10, 30, 0]);
        assert!(counted(book.count_share(4), &all), "also when it is known by then");
        // A session of the judge before may still have something deleted.
        assert!(!book.is_seen(&at("a@velo.example")));
        let _ = book.begin_refresh(&at("a@velo.example")).unwrap().finish(Amount { octets: 10, messages: 1 }, today);
        assert!(book.is_seen(&at("a@velo.example")));
        // What came through us since the count began is added, and what went is gone.
        let count = book.count_share(4);
        let stored = book.reserve(&at("a@velo.example"), Amount::message(5), Origin::Member, today).unwrap();
        let _ = stored.commit();
        let less = [row("a@velo.example", 1), row("b@velo.example", 2), row("gone@velo.example", 3)];
        assert!(counted(count, &less));
        assert_eq!(["a@velo.example", "b@velo.example", "gone@velo.example"].map(|who| used(&book, who)), [6, 2, 3]);
    }

    /// That there is something is told at once, who came in later not before the hour, however often it is counted.
    #[test]
    fn the_first_count_of_a_node_is_listed_and_no_other() {
        let (book, today) = book();
        let listed = || book.listed(Some(&Name::parse("velo").unwrap())).unwrap().iter().map(Address::reveal).collect::<Vec<_>>();
        let count = |rows: &[(&str, u64)]| {
            let sure = rows.iter().map(|(who, octets)| (at(who), Amount { octets: *octets, messages: 1 })).collect();
            book.count_share(4).finish(&book, &StorageRows { sure, unsure: Vec::new() }, today)
        };
        let [one, other] = [("a@velo.example", 10), ("b@velo.example", 20)];
        assert_eq!((count(&[one]), listed().len()), (CountOutcome::Partly, 0), "b is not told");
        assert_eq!((count(&[one, other]), listed()), (CountOutcome::Whole, vec![one.0.to_owned(), other.0.to_owned()]));
        book.admit(&at("new@velo.example")).unwrap();
        assert_eq!(count(&[one, other, ("new@velo.example", 30)]), CountOutcome::Whole);
        assert_eq!((used(&book, "new@velo.example"), listed().len()), (30, 2));
        book.settle();
        assert_eq!(listed().len(), 3);
    }

    #[test]
    fn sessions_are_sent_elsewhere_of_that_association_alone() {
        use std::task::{Context, Poll, Waker};

        use super::super::Told;

        let (book, today) = book();
        let [velo, jardin] = ["a@velo.example", "c@jardin.example"].map(|who| book.watch(&at(who)).unwrap());
        book.send_elsewhere(|tenant| tenant == 4);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!((velo.poll(&mut cx, today), jardin.poll(&mut cx, today)), (Poll::Ready(Told::Elsewhere), Poll::Pending));
        assert_eq!(velo.poll(&mut cx, today), Poll::Pending, "once each time");
    }

    #[test]
    fn a_mailbox_that_came_in_the_middle_of_a_count_makes_it_none() {
        let (book, today) = book();
        let counted = |count: TenantCount, rows: &[(Address, Amount)]| {
            let rows = StorageRows { sure: rows.to_vec(), unsure: Vec::new() };
            count.finish(&book, &rows, today) == CountOutcome::Whole
        };
        let count = book.count_share(4);
        book.admit(&at("new@velo.example")).unwrap();
        let rows = ["a", "b", "new"].map(|name| (at(&format!("{name}@velo.example")), Amount::message(1)));
        assert!(!counted(count, &rows));
        assert!(counted(book.count_share(4), &rows));
        // One that went needs no number.
        let count = book.count_share(4);
        assert!(book.remove_mailbox(&at("new@velo.example"), today).is_ok());
        assert!(counted(count, &rows[..2]));
    }

    /// a and b hold something, as far as this node has heard, and c nothing.
    fn heard() -> (Book, Day) {
        let (book, today) = book();
        book.admit(&at("new@velo.example")).unwrap();
        for (who, octets) in [("a@velo.example", 10), ("b@velo.example", 20)] {
            assert!(book.load(&at(who), Amount::message(octets), today));
        }
        (book, today)
    }

    #[test]
    fn a_storage_that_is_not_mounted_leaves_the_numbers_as_they_were() {
        let (book, today) = heard();
        let rows = |amounts: [Amount; 3]| {
            let sure = ["a", "b", "new"].iter().zip(amounts).map(|(name, seen)| (at(&format!("{name}@velo.example")), seen));
            StorageRows { sure: sure.collect(), unsure: Vec::new() }
        };
        let numbers = || ["a", "b", "new"].map(|name| used(&book, &format!("{name}@velo.example")));
        // It ends, and says so.
        let counted = book.count_share(4).finish(&book, &rows([Amount::ZERO; 3]), today);
        assert_eq!((counted, numbers()), (CountOutcome::InVain { mailboxes: 2 }, [10, 20, 0]));
        assert!(!book.is_seen(&at("a@velo.example")), "whoever can is asked to count");
        // In one that is there, one that is empty keeps its number too: nobody has seen it be emptied.
        let one = rows([Amount::message(4), Amount::ZERO, Amount::message(1)]);
        assert_eq!((book.count_share(4).finish(&book, &one, today), numbers()), (CountOutcome::Whole, [4, 20, 1]));
        // Where somebody deleted, it is so; and a session is always believed.
        book.unsee(&at("b@velo.example"));
        assert_eq!((book.count_share(4).finish(&book, &one, today), numbers()), (CountOutcome::Whole, [4, 0, 1]));
        let session = book.begin_refresh(&at("a@velo.example")).unwrap();
        assert_eq!((session.finish(Amount::ZERO, today), numbers()), (Refreshed::Exact, [0, 0, 1]));
        // The pair's recount is judged the same; what an admin loads is believed.
        let recount = |who: &str, seen| book.load_unlisted(&at(who), seen, today);
        assert_eq!((recount("new@velo.example", Amount::ZERO), numbers()), (Some(super::super::Recounted::InVain), [0, 0, 1]));
        assert!(book.load(&at("new@velo.example"), Amount::ZERO, today) && numbers() == [0; 3]);
    }

    #[test]
    fn a_folder_that_cannot_be_read_keeps_one_number_unsure_and_no_association_waiting() {
        let (book, today) = heard();
        let row = |name: &str, octets| (at(&format!("{name}@velo.example")), Amount::message(octets));
        let rows = |least| StorageRows { sure: vec![row("b", 25), row("new", 1)], unsure: vec![row("a", least)] };
        let numbers = || ["a", "b", "new"].map(|name| used(&book, &format!("{name}@velo.example")));
        for (least, stays) in [(5, 10), (15, 15)] {
            assert_eq!(
                (book.count_share(4).finish(&book, &rows(least), today), numbers()),
                (CountOutcome::Whole, [stays, 25, 1])
            );
            assert!(!book.is_seen(&at("a@velo.example")));
        }
        // Of one of whom nothing is known, it would be free: the association waits.
        let unknown = StorageRows { sure: vec![row("a", 10), row("b", 20), row("new", 1)], unsure: vec![row("gone", 7)] };
        assert_eq!(book.count_share(4).finish(&book, &unknown, today), CountOutcome::Partly);
    }
}
