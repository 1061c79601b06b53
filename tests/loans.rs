//! Space that is lent moves and never grows: whatever is lent, taken back, over, removed, exported and loaded again, in any order, the limits
//! of all associations add up to what admins gave them. And a lender keeps what it needs.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use std::collections::BTreeMap;
use std::sync::Arc;

use nologd::private::{Address, Domain};
use nologd::quota::{AdminError, Amount, Association, Batch, Book, BookParams, Day, Edit, Grant, Limit, Name, Origin, check};
use nologd::store::{self, MemoryStore, Store};

const MIB: u64 = 1 << 20;

fn name(number: u64) -> Name {
    Name::parse(&format!("asso.{number}-x")).unwrap()
}

fn mailbox(number: u64) -> Address {
    Address::parse(&format!("alice@a{number}.example")).unwrap()
}

fn day(number: u64) -> Day {
    Day::from_unix(1_800_000_000 + number * 86_400)
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A book, and what admins gave.
struct Stage {
    store: Arc<MemoryStore>,
    book: Book,
    /// The limit of each association that is there, and its grants.
    given: BTreeMap<Name, (u64, Vec<Grant>)>,
    today: u64,
}

impl Stage {
    fn new() -> Stage {
        let store = Arc::new(MemoryStore::new());
        let book = Book::open(store.clone(), BookParams::default()).unwrap();
        Stage { store, book, given: BTreeMap::new(), today: 0 }
    }

    fn today(&self) -> Day {
        day(self.today)
    }

    fn add(&mut self, number: u64, storage: u64, used: u64) {
        let mut new = Association::new(name(number), [Domain::parse(&format!("a{number}.example")).unwrap()]);
        new.storage = Limit::At(storage);
        if self.book.add_association(new, self.today()).is_ok() {
            self.given.insert(name(number), (storage, Vec::new()));
            assert!(self.book.load(&mailbox(number), Amount { octets: used, messages: 1 }, self.today()));
        }
    }

    fn lend(&self, from: u64, to: u64, octets: u64, until: u64) -> Result<(), AdminError> {
        self.book.lend(&name(from), &name(to), Grant { octets, until: day(until) }, self.today()).map(drop)
    }

    /// By an admin, or by a panel.
    fn remove(&self, number: u64, by_panel: bool) -> bool {
        if !by_panel {
            return self.book.remove_association(&name(number), true, self.today()).is_ok();
        }
        let (gone_mailboxes, gone_associations) = (vec![mailbox(number)], vec![name(number)]);
        let batch = Batch { gone_mailboxes, gone_associations, ..Batch::default() };
        self.book.apply(&batch, self.today()).is_ok()
    }

    fn grant(&mut self, number: u64, octets: u64, until: u64) {
        let grant = Grant { octets, until: day(until) };
        assert!(self.book.grant(&name(number), grant, self.today()).is_ok());
        self.given.get_mut(&name(number)).unwrap().1.push(grant);
    }

    /// The limits in force.
    fn limits(&self) -> BTreeMap<String, u64> {
        let limit = |limit| if let Limit::At(octets) = limit { octets } else { panic!("no limit") };
        let all = self.book.associations(self.today()).into_iter();
        all.map(|view| (view.association.name.reveal().to_owned(), limit(view.storage))).collect()
    }

    fn holds(&self, after: &str) {
        let given = |(storage, grants): &(u64, Vec<Grant>)| {
            let standing = grants.iter().filter(|grant| self.today() <= grant.until).map(|grant| grant.octets);
            storage + standing.sum::<u64>()
        };
        let limits = self.limits();
        assert_eq!(limits.len(), self.given.len(), "{after}");
        assert_eq!(limits.values().sum::<u64>(), self.given.values().map(given).sum::<u64>(), "{after}");
        // Both sides tell the same of each loan.
        let (mut lent, mut borrowed) = (Vec::new(), Vec::new());
        for view in self.book.associations(self.today()) {
            let own = view.association.name.reveal().to_owned();
            let with = |name: &Name| name.reveal().to_owned();
            lent.extend(view.association.lent.iter().map(|loan| (own.clone(), with(&loan.with), loan.octets, loan.until)));
            borrowed
                .extend(view.association.borrowed.iter().map(|loan| (with(&loan.with), own.clone(), loan.octets, loan.until)));
        }
        lent.sort_unstable();
        borrowed.sort_unstable();
        assert!(lent == borrowed, "{after}");
        assert_eq!(self.book.loans(self.today()).len(), lent.len(), "{after}");
    }

    /// As after a restart, or on another machine.
    fn reopen(&mut self, by_export: bool) {
        self.book.write_usage().unwrap();
        let before = self.limits();
        if by_export {
            let other = Arc::new(MemoryStore::new());
            store::import(&*other, &store::export(&*self.store).unwrap()).unwrap();
            self.store = other;
        }
        assert!(check(&*self.store).unwrap().is_well());
        self.book = Book::open(self.store.clone(), BookParams::default()).unwrap();
        self.book.review(self.today());
        assert_eq!(self.limits(), before, "another book");
    }
}

#[test]
fn the_sum_of_all_limits_is_what_admins_gave_in_any_order_of_acts() {
    let (mut lends, mut ends, mut removed) = (0, 0, 0);
    for seed in 0..60 {
        let (mut stage, mut dice) = (Stage::new(), Dice(seed));
        for number in 0..5 {
            stage.add(number, (10 + dice.below(100)) * MIB, dice.below(40) * MIB);
        }
        for act in 0..120 {
            let (from, to, octets, until) =
                (dice.below(5), dice.below(5), (1 + dice.below(30)) * MIB, stage.today + dice.below(9));
            let what = dice.below(20);
            match what {
                0..=8 => {
                    let before = stage.limits();
                    match stage.lend(from, to, octets, until) {
                        Ok(()) => {
                            lends += 1;
                            let view = stage.book.association(&name(from), stage.today()).unwrap();
                            assert!(view.storage.allows((view.used.octets).into()), "a lender below its use");
                        }
                        Err(_) => assert_eq!(stage.limits(), before),
                    }
                }
                9 => ends += u64::from(stage.lend(from, to, 0, until).is_ok()),
                10 => {
                    let standing = stage.book.loans(stage.today());
                    if !standing.is_empty() {
                        let loan = &standing[usize::try_from(dice.below(standing.len() as u64)).unwrap()];
                        let end = Grant { octets: 0, until: loan.until };
                        assert!(stage.book.lend(&loan.lender, &loan.borrower, end, stage.today()).is_ok());
                        ends += 1;
                    }
                }
                11..=12 => stage.today += 1,
                13 => {
                    let gone = stage.remove(from, act % 2 == 0);
                    removed += u64::from(gone);
                    if gone {
                        stage.given.remove(&name(from));
                        let told = store::export(&*stage.store).unwrap();
                        assert!(!told.contains(name(from).reveal()), "{told}");
                    }
                }
                14..=15 => stage.add(from, (10 + dice.below(100)) * MIB, dice.below(20) * MIB),
                16 => {
                    let edit = Edit { storage: Some(Limit::At(octets * 4)), ..Edit::default() };
                    if stage.book.set_association(&name(from), &edit, stage.today()).is_ok() {
                        stage.given.get_mut(&name(from)).unwrap().0 = octets * 4;
                    }
                }
                17 => {
                    let grant = Grant { octets, until: day(until) };
                    if stage.book.grant(&name(from), grant, stage.today()).is_ok() {
                        stage.given.get_mut(&name(from)).unwrap().1.push(grant);
                    }
                }
                18 => {
                    let grant = Grant { octets: 0, until: day(until) };
                    if stage.book.grant(&name(from), grant, stage.today()).is_ok() {
                        stage.given.get_mut(&name(from)).unwrap().1.retain(|standing| standing.until != grant.until);
                    }
                }
                _ => stage.reopen(act % 2 == 0),
            }
            stage.holds(&format!("seed {seed}, act {act}: {what}"));
        }
    }
    assert!(lends > 300 && ends > 20 && removed > 20, "{lends} {ends} {removed}");
}

#[test]
fn a_lender_keeps_what_it_needs_and_borrowed_space_is_not_lent_on() {
    let mut stage = Stage::new();
    stage.add(0, 100 * MIB, 60 * MIB);
    stage.add(1, 100 * MIB, 0);
    stage.add(2, 100 * MIB, 0);
    // What lists show is rounded up; what is under way counts too.
    assert_eq!(stage.lend(0, 1, 41 * MIB, 5), Err(AdminError::NeedsItself));
    let held = stage.book.reserve(&mailbox(0), Amount::message(10 * MIB), Origin::Member, stage.today()).ok().unwrap();
    assert_eq!(stage.lend(0, 1, 31 * MIB, 5), Err(AdminError::NeedsItself));
    assert_eq!(stage.lend(0, 1, 29 * MIB, 5), Ok(()));
    drop(held);
    // A day more: of what lasts, less is left.
    stage.grant(0, 50 * MIB, 3);
    assert_eq!(stage.lend(0, 1, 40 * MIB, 4), Err(AdminError::NeedsItself), "the grant is over by then");
    assert_eq!(stage.lend(0, 1, 40 * MIB, 3), Ok(()));
    // A grant that was lent away is not taken back, and a limit is not lowered below what is lent.
    stage.grant(1, 7 * MIB, 3);
    assert_eq!(stage.lend(1, 2, 107 * MIB, 3), Ok(()));
    assert_eq!(stage.lend(1, 2, MIB, 3), Err(AdminError::LentAway), "69 MB are borrowed, and not lent on");
    let back = stage.book.grant(&name(1), Grant { octets: 0, until: day(3) }, stage.today());
    assert!(back.err() == Some(AdminError::LentAway));
    let lower = Edit { storage: Some(Limit::At(99 * MIB)), ..Edit::default() };
    assert!(stage.book.set_association(&name(1), &lower, stage.today()).err() == Some(AdminError::LentAway));
    stage.holds("all that was lent");
    // The end of a loan leaves every other one as it is.
    assert_eq!(stage.lend(0, 1, 0, 3), Ok(()));
    assert_eq!(stage.lend(0, 1, 0, 3), Err(AdminError::NoSuchLoan));
    stage.holds("taken back");
    // Suspended or read-only, its space stays where it is, to the day.
    let state = serde_json::from_str(r#"{"state":"suspended"}"#).unwrap();
    for number in [0, 1] {
        let suspend = Edit { state, ..Edit::default() };
        assert!(stage.book.set_association(&name(number), &suspend, stage.today()).is_ok());
    }
    let before = stage.limits();
    assert_eq!(before[name(0).reveal()], 121 * MIB);
    stage.today = 5;
    stage.holds("the last day");
    assert_eq!(stage.limits()[name(0).reveal()], 71 * MIB, "the grant is over, and the loan is not");
    stage.today = 6;
    stage.holds("the day after");
    assert_eq!(stage.limits().into_values().collect::<Vec<_>>(), [100 * MIB; 3]);
    assert!(stage.book.loans(stage.today()).is_empty());
    // What is over leaves the disk with the next change.
    assert!(stage.book.set_association(&name(0), &Edit::default(), stage.today()).is_ok());
    assert!(stage.store.scan("loan/asso.0").unwrap().is_empty());
    for (from, to, error) in [(0, 0, AdminError::LendsToItself), (0, 9, AdminError::NoSuchAssociation)] {
        assert_eq!(stage.lend(from, to, MIB, 9), Err(error));
    }
    assert_eq!(stage.lend(0, 1, MIB, 5), Err(AdminError::DayOver));
    let boundless = Edit { storage: Some(Limit::None), ..Edit::default() };
    assert!(stage.book.set_association(&name(2), &boundless, stage.today()).is_ok());
    assert_eq!(stage.lend(0, 2, MIB, 9), Err(AdminError::NoLimit));
    assert_eq!(stage.lend(2, 0, MIB, 9), Err(AdminError::NoLimit));
}

/// A contact may ask as often as it likes what it could lend: what lists show decides, and moves at the full hour.
#[test]
fn an_offer_weighs_nothing_that_lists_do_not_show() {
    let mut stage = Stage::new();
    stage.add(0, 100 * MIB, 20 * MIB);
    stage.add(1, 100 * MIB, 0);
    stage.book.settle();
    let grant = Grant { octets: 60 * MIB, until: day(3) };
    let may = |stage: &Stage| stage.book.may_lend(&name(0), grant, stage.today());
    assert_eq!(may(&stage), Ok(()));
    let _ = stage.book.reserve(&mailbox(0), Amount::message(30 * MIB), Origin::Incoming, stage.today()).ok().unwrap().commit();
    assert_eq!((may(&stage), stage.lend(0, 1, grant.octets, 3)), (Ok(()), Err(AdminError::NeedsItself)));
    stage.book.settle();
    assert_eq!(may(&stage), Err(AdminError::NeedsItself));
    assert_eq!(stage.book.may_lend(&name(0), Grant { octets: 101 * MIB, ..grant }, stage.today()), Err(AdminError::LentAway));
}

/// Writers while space is lent away: none of them finds more room than there is at the end.
#[test]
fn writers_and_lenders_at_once_never_pass_a_limit() {
    let mut stage = Stage::new();
    stage.add(0, 64 * MIB, 0);
    stage.add(1, 64 * MIB, 0);
    let (book, today) = (&stage.book, stage.today());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                while let Ok(room) = book.reserve(&mailbox(0), Amount::message(MIB / 4), Origin::Incoming, today) {
                    let _ = room.commit();
                    std::thread::yield_now();
                }
            });
        }
        scope.spawn(move || {
            let grant = Grant { octets: MIB, until: today };
            while book.lend(&name(0), &name(1), grant, today).is_ok() {}
        });
    });
    let view = book.association(&name(0), today).unwrap();
    assert!(view.storage.allows(view.used.octets.into()), "{:?} of {:?}", view.used, view.storage);
    stage.holds("all at once");
}

