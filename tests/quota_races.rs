//! The book against everything at once: random orders of writers, failures, refreshes and mail that came in around us. A
//! limit is never passed, and no usage is lost or invented.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::random::Random;
use nologd::private::{Address, Domain};
use nologd::quota::{
    AdminError, Amount, Association, Book, BookParams, Crossing, Day, Edit, Fact, Facts, Grant, Level, Limit, Name, Origin,
    Refresh, Refreshed, Reservation, SenderRule, State, StateEdit, Subject, UsageWriter, Verdict, Without, check,
};
use nologd::store::{MemoryStore, Store};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn today() -> Day {
    day("2026-11-01")
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn numbered(mailbox: usize) -> Address {
    address(&format!("m{mailbox}@amis.example"))
}

fn empty() -> Book {
    Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap()
}

/// A book with the association `amis` and some mailboxes.
fn book(storage: u64, default: u64, mailboxes: usize) -> Book {
    let book = empty();
    let mut amis = Association::new(name("amis"), [domain("amis.example")]);
    amis.storage = Limit::At(storage);
    amis.mailbox_default = Limit::At(default);
    book.add_association(amis, today()).unwrap();
    (0..mailboxes).for_each(|mailbox| book.admit(&numbered(mailbox)).unwrap());
    book
}

fn reserve(book: &Book, mailbox: usize, octets: u64) -> Result<Reservation, Verdict> {
    book.reserve(&numbered(mailbox), Amount::message(octets), Origin::Member, today())
}

fn used(book: &Book, mailbox: usize) -> Amount {
    book.mailbox(&numbered(mailbox)).unwrap().used
}

fn refused(result: Result<Reservation, Verdict>) -> Verdict {
    result.err().unwrap()
}

/// Sums of the association as the book says.
fn total(book: &Book) -> (Amount, Amount) {
    let view = book.association(&name("amis"), today()).unwrap();
    (view.used, view.reserved)
}

#[test]
fn fifty_at_once_into_room_for_23_are_23() {
    for round in 0..20 {
        let book = book(23 * 1000 + 999, u64::MAX, 5);
        let stored = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for session in 0..10 {
                let (book, stored) = (&book, &stored);
                scope.spawn(move || {
                    let mut random = Random(1 + session + round * 10);
                    for _ in 0..5 {
                        if let Ok(reservation) = reserve(book, random.below(5) as usize, 1000) {
                            std::thread::yield_now();
                            stored.fetch_add(1, Ordering::SeqCst);
                            let _ = reservation.commit();
                        }
                    }
                });
            }
        });
        assert_eq!(stored.into_inner(), 23);
        assert_eq!(total(&book), (Amount { octets: 23_000, messages: 23 }, Amount::ZERO));
    }
}

#[test]
fn writers_failures_and_refreshes_at_once_pass_no_limit_and_lose_nothing() {
    const MAILBOXES: usize = 5;
    const STORAGE: u64 = 40_000;
    const DEFAULT: u64 = 15_000;
    for seed in 1..=8u64 {
        let with_refreshes = seed % 2 == 0;
        let book = book(STORAGE, DEFAULT, MAILBOXES);
        // What the backend holds: written between reservation and commit, as in life.
        let backend: [AtomicU64; MAILBOXES] = Default::default();
        let all = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for writer in 0..6 {
                let (book, backend, all) = (&book, &backend, &all);
                scope.spawn(move || {
                    let mut random = Random(seed * 1000 + writer + 1);
                    for _ in 0..2000 {
                        let mailbox = random.below(MAILBOXES as u64) as usize;
                        let octets = 1 + random.below(300);
                        let Ok(reservation) = reserve(book, mailbox, octets) else { continue };
                        if random.below(3) == 0 {
                            continue; // the backend said NO, or the session ended
                        }
                        let held = backend[mailbox].fetch_add(octets, Ordering::SeqCst) + octets;
                        let sum = all.fetch_add(octets, Ordering::SeqCst) + octets;
                        assert!(held <= DEFAULT && sum <= STORAGE, "seed {seed}");
                        let _ = reservation.commit();
                    }
                });
            }
            if with_refreshes {
                let (book, backend) = (&book, &backend);
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for _ in 0..2000 {
                        let mailbox = random.below(MAILBOXES as u64) as usize;
                        let refresh = book.begin_refresh(&numbered(mailbox)).unwrap();
                        let octets = backend[mailbox].load(Ordering::SeqCst);
                        refresh.finish(Amount { octets, messages: 0 }, today());
                    }
                });
            }
        });
        let mut sum = 0;
        for (mailbox, backend) in backend.iter().enumerate() {
            let (held, counted) = (backend.load(Ordering::SeqCst), used(&book, mailbox).octets);
            assert!(if with_refreshes { counted >= held } else { counted == held }, "seed {seed}");
            let refresh = book.begin_refresh(&numbered(mailbox)).unwrap();
            assert_eq!(refresh.finish(Amount { octets: held, messages: 0 }, today()), Refreshed::Exact);
            assert_eq!(used(&book, mailbox).octets, held);
            sum += held;
        }
        let (counted, reserved) = total(&book);
        assert_eq!((counted.octets, reserved), (sum, Amount::ZERO));
    }
}

