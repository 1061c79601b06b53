//! An offer of space while somebody takes it: what comes in between, while the disk is written, and what stands afterwards.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use crate::admin::offer::{AcceptLoan, DeclineOffer, OfferLoan, WithdrawOffer};
use crate::admin::{AdminCommand, Executor, Host, Moment, NotDone, NotDoneCause, Principal};
use crate::incident::Incidents;
use crate::limit::{LimitParams, Limits};
use crate::private::{Domain, Private};
use crate::quota::{Association, Book, BookParams, Day, Limit, Name};
use crate::route::Backends;
use crate::store::{MemoryStore, Record, RecordChange, Store, StoreError, StoredUsage};

type Meddling = Box<dyn FnOnce() + Send>;

/// A store in whose next write somebody does something else, and which then says how it went.
#[derive(Default)]
struct Meddled {
    kept: MemoryStore,
    next: Mutex<Option<(Meddling, Option<StoreError>)>>,
}

impl Store for Meddled {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        self.kept.get(key)
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        self.kept.scan(prefix)
    }

    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError> {
        let next = self.next.lock().unwrap().take();
        if let Some((meddle, fails)) = next {
            meddle();
            fails.map_or(Ok(()), Err)?;
        }
        self.kept.transact(changes)
    }

    fn usage(&self) -> Result<StoredUsage, StoreError> {
        self.kept.usage()
    }

    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError> {
        self.kept.write_usage(records)
    }
}

struct House {
    store: Arc<Meddled>,
    executor: Arc<Executor>,
    names: [Name; 2],
}

const TODAY: &str = "2027-01-01";
const SIZE: u64 = 2 << 30;

fn until() -> Day {
    "2027-03-01".parse().unwrap()
}

impl House {
    /// `velo` offers space to `jardin`.
    fn new() -> House {
        let store = Arc::new(Meddled::default());
        let book = Arc::new(Book::open(store.clone(), BookParams::default()).unwrap());
        let names = ["velo", "jardin"].map(|name| name.parse::<Name>().unwrap());
        for name in &names {
            let mut new = Association::new(name.clone(), [Domain::parse(&format!("{}.example", name.reveal())).unwrap()]);
            new.storage = Limit::At(10 << 30);
            assert!(book.add_association(new, TODAY.parse().unwrap()).is_ok());
        }
        let limits = Limits::new(LimitParams::default()).unwrap();
        let executor = Arc::new(Executor::new(book, Host::default(), Arc::new(Incidents::default()), limits));
        let house = House { store, executor, names };
        house.offer();
        house
    }

    fn offer(&self) {
        let [from, to] = self.names.clone();
        let offered = obey(&self.executor, &OfferLoan { from, to: Some(to), said: "jardin".into(), size: SIZE, until: until() });
        assert!(offered.is_ok());
    }

    fn accepting(&self) -> AcceptLoan {
        let [from, to] = self.names.clone();
        AcceptLoan { from, to, size: SIZE, until: until() }
    }

    fn declining(&self) -> DeclineOffer {
        let [from, to] = self.names.clone();
        DeclineOffer { from, to, size: SIZE, until: until() }
    }

    fn withdrawing(&self) -> WithdrawOffer {
        WithdrawOffer { from: self.names[0].clone(), said: "jardin".into(), until: until() }
    }

    /// The offer is taken; while that is written, somebody does `between`, and then the disk says `disk`. What both are told.
    fn accept_and<C: AdminCommand + Send + 'static>(
        &self,
        between: C,
        disk: Option<StoreError>,
    ) -> (Result<(), NotDone>, Result<(), NotDone>) {
        let (told, executor) = (Arc::new(OnceLock::new()), self.executor.clone());
        let tell = told.clone();
        let meddle = move || assert!(tell.set(obey(&executor, &between)).is_ok());
        *self.store.next.lock().unwrap() = Some((Box::new(meddle), disk));
        let accepted = obey(&self.executor, &self.accepting());
        (accepted, told.get().expect("nothing was written").clone())
    }

    /// What the maker and the other one see.
    fn shown(&self) -> [usize; 2] {
        let backends = Backends::default();
        let [first, second] = [0, 1].map(|which: usize| self.executor.offers.about(&self.names[which], &at(&backends)));
        [first.made.len(), second.had.len()]
    }
}

fn at(backends: &Backends) -> Moment<'_> {
    Moment { backends, servers: &[], today: TODAY.parse().unwrap(), now: Instant::now() }
}

fn obey<C: AdminCommand>(executor: &Executor, command: &C) -> Result<(), NotDone> {
    executor.obey(&Principal::Admin, command, &at(&Backends::default())).map(drop)
}

fn cause(told: &Result<(), NotDone>) -> Option<NotDoneCause> {
    told.as_ref().err().map(|declined| declined.cause)
}