/// A store of before loans is read, and one with a loan of somebody who is not there is no damage.
#[test]
fn an_older_store_loads_and_an_orphan_lends_nothing() {
    let mut stage = Stage::new();
    stage.add(0, 100 * MIB, 0);
    stage.add(1, 100 * MIB, 0);
    stage.store.transact(&[store::RecordChange::put("schema".into(), b"6".to_vec())]).unwrap();
    stage.book = Book::open(stage.store.clone(), BookParams::default()).unwrap();
    assert_eq!(stage.lend(0, 1, MIB, 5), Ok(()));
    let orphan = format!("loan/{}/nobody/2030-01-01", name(0).reveal());
    stage.store.transact(&[store::RecordChange::put(orphan, b"{\"octets\":5}".to_vec())]).unwrap();
    let found = check(&*stage.store).unwrap();
    assert!(found.wrong.len() == 1 && found.count(nologd::quota::Defect::Orphan) == 1);
    stage.book = Book::open(stage.store.clone(), BookParams::default()).unwrap();
    assert_eq!(stage.limits()[name(0).reveal()], 99 * MIB);
    stage.holds("an orphan");
    for damaged in ["loan/x", "loan/x/y", "loan/x/y/2030-13-01", "loan/x/y/2030-01-01/z"] {
        let store = Arc::new(MemoryStore::new());
        store
            .transact(&[
                store::RecordChange::put("schema".into(), b"7".to_vec()),
                store::RecordChange::put(damaged.into(), b"{\"octets\":5}".to_vec()),
            ])
            .unwrap();
        assert!(Book::open(store, BookParams::default()).is_err(), "{damaged}");
    }
}

/// What was granted and lent until the same day ends together, whatever ends first in the records.
#[test]
fn a_mailbox_goes_after_a_loan_out_of_a_grant_has_ended() {
    let mut stage = Stage::new();
    stage.add(0, 10 * MIB, 0);
    stage.add(1, 10 * MIB, 0);
    stage.grant(0, 100 * MIB, 5);
    assert_eq!(stage.lend(0, 1, 50 * MIB, 5), Ok(()));
    assert!(check(&*stage.store).unwrap().is_well());
    stage.today = 6;
    assert!(check(&*stage.store).unwrap().is_well(), "ended, and not yet taken out");
    assert!(stage.book.remove_mailbox(&mailbox(0), stage.today()).is_ok());
    assert!(check(&*stage.store).unwrap().is_well());
    stage.holds("the end");
}