/// What one mailbox is, in the simplest words: what is in it, what the book should say, what is open.
#[derive(Default)]
struct Model {
    held: u64,
    counted: u64,
    committed: u64,
    open: Vec<(Reservation, bool)>,
    refreshes: Vec<(Refresh, u64, u64)>,
}

#[test]
fn any_order_of_steps_agrees_with_a_simple_model() {
    for seed in 1..=60u64 {
        let mut random = Random(seed);
        let (storage, default) = (5_000 + random.below(5_000), 3_000 + random.below(3_000));
        let book = book(storage, default, 3);
        let mut model: [Model; 3] = Default::default();
        for _ in 0..600 {
            let mailbox = random.below(3) as usize;
            step(&book, &mut model, mailbox, (storage, default), &mut random);
            let mut sum = 0;
            for (mailbox, expected) in model.iter().enumerate() {
                let view = book.mailbox(&numbered(mailbox)).unwrap();
                let open = expected.open.iter().map(|(reservation, _)| reservation.amount().octets).sum();
                assert_eq!((view.used.octets, view.reserved.octets), (expected.counted, open), "seed {seed}");
                sum += expected.counted;
            }
            assert_eq!(total(&book).0.octets, sum);
        }
    }
}

fn step(book: &Book, model: &mut [Model; 3], at: usize, (storage, default): (u64, u64), random: &mut Random) {
    let sum = |model: &[Model; 3], kind: fn(&Model) -> u64| model.iter().map(kind).sum::<u64>();
    let open = |one: &Model| one.open.iter().map(|(reservation, _)| reservation.amount().octets).sum::<u64>();
    let everything = sum(model, |one| one.counted) + sum(model, open);
    let mine = model[at].counted + open(&model[at]);
    let octets = random.below(700);
    match random.below(9) {
        0..=2 => match reserve(book, at, octets) {
            Ok(reservation) => {
                assert!(everything + octets <= storage && mine + octets <= default);
                model[at].open.push((reservation, false));
            }
            Err(Verdict::AssociationFull) => assert!(everything + octets > storage),
            Err(verdict) => assert!(verdict == Verdict::MailboxFull && mine + octets > default),
        },
        // The backend stores it; the answer is still on its way.
        3 => {
            let one = &mut model[at];
            if let Some((reservation, stored)) = one.open.iter_mut().find(|(_, stored)| !stored) {
                *stored = true;
                one.held += reservation.amount().octets;
            }
        }
        4 => {
            if let Some((reservation, true)) = model[at].open.pop() {
                let octets = reservation.amount().octets;
                let _ = reservation.commit();
                model[at].counted += octets;
                model[at].committed += octets;
            }
        }
        5 => {
            if let Some((reservation, false)) = model[at].open.last_mut() {
                let fits = everything + octets <= storage && mine + octets <= default;
                assert_eq!(reservation.grow(Amount { octets, messages: 0 }).is_ok(), fits);
            }
        }
        6 => {
            let refresh = book.begin_refresh(&numbered(at)).unwrap();
            let (seen, committed) = (model[at].held, model[at].committed);
            model[at].refreshes.push((refresh, seen, committed));
        }
        7 => {
            if let Some((refresh, seen, committed)) = model[at].refreshes.pop() {
                // The newest first, so that older ones are outdated and must change nothing.
                model[at].refreshes.drain(..).for_each(|(older, _, _)| drop(older));
                refresh.finish(Amount { octets: seen, messages: 0 }, today());
                model[at].counted = seen + model[at].committed - committed;
            }
        }
        // Deleted in the mail program, or delivered around us.
        _ => model[at].held = if random.below(2) == 0 { model[at].held / 2 } else { model[at].held + 100 },
    }
}