#[test]
fn what_is_told_to_have_ended_while_it_is_taken_never_stands_again() {
    for disk in [Some(StoreError::Closed), None] {
        let house = House::new();
        let (accepted, withdrawn) = house.accept_and(house.withdrawing(), disk);
        assert_eq!((cause(&withdrawn), accepted.is_ok()), (Some(NotDoneCause::Subject), disk.is_none()), "{disk:?}");
        assert_eq!(house.shown(), [0, 0], "withdrawn, {disk:?}");
        assert_eq!(cause(&obey(&house.executor, &house.accepting())), Some(NotDoneCause::Subject));

        let house = House::new();
        let (_, declined) = house.accept_and(house.declining(), disk);
        assert_eq!((cause(&declined), house.shown()), (Some(NotDoneCause::Subject), [0, 0]), "declined, {disk:?}");
    }
}

#[test]
fn who_takes_it_a_second_time_is_told_that_it_is_being_taken() {
    let house = House::new();
    let (accepted, second) = house.accept_and(house.accepting(), Some(StoreError::Closed));
    assert_eq!((cause(&accepted), cause(&second)), (Some(NotDoneCause::Unwritten), Some(NotDoneCause::Busy)));
    assert_eq!(house.shown(), [1, 1], "nobody was told that it had ended, and it has not");
    let (accepted, second) = house.accept_and(house.accepting(), None);
    assert_eq!((accepted.is_ok(), cause(&second), house.shown()), (true, Some(NotDoneCause::Busy), [0, 0]));
}

/// One that is made anew meanwhile is another one: what becomes of the first is none of its affair.
#[test]
fn an_offer_that_was_made_anew_while_the_first_was_taken_stands() {
    for (disk, told) in [(Some(StoreError::Closed), Some(NotDoneCause::Unwritten)), (None, None)] {
        let house = House::new();
        let [from, to] = house.names.clone();
        let anew = OfferLoan { from, to: Some(to), said: "jardin".into(), size: SIZE, until: until() };
        let (accepted, offered) = house.accept_and(anew, disk);
        assert_eq!((cause(&accepted), offered.is_ok(), house.shown()), (told, true, [1, 1]), "{disk:?}");
        assert!(obey(&house.executor, &house.withdrawing()).is_ok());
        assert_eq!(house.shown(), [0, 0]);
    }
}

/// An association that goes while its offer is taken: the next one of its name finds nothing of it.
#[test]
fn an_offer_of_an_association_that_goes_meanwhile_does_not_stand_again() {
    for gone in [0, 1] {
        let house = House::new();
        let (executor, name) = (house.executor.clone(), house.names[gone].clone());
        let meddle = move || executor.offers.forget(&name);
        *house.store.next.lock().unwrap() = Some((Box::new(meddle), Some(StoreError::Closed)));
        assert_eq!(cause(&obey(&house.executor, &house.accepting())), Some(NotDoneCause::Unwritten));
        assert_eq!(house.shown(), [gone, 0], "to its maker, one that leads to nobody looks like any other");
    }
}

/// Four contacts make as many offers as are shown, and a fifth one makes one: its turn comes before the second of any other.
#[test]
fn offers_of_a_few_hide_nobody_elses() {
    let house = House::new();
    let jardin = house.names[1].clone();
    let offer = |from: &str, day: u32| {
        let (from, until) = (from.parse::<Name>().unwrap(), format!("2027-04-{day:02}").parse().unwrap());
        OfferLoan { from, to: Some(jardin.clone()), said: "jardin".into(), size: SIZE, until }
    };
    for number in 0..24 {
        let name: Name = format!("a{number}").parse().unwrap();
        let mut new = Association::new(name, [Domain::parse(&format!("a{number}.example")).unwrap()]);
        new.storage = Limit::At(10 << 30);
        assert!(house.executor.book.add_association(new, TODAY.parse().unwrap()).is_ok());
    }
    for maker in 0..4 {
        (1..=5).for_each(|day| assert!(obey(&house.executor, &offer(&format!("a{maker}"), day)).is_ok()));
    }
    assert!(obey(&house.executor, &offer("a4", 1)).is_ok());
    let backends = Backends::default();
    let shown = || {
        let about = house.executor.offers.about(&jardin, &at(&backends));
        let days = about.had.iter().map(|offer| format!("{} {}", offer.with, offer.until.print()));
        (days.collect::<Vec<_>>(), about.unshown)
    };
    let (had, more) = shown();
    let firsts =
        ["velo 2027-03-01", "a0 2027-04-01", "a1 2027-04-01", "a2 2027-04-01", "a3 2027-04-01", "a4 2027-04-01", "a0 2027-04-02"];
    assert_eq!((&had[..7], had.len(), more), (&firsts.map(str::to_owned)[..], 20, 2));
    // More makers than are shown: it is said that there are more, and they come when one goes.
    (5..24).for_each(|maker| assert!(obey(&house.executor, &offer(&format!("a{maker}"), 1)).is_ok()));
    let (had, more) = shown();
    assert!(had.len() == 20 && more == 21 && !had.contains(&"a19 2027-04-01".to_owned()), "{had:?}");
    assert!(obey(&house.executor, &house.declining()).is_ok());
    let (had, more) = shown();
    assert!(more == 20 && had.contains(&"a19 2027-04-01".to_owned()), "{had:?}");
}
