//! Whether this process may judge at all. Where one of two machines does (docs/nodes.md), it may only while it has the lease; and after
//! it took over, only where the storage has told what is there. Without a pair nobody is asked.

use std::sync::{Arc, OnceLock};

use super::Bench;

/// What may be granted at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    Nothing,
    /// Space in associations of which every mailbox was counted, pushed or loaded since the start.
    Confirmed,
    /// Whatever the limits allow.
    All,
}

/// Who is asked, at each grant anew: a process that was stopped and continued does not know how long.
pub trait Permit: Send + Sync {
    /// What may be granted now.
    fn permission(&self) -> Permission;
}

/// Whom the book asks: one for all associations, or one that judges each apart.
enum Superior {
    OfAll(Arc<dyn Permit>),
    OfEach(Arc<dyn Bench>),
}

/// The way to whoever may be asked, shared by all associations.
#[derive(Clone, Default)]
pub(super) struct Gatekeeper(Arc<OnceLock<Superior>>);

impl Gatekeeper {
    pub(super) fn ask_from_now_on(&self, permit: Arc<dyn Permit>) {
        let _ = self.0.set(Superior::OfAll(permit));
    }

    pub(super) fn ask_of_each_from_now_on(&self, bench: Arc<dyn Bench>) {
        let _ = self.0.set(Superior::OfEach(bench));
    }

    /// Where nobody is asked for all: all.
    pub(super) fn permission(&self) -> Permission {
        self.asked().unwrap_or(Permission::All)
    }

    /// None: nobody is asked for all.
    pub(super) fn asked(&self) -> Option<Permission> {
        match self.0.get() {
            Some(Superior::OfAll(permit)) => Some(permit.permission()),
            Some(Superior::OfEach(_)) | None => None,
        }
    }

    /// Who is asked for each; none where nobody is.
    pub(super) fn bench(&self) -> Option<&Arc<dyn Bench>> {
        match self.0.get() {
            Some(Superior::OfEach(bench)) => Some(bench),
            Some(Superior::OfAll(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::private::{Address, Domain};
    use crate::quota::Verdict;
    use crate::quota::{Amount, Association, Batch, Book, BookParams, Day, Name, NoShift, NoticeKind, Origin, Turn};
    use crate::store::MemoryStore;

    struct Told(Mutex<Permission>);

    impl Permit for Told {
        fn permission(&self) -> Permission {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn each_grant_asks_and_what_was_granted_may_finish() {
        let today = Day::from_unix(0);
        let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap();
        let velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        assert!(book.add_association(velo, today).is_ok());
        let [alice, bob] = ["alice@velo.example", "bob@velo.example"].map(|text| Address::parse(text).unwrap());
        [&alice, &bob].into_iter().for_each(|mailbox| book.admit(mailbox).unwrap());
        let told = Arc::new(Told(Mutex::new(Permission::All)));
        book.judge_only_with(told.clone());
        let set = |permission| *told.0.lock().unwrap() = permission;
        let space = || book.reserve(&alice, Amount::message(5), Origin::Incoming, today);

        let (mut paused, mut grown, open) = (space().ok().unwrap(), space().ok().unwrap(), space().ok().unwrap());
        paused.pause();
        set(Permission::Nothing);
        assert_eq!(space().err(), Some(Verdict::NotNow));
        assert_eq!(book.probe(&bob, Amount::ZERO, today), Err(Verdict::NotNow));
        assert_eq!(paused.resume(), Err(Verdict::NotNow));
        assert_eq!(grown.grow(Amount::message(1)), Err(Verdict::NotNow));
        assert!(matches!(book.reserve_notice(&bob, Amount::message(1), NoticeKind::News, today), Err(Verdict::NotNow)));
        for (turn, told) in [(Turn::Move, Err(NoShift::NotNow)), (Turn::Rename, Err(NoShift::NotNow)), (Turn::Delete, Ok(()))] {
            // What is deleted is known, or a NO to what was stored there would be believed.
            let renames = book.renames(&alice);
            assert_eq!(book.shift_alone(&alice, turn).map(drop), told);
            assert_eq!(book.renames(&alice) > renames, turn == Turn::Delete);
        }
        let _ = open.commit();
        assert_eq!(book.fill(&alice, today).unwrap().used.octets, 5);

        // What was stored in the last minutes may be in what is told, or not: elsewhere, then.
        let jardin = Association::new(Name::parse("jardin").unwrap(), [Domain::parse("jardin.example").unwrap()]);
        assert!(book.add_association(jardin, today).is_ok());
        let [chloe, david] = ["chloe@jardin.example", "david@jardin.example"].map(|text| Address::parse(text).unwrap());
        [&chloe, &david].into_iter().for_each(|mailbox| book.admit(mailbox).unwrap());
        let space = || book.reserve(&chloe, Amount::message(5), Origin::Incoming, today);
        set(Permission::Confirmed);
        assert!(book.load_unlisted(&chloe, Amount::message(5), today).is_some());
        // Nobody asked for it, so no list follows it.
        assert!(book.mailbox(&chloe).is_some_and(|chloe| chloe.settled.is_none() && chloe.used.octets == 5));
        assert_eq!(space().err(), Some(Verdict::NotNow), "what David has is not known");
        assert!(book.load(&david, Amount::ZERO, today));
        assert!(space().is_ok());
    }

    /// What is asked at each grant is a number that is kept; it says what a look at every mailbox would say, whatever comes, goes and moves.
    #[test]
    fn what_is_not_confirmed_is_counted_as_a_walk_would_find_it() {
        let today = Day::from_unix(0);
        let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap();
        let [velo, jardin] = ["velo", "jardin"].map(|name| Name::parse(name).unwrap());
        for name in [&velo, &jardin] {
            let domain = Domain::parse(&format!("{}.example", name.reveal())).unwrap();
            assert!(book.add_association(Association::new(name.clone(), [domain]), today).is_ok());
        }
        let address = |text: &str| Address::parse(text).unwrap();
        let is_confirmed = |name: &Name| {
            let tenant = book.tenant(name).unwrap();
            let ledger = tenant.lock();
            let walked = ledger.entries().all(|entry| entry.is_confirmed());
            assert_eq!(ledger.is_confirmed(), walked, "{}", name.reveal());
            walked
        };
        let load = |who: &str| assert!(book.load(&address(who), Amount::message(5), today));
        assert!(is_confirmed(&velo), "nothing is there");
        ["a@velo.example", "b@velo.example", "c@jardin.example"].into_iter().for_each(|who| book.admit(&address(who)).unwrap());
        assert!(!is_confirmed(&velo) && !is_confirmed(&jardin));
        ["a@velo.example", "a@velo.example", "c@jardin.example"].into_iter().for_each(load);
        assert!(!is_confirmed(&velo) && is_confirmed(&jardin));
        // What moves begins anew there.
        let domains = vec![(Domain::parse("jardin.example").unwrap(), velo.clone())];
        let moves = Batch { domains, gone_associations: vec![jardin.clone()], ..Batch::default() };
        load("b@velo.example");
        assert!(is_confirmed(&velo));
        assert!(book.apply(&moves, today).is_ok());
        assert!(!is_confirmed(&velo));
        load("c@jardin.example");
        assert!(is_confirmed(&velo));
        // What goes is missed by nobody, whether it was confirmed or not.
        book.admit(&address("d@velo.example")).unwrap();
        assert!(!is_confirmed(&velo));
        for gone in ["d@velo.example", "a@velo.example"] {
            assert!(book.remove_mailbox(&address(gone), today).is_ok());
            assert!(is_confirmed(&velo), "{gone}");
        }
    }
}