#[test]
fn an_older_refresh_changes_nothing_after_a_newer_one() {
    let book = book(1000, 1000, 1);
    let older = book.begin_refresh(&numbered(0)).unwrap();
    let newer = book.begin_refresh(&numbered(0)).unwrap();
    assert!(!book.is_seen(&numbered(0)));
    assert_eq!(newer.finish(Amount::message(7), today()), Refreshed::Exact);
    assert_eq!(older.finish(Amount::message(900), today()), Refreshed::Outdated);
    assert_eq!(used(&book, 0), Amount::message(7));
    assert!(book.is_seen(&numbered(0)));
    let during = book.begin_refresh(&numbered(0)).unwrap();
    let _ = reserve(&book, 0, 5).unwrap().commit();
    assert_eq!(during.finish(Amount::message(12), today()), Refreshed::Overlapped);
    assert_eq!(used(&book, 0).octets, 17);
    // A writer that is open may have stored already: what the backend says is then counted twice for a moment.
    let mut open = reserve(&book, 0, 3).unwrap();
    open.handed_over();
    assert_eq!(book.begin_refresh(&numbered(0)).unwrap().finish(Amount::message(15), today()), Refreshed::Overlapped);
    let before_its_end = book.begin_refresh(&numbered(0)).unwrap();
    open.release();
    assert_eq!(before_its_end.finish(Amount::message(15), today()), Refreshed::Overlapped);
    assert_eq!(book.begin_refresh(&numbered(0)).unwrap().finish(Amount::message(15), today()), Refreshed::Exact);
}

#[test]
fn limits_hold_to_the_octet_and_numbers_cannot_overflow() {
    let book = book(1000, 600, 2);
    assert_eq!(refused(reserve(&book, 0, 601)), Verdict::MailboxFull);
    let _ = reserve(&book, 0, 600).unwrap().commit();
    assert_eq!(refused(reserve(&book, 0, 1)), Verdict::MailboxFull);
    assert_eq!(refused(reserve(&book, 1, 401)), Verdict::AssociationFull);
    assert_eq!(refused(reserve(&book, 1, u64::MAX)), Verdict::AssociationFull);
    let _ = reserve(&book, 1, 400).unwrap().commit_as(Amount::message(399));
    assert!(reserve(&book, 1, 1).is_ok());
    let edit =
        Edit { storage: Some(Limit::None), mailbox_default: Some(Limit::None), messages: Some(Limit::At(3)), ..Edit::default() };
    book.set_association(&name("amis"), &edit, today()).unwrap();
    assert_eq!(refused(reserve(&book, 1, u64::MAX)), Verdict::AssociationFull);
    let third = reserve(&book, 1, 0).unwrap();
    assert_eq!(refused(reserve(&book, 0, 0)), Verdict::AssociationFull);
    drop(third);
    // A backend that lies.
    for mailbox in 0..2 {
        let lie = Amount { octets: u64::MAX, messages: u64::MAX };
        book.begin_refresh(&numbered(mailbox)).unwrap().finish(lie, today());
    }
    assert_eq!(refused(reserve(&book, 0, 1)), Verdict::AssociationFull);
    for mailbox in 0..2 {
        book.begin_refresh(&numbered(mailbox)).unwrap().finish(Amount::ZERO, today());
    }
    assert_eq!(total(&book).0, Amount::ZERO);
}

#[test]
fn a_reservation_outlives_its_mailbox_and_association_without_harm() {
    let book = book(1000, 1000, 1);
    let (one, two) = (reserve(&book, 0, 10).unwrap(), reserve(&book, 0, 10).unwrap());
    book.remove_mailbox(&numbered(0), today()).unwrap();
    book.admit(&numbered(0)).unwrap();
    let _ = one.commit();
    assert_eq!(total(&book), (Amount::ZERO, Amount::ZERO));
    let three = reserve(&book, 0, 10).unwrap();
    let refresh = book.begin_refresh(&numbered(0)).unwrap();
    book.remove_association(&name("amis"), true, today()).unwrap();
    assert_eq!(refresh.finish(Amount::ZERO, today()), Refreshed::Outdated);
    drop(two);
    let _ = three.commit();
    assert_eq!(refused(reserve(&book, 0, 1)), Verdict::Unknown);
    assert!(book.associations(today()).is_empty());
}

#[test]
fn states_decide_who_may_write() {
    let book = book(1000, 1000, 1);
    let incoming = || book.reserve(&numbered(0), Amount::message(1), Origin::Incoming, today()).is_ok();
    let cases = [
        (State::Active, None, true),
        (State::ReadOnly, Some(Verdict::ReadOnly), true),
        (State::Suspended, Some(Verdict::Suspended), false),
        (State::LeavingUntil(today()), None, true),
    ];
    for (state, expected, login) in cases {
        book.set_association(&name("amis"), &Edit { state: StateEdit::from(state), ..Edit::default() }, today()).unwrap();
        assert_eq!(reserve(&book, 0, 1).err(), expected);
        assert_eq!(book.take_sending(&numbered(0), 1, Duration::ZERO, today()).err(), expected);
        assert_eq!(book.may_log_in(&numbered(0), today()).is_ok(), login);
        assert!(incoming());
    }
    let tomorrow = day("2026-11-02");
    assert_eq!(book.may_log_in(&numbered(0), tomorrow), Err(Verdict::Suspended));
    let late = book.reserve(&numbered(0), Amount::message(1), Origin::Member, tomorrow);
    assert_eq!(refused(late), Verdict::Suspended);
}

/// All that a book told since the last look.
#[derive(Default)]
struct Heard(Mutex<Vec<Fact>>);

impl Heard {
    fn of(book: &Book) -> Arc<Heard> {
        let heard = Arc::new(Heard::default());
        book.lead_to(heard.clone());
        heard
    }

    fn take(&self) -> Vec<Fact> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn crossings(&self) -> Vec<Crossing> {
        let crossing = |fact| match fact {
            Fact::Crossing(crossing) => Some(crossing),
            Fact::Leaving(_) | Fact::Stopped(_) => None,
        };
        self.take().into_iter().filter_map(crossing).collect()
    }
}

impl Facts for Heard {
    fn tell(&self, fact: Fact) {
        self.0.lock().unwrap().push(fact);
    }

    fn forget(&self, _: &Subject) {}
}

#[test]
fn leaving_is_told_to_each_once() {
    let book = book(1000, 1000, 2);
    let heard = Heard::of(&book);
    let (info, m0) = (Subject::Association(name("amis")), Subject::Mailbox(numbered(0)));
    let set =
        |state| book.set_association(&name("amis"), &Edit { state: StateEdit::from(state), ..Edit::default() }, today()).unwrap();
    let told = || {
        let leaving = |fact: Fact| if let Fact::Leaving(leaving) = fact { (leaving.subject, leaving.until) } else { panic!() };
        heard.take().into_iter().map(leaving).collect::<BTreeMap<_, _>>()
    };
    let last = Day::parse("2026-11-03");
    set(State::LeavingUntil(last.unwrap()));
    let first = told();
    assert!(first.len() == 3 && first.values().all(|until| *until == last) && first.contains_key(&info));
    set(State::LeavingUntil(last.unwrap()));
    let _ = reserve(&book, 0, 1).unwrap().commit();
    book.review(day("2026-11-03"));
    assert!(told().is_empty());
    // A mailbox that is seen for the first time meanwhile is told too; the contact, as the contact only.
    let contact = Edit { contact: Some(numbered(7)), ..Edit::default() };
    book.set_association(&name("amis"), &contact, today()).unwrap();
    for mailbox in [6, 7] {
        book.admit(&numbered(mailbox)).unwrap();
        let _ = reserve(&book, mailbox, 1).unwrap().commit();
    }
    assert!(told().into_keys().collect::<Vec<_>>() == [Subject::Mailbox(numbered(6))]);
    // Called off, and after the last day: what was not sent is taken back.
    set(State::Active);
    assert!(told().get(&m0) == Some(&None));
    set(State::LeavingUntil(last.unwrap()));
    assert!(told().get(&m0) == Some(&last));
    // What began before midnight ends behind it.
    let late = reserve(&book, 0, 1).unwrap();
    book.review(day("2026-11-04"));
    assert!(told().get(&m0) == Some(&None));
    let _ = late.commit();
    assert!(told().is_empty());
}

#[test]
fn grants_end_by_themselves() {
    let book = book(1000, u64::MAX, 1);
    let heard = Heard::of(&book);
    let grant = |octets, until| book.grant(&name("amis"), Grant { octets, until: day(until) }, today());
    assert_eq!(grant(500, "2026-10-31").err(), Some(AdminError::DayOver));
    grant(500, "2026-11-05").unwrap();
    // What was mistyped is taken back by its day, and only that.
    grant(500_000, "2026-11-06").unwrap();
    assert_eq!(grant(0, "2026-11-07").err(), Some(AdminError::NoSuchGrant));
    grant(0, "2026-11-06").unwrap();
    let _ = reserve(&book, 0, 1400).unwrap().commit();
    assert!(heard.crossings().iter().all(|crossing| crossing.now == Level::High));
    let on = |date: &str| book.association(&name("amis"), day(date)).unwrap().storage;
    assert_eq!((on("2026-11-05"), on("2026-11-06")), (Limit::At(1500), Limit::At(1000)));
    book.review(day("2026-11-06"));
    assert!(heard.crossings().iter().any(|crossing| crossing.was < crossing.now && crossing.now == Level::Full));
    let late = book.reserve(&numbered(0), Amount::message(1), Origin::Member, day("2026-11-06"));
    assert_eq!(refused(late), Verdict::AssociationFull);
}

#[test]
fn each_level_is_told_once_on_the_way_up() {
    let book = book(1_000_000, 1000, 1);
    let heard = Heard::of(&book);
    let tell = |octets: u64| {
        book.begin_refresh(&numbered(0)).unwrap().finish(Amount::message(octets), today());
        let told = heard.crossings();
        assert!(told.iter().all(|crossing| crossing.subject == Subject::Mailbox(numbered(0))));
        told.iter().map(|crossing| (crossing.was, crossing.now)).collect::<Vec<_>>()
    };
    assert_eq!(tell(799), []);
    assert_eq!(tell(800), [(Level::Low, Level::High)]);
    assert_eq!(tell(760), []);
    assert_eq!(tell(810), []);
    assert_eq!(tell(950), [(Level::High, Level::Full)]);
    assert_eq!(tell(500), [(Level::Full, Level::Low)]);
    // That up and down before anybody looked is nothing is for who listens.
    book.begin_refresh(&numbered(0)).unwrap().finish(Amount::message(990), today());
    assert_eq!(tell(0), [(Level::Low, Level::Full), (Level::Full, Level::Low)]);
}

#[test]
fn the_number_of_mailboxes_is_held() {
    let book = book(1000, 1000, 2);
    book.settle();
    let edit = Edit { mailboxes: Some(Limit::At(1)), ..Edit::default() };
    let change = book.set_association(&name("amis"), &edit, today()).unwrap();
    assert_eq!(change.excess.mailboxes, 1);
    assert_eq!(book.admit(&numbered(0)), Ok(()));
    assert_eq!(book.admit(&numbered(2)), Err(Verdict::TooManyMailboxes));
    assert_eq!(book.set_mailbox(&numbered(2), None, today()).err(), Some(AdminError::TooMany));
    assert_eq!(book.admit(&address("x@elsewhere.example")), Err(Verdict::Unknown));
    assert_eq!(refused(reserve(&book, 2, 1)), Verdict::Unknown);
    assert_eq!(book.probe(&numbered(2), Amount::message(1000), today()), Ok(()));
    assert_eq!(book.probe(&numbered(2), Amount::message(1001), today()), Err(Verdict::AssociationFull));
}

#[test]
fn admins_are_told_what_was_and_what_is() {
    let book = book(1000, 800, 2);
    let _ = reserve(&book, 0, 700).unwrap().commit();
    let _ = reserve(&book, 1, 200).unwrap().commit();
    // Each is 64 KiB in a list.
    book.settle();
    let edit = Edit { storage: Some(Limit::At(600)), mailbox_default: Some(Limit::At(500)), ..Edit::default() };
    let change = book.set_association(&name("amis"), &edit, today()).unwrap();
    assert_eq!(change.was.unwrap().storage, Limit::At(1000));
    assert_eq!(change.now.unwrap().storage, Limit::At(600));
    assert_eq!((change.excess.octets, change.excess.overfull), (2 * (64 << 10) - 600, 2));
    assert_eq!(refused(reserve(&book, 1, 1)), Verdict::AssociationFull);
    let change = book.set_mailbox(&numbered(0), Some(Limit::At(650)), today()).unwrap();
    assert!(change.was.unwrap().own.storage.is_none() && change.now.unwrap().limit == Limit::At(650));
    assert_eq!(change.excess.octets, (64 << 10) - 650);
    assert_eq!(book.mailboxes(Some(&name("amis"))).unwrap().len(), 2);
    let fill = book.fill(&numbered(0), today()).unwrap();
    assert_eq!((fill.used.octets, fill.limit), (700, Limit::At(650)));
    assert_eq!((fill.shared_used.octets, fill.shared_storage), (900, Limit::At(600)));
    assert_eq!(book.fill(&numbered(9), today()).unwrap().limit, Limit::At(500));
}

#[test]
fn bad_commands_change_nothing() {
    let book = book(1000, 800, 1);
    let other = || Association::new(name("other"), [domain("other.example")]);
    book.add_association(other(), today()).unwrap();
    let list = |book: &Book| book.associations(today()).into_iter().map(|view| view.association).collect::<Vec<_>>();
    let before = list(&book);
    let add = |new: Association| book.add_association(new, today()).err();
    assert_eq!(add(other()), Some(AdminError::Exists));
    assert_eq!(add(Association::new(name("third"), [])), Some(AdminError::NoDomain));
    assert_eq!(add(Association::new(name("third"), [domain("other.example")])), Some(AdminError::DomainTaken));
    let set = |edit: Edit| book.set_association(&name("amis"), &edit, today()).err();
    let empty = Edit::default;
    let without = |gone: &str| Without { domains: vec![domain(gone)], ..Without::default() };
    let cases = [
        (Edit { add_domains: vec![domain("other.example")], ..empty() }, AdminError::DomainTaken),
        (Edit { add_domains: vec![domain("amis.example")], ..empty() }, AdminError::DomainTaken),
        (
            Edit { add_domain_aliases: vec![(domain("other.example"), domain("amis.example"))], ..empty() },
            AdminError::DomainTaken,
        ),
        (
            Edit { add_domain_aliases: vec![(domain("new.example"), domain("other.example"))], ..empty() },
            AdminError::NoSuchDomain,
        ),
        (Edit { without: without("other.example"), ..empty() }, AdminError::NoSuchDomain),
        (Edit { without: without("amis.example"), ..empty() }, AdminError::NoDomain),
        (Edit { state: State::LeavingUntil(day("2020-01-01")).into(), ..empty() }, AdminError::DayOver),
        (
            Edit { set_aliases: vec![(address("info@amis.example"), [address("x@other.example")].into())], ..empty() },
            AdminError::AliasOutside,
        ),
        (
            Edit { without: Without { aliases: vec![address("info@amis.example")], ..Without::default() }, ..empty() },
            AdminError::NoSuchAlias,
        ),
    ];
    for (edit, error) in cases {
        assert_eq!(set(edit), Some(error));
    }
    let moved = Edit { add_domains: vec![domain("x.example")], without: without("amis.example"), ..Edit::default() };
    assert_eq!(set(moved), Some(AdminError::DomainInUse));
    assert_eq!(book.remove_association(&name("amis"), false, today()).err(), Some(AdminError::HasMailboxes));
    assert_eq!(book.remove_association(&name("none"), true, today()).err(), Some(AdminError::NoSuchAssociation));
    assert_eq!(book.remove_mailbox(&numbered(7), today()).err(), Some(AdminError::NoSuchMailbox));
    assert_eq!(book.set_mailbox(&address("a@none.example"), None, today()).err(), Some(AdminError::NoSuchDomain));
    assert!(list(&book) == before);
    assert_eq!(book.import_once(vec![other()], today()).err(), Some(AdminError::Exists));
    assert_eq!(book.import_once(Vec::new(), today()), Ok(Some(0)));
    assert_eq!(book.import_once(vec![other()], today()), Ok(None));
}

#[test]
fn addresses_lead_where_the_association_says() {
    let book = book(1000, 1000, 2);
    let [m0, m1, info] = [numbered(0), numbered(1), address("info@amis.example")];
    let edit = Edit {
        add_domain_aliases: vec![(domain("friends.example"), domain("amis.example"))],
        set_aliases: vec![(info.clone(), [m0.clone(), m1.clone()].into())],
        ..Edit::default()
    };
    book.set_association(&name("amis"), &edit, today()).unwrap();
    let leads = |text: &str, to: &[&Address]| book.resolve(&address(text)).unwrap().iter().eq(to.iter().copied());
    assert!(leads("m0@friends.example", &[&m0]));
    assert!(leads("M0+news@amis.example", &[&m0]));
    assert!(leads("info+x@friends.example", &[&m0, &m1]));
    assert!(book.resolve(&address("m0@other.example")).is_none());
    let owns = |sender: &str| book.owns(&m0, &address(sender));
    assert!(owns("m0@amis.example") && owns("m0+x@friends.example") && owns("info@amis.example"));
    assert!(book.owns(&address("m0+login@amis.example"), &m0));
    assert!(!owns("m1@amis.example") && !owns("m0@other.example"));
    book.set_association(&name("amis"), &Edit { sender_rule: Some(SenderRule::Domain), ..Edit::default() }, today()).unwrap();
    assert!(owns("anything@friends.example") && !owns("m0@other.example"));
    assert!(book.route(&domain("friends.example"), today()).is_some_and(|route| route.association == name("amis")));
    assert!(reserve(&book, 0, 1).is_ok());
    assert!(book.reserve(&address("m0@friends.example"), Amount::message(1), Origin::Incoming, today()).is_ok());
    let told = book.disclose(&m0).unwrap();
    assert!(told.aliases == [info.clone()] && told.mailbox.is_some() && told.contact_of.is_empty());
    book.remove_mailbox(&m0, today()).unwrap();
    assert!(leads("info@amis.example", &[&m1]) && book.disclose(&m0).is_none());
}

#[test]
fn usage_and_levels_survive_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let open = || {
        let book = Arc::new(Book::open(store.clone(), BookParams::default()).unwrap());
        let heard = Heard::of(&book);
        (book, heard)
    };
    let (book, heard) = open();
    let mut amis = Association::new(name("amis"), [domain("amis.example")]);
    amis.storage = Limit::At(1_000_000_000);
    book.add_association(amis, today()).unwrap();
    let writer = UsageWriter::start(book.clone(), |_| Duration::from_millis(5)).unwrap();
    book.admit(&numbered(0)).unwrap();
    let _ = reserve(&book, 0, 850_000_000).unwrap().commit();
    let lingering = reserve(&book, 0, 10).unwrap();
    drop(writer);
    let (untold, heard_again) = open();
    untold.review(today());
    let (first, second) = (heard.crossings(), heard_again.crossings());
    let due = |crossings: &[Crossing]| crossings.iter().map(|one| (one.was, one.now)).collect::<Vec<_>>();
    assert_eq!((due(&first), due(&second)), (vec![(Level::Low, Level::High)], vec![(Level::Low, Level::High)]));
    book.told(&Fact::Crossing(first[0].clone()));
    book.write_usage().unwrap();
    let (again, heard) = open();
    // Rounded up, by less than two hundredths.
    assert_eq!(total(&again), (Amount { octets: 855_638_016, messages: 16 }, Amount::ZERO));
    assert!(!again.is_seen(&numbered(0)));
    again.review(today());
    assert!(heard.take().is_empty(), "a notice is not sent again after a restart");
    let findings = check(&*store).unwrap();
    assert!(findings.is_well() && findings.associations == 1 && findings.mailboxes == 1);
    drop(lingering);
}

/// How many reservations a second, and how long an erasure takes, with the embedded store and 300 x 100 mailboxes:
/// `make long LONG=quota_races::measure`.
#[test]
#[ignore = "make long"]
fn measure() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("measure-{}", std::process::id()));
    let store: Arc<dyn Store> = Arc::new(nologd::store::Embedded::open(&folder).unwrap());
    let book = Arc::new(Book::open(store.clone(), BookParams::default()).unwrap());
    let news = (0..300).map(|n| {
        let mut new = Association::new(name(&format!("asso{n}")), [domain(&format!("asso{n}.example"))]);
        (new.storage, new.mailbox_default) = (Limit::At(1 << 40), Limit::At(1 << 36));
        new
    });
    book.import_once(news.collect(), today()).unwrap();
    let mailboxes: Vec<_> = (0..30_000).map(|n| address(&format!("m{}@asso{}.example", n / 300, n % 300))).collect();
    mailboxes.iter().for_each(|mailbox| book.admit(mailbox).unwrap());
    let start = Instant::now();
    book.write_usage().unwrap();
    let mut report = BTreeMap::from([("write 30,000 usages, ms", start.elapsed().as_millis())]);
    for (label, threads) in [("reservations/s, 1 thread", 1), ("reservations/s, 2 threads", 2)] {
        let writer = UsageWriter::start(book.clone(), |_| Duration::from_millis(500)).unwrap();
        let (count, start) = (2_000_000u64, Instant::now());
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (book, mailboxes) = (&book, &mailboxes);
                scope.spawn(move || {
                    let mut random = Random(thread + 1);
                    for _ in 0..count / threads {
                        let mailbox = &mailboxes[random.below(30_000) as usize];
                        let _ = book.reserve(mailbox, Amount::message(1000), Origin::Member, today()).unwrap().commit();
                    }
                });
            }
        });
        report.insert(label, u128::from(count) * 1000 / start.elapsed().as_millis());
        drop(writer);
    }
    let start = Instant::now();
    book.remove_mailbox(&mailboxes[0], today()).unwrap();
    report.insert("remove one mailbox, ms", start.elapsed().as_millis());
    let start = Instant::now();
    book.set_mailbox(&mailboxes[1], Some(Limit::At(1)), today()).unwrap();
    report.insert("set one mailbox, us", start.elapsed().as_micros());
    drop((book, store));
    let _ = std::fs::remove_dir_all(folder);
    for (what, figure) in report {
        use std::io::Write;
        writeln!(std::io::stdout(), "{figure:>12}  {what}").unwrap();
    }
}
