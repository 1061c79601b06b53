//! What the book is told, case by case: hand-over and doubt, pauses, counts that overlap, pushes, moves, loads, and what open
//! sessions hear. The play of them all together is in `quota_truth.rs`.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use nologd::private::{Address, Domain};
use nologd::quota::{
    Amount, Association, Book, BookParams, Counted, Day, Edit, Limit, LoadOutcome, MailboxPlace, Name, Origin, OverQuota,
    Refreshed, Reservation, Speaker, State, StateEdit, Told, Turn, Verdict, Watch,
};
use nologd::store::{MemoryStore, Store};

const MIB: u64 = 1 << 20;

fn today() -> Day {
    Day::parse("2026-11-26").unwrap()
}

fn amis() -> Name {
    Name::parse("amis").unwrap()
}

fn mailbox(name: &str) -> Address {
    Address::parse(&format!("{name}@amis.example")).unwrap()
}

fn open(store: &Arc<dyn Store>) -> Book {
    Book::open(store.clone(), BookParams::default()).unwrap()
}

/// An association with the mailboxes `ann` and `bob`; `limit` octets each, and twice as much for both and others.
fn book(limit: u64) -> Book {
    let book = open(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>));
    let mut amis = Association::new(amis(), Domain::parse("amis.example"));
    (amis.mailbox_default, amis.storage) = (Limit::At(limit), Limit::At(2 * limit));
    book.add_association(amis, today()).unwrap();
    for name in ["ann", "bob"] {
        book.admit(&mailbox(name)).unwrap();
        count(&book, name, Amount::ZERO);
    }
    book
}

fn reserve(book: &Book, name: &str, octets: u64, way: Origin) -> Result<Reservation, Verdict> {
    book.reserve(&mailbox(name), Amount::message(octets), way, today())
}

fn write(book: &Book, name: &str, octets: u64) -> Reservation {
    reserve(book, name, octets, Origin::Member).unwrap()
}

fn handed_over(book: &Book, name: &str, octets: u64, way: Origin) -> Reservation {
    let mut reservation = reserve(book, name, octets, way).unwrap();
    reservation.handed_over();
    reservation
}

fn count(book: &Book, name: &str, seen: Amount) -> Refreshed {
    book.begin_refresh(&mailbox(name)).unwrap().finish(seen, today())
}

fn push(book: &Book, name: &str, octets: u64, messages: u64) {
    book.pushed(&mailbox(name), Some(octets), Some(messages));
}

/// Octets that are shown as used, and those that are set aside.
fn numbers(book: &Book, name: &str) -> (u64, u64) {
    let view = book.mailbox(&mailbox(name)).unwrap();
    (view.used.octets, view.reserved.octets)
}

fn ticks(book: &Book, count: u64) {
    (0..count).for_each(|_| book.tick());
}

fn poll(watch: &Watch) -> Poll<Told> {
    watch.poll(&mut Context::from_waker(Waker::noop()), today())
}

fn seen(book: &Book, name: &str) -> bool {
    book.is_seen(&mailbox(name))
}

#[test]
fn an_end_without_an_answer_is_a_release_before_the_hand_over_and_a_doubt_after_it() {
    let book = book(1000);
    drop(write(&book, "ann", 100));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((0, 0), true));
    drop(handed_over(&book, "ann", 100, Origin::Member));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((100, 0), false));
    handed_over(&book, "ann", 50, Origin::Member).release();
    assert_eq!(numbers(&book, "ann"), (100, 0));
    // It counts in every judgement, of the mailbox and of the association, and is shown.
    assert_eq!(reserve(&book, "ann", 901, Origin::Member).err(), Some(Verdict::MailboxFull));
    assert_eq!(book.association(&amis(), today()).unwrap().used.octets, 100);
    assert_eq!(book.fill(&mailbox("ann"), today()).unwrap().used.octets, 100);
    assert_eq!(book.mailbox(&mailbox("ann")).unwrap().doubt.octets, 100);
}

#[test]
fn a_doubt_ends_with_a_count_that_began_after_it() {
    let book = book(1000);
    let before = book.begin_refresh(&mailbox("ann")).unwrap();
    handed_over(&book, "ann", 100, Origin::Member).doubt();
    assert_eq!(before.finish(Amount::message(7), today()), Refreshed::Exact);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((107, 0), false));
    // One that is given up counts nothing.
    drop(book.begin_refresh(&mailbox("ann")));
    assert_eq!(numbers(&book, "ann"), (107, 0));
    assert_eq!(count(&book, "ann", Amount::message(7)), Refreshed::Exact);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((7, 0), true));
}

/// Whoever deleted and cannot count asks those who can; whoever can count and did not is not asked again by its own words.
#[test]
fn what_somebody_deleted_who_cannot_count_is_told_to_open_sessions() {
    let book = book(1000);
    let (watch, other) = (book.watch(&mailbox("ann")).unwrap(), book.watch(&mailbox("bob")).unwrap());
    book.unsee(&mailbox("ann"));
    assert!(poll(&watch).is_pending() && !seen(&book, "ann"));
    count(&book, "ann", Amount::ZERO);
    book.recount(&mailbox("ann"));
    assert!(!seen(&book, "ann") && watch.is_stirred() && !other.is_stirred());
    assert_eq!(poll(&watch), Poll::Ready(Told::Recount));
    assert!(poll(&watch).is_pending() && poll(&other).is_pending());
    // Nothing bounces for a number that may be too high.
    book.recount(&mailbox("nobody"));
}

#[test]
fn a_doubt_survives_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let book = open(&store);
    book.add_association(Association::new(amis(), Domain::parse("amis.example")), today()).unwrap();
    book.admit(&mailbox("ann")).unwrap();
    drop(handed_over(&book, "ann", 100, Origin::Member));
    book.write_usage().unwrap();
    // As it is written: rounded up.
    assert_eq!(numbers(&open(&store), "ann"), (64 << 10, 0));
}

#[test]
fn octets_that_do_not_come_are_let_go_and_judged_anew() {
    let book = book(1000);
    let mut slow = write(&book, "ann", 800);
    slow.pause();
    slow.pause();
    assert_eq!(numbers(&book, "ann"), (0, 0));
    let quick = write(&book, "ann", 300);
    assert_eq!(slow.resume(), Err(Verdict::MailboxFull));
    assert_eq!(numbers(&book, "ann"), (0, 300));
    drop(quick);
    assert_eq!(slow.resume(), Ok(()));
    assert_eq!(slow.resume(), Ok(()));
    assert_eq!(numbers(&book, "ann"), (0, 800));
    // What the backend has is not let go.
    slow.handed_over();
    slow.pause();
    assert_eq!(numbers(&book, "ann"), (0, 800));
    assert_eq!(slow.commit(), Counted::Once);
    assert_eq!(numbers(&book, "ann"), (800, 0));
    let mut paused = write(&book, "bob", 10);
    paused.pause();
    drop(paused);
    assert_eq!(numbers(&book, "bob"), (0, 0));
}

#[test]
fn what_members_announce_and_do_not_send_is_bounded() {
    let book = book(1 << 40);
    let mut first = write(&book, "ann", 60 * MIB);
    let mut second = write(&book, "ann", 4 * MIB);
    assert_eq!(reserve(&book, "ann", 1, Origin::Member).err(), Some(Verdict::TooManyWrites));
    assert_eq!(second.grow(Amount { octets: 1, messages: 0 }), Err(Verdict::TooManyWrites));
    assert_eq!(Verdict::TooManyWrites.code().word(), "TOO-MANY-WRITES");
    // Others are not concerned, nor incoming mail, nor what is handed over or let go.
    assert!(reserve(&book, "bob", MIB, Origin::Member).is_ok() && reserve(&book, "ann", MIB, Origin::Incoming).is_ok());
    first.handed_over();
    assert!(reserve(&book, "ann", 60 * MIB, Origin::Member).is_ok());
    second.pause();
    let large = write(&book, "ann", 64 * MIB);
    assert_eq!(second.resume(), Err(Verdict::TooManyWrites));
    drop((first, second, large));
    // One alone may be of any size: COPY announces nothing that it has to wait for.
    assert!(reserve(&book, "ann", 1 << 39, Origin::Member).is_ok());
    let roomy = Book::open(Arc::new(MemoryStore::new()), BookParams { largest: 100 * MIB, ..BookParams::default() }).unwrap();
    roomy.add_association(Association::new(amis(), Domain::parse("amis.example")), today()).unwrap();
    roomy.admit(&mailbox("ann")).unwrap();
    let both = [write(&roomy, "ann", 100 * MIB), write(&roomy, "ann", 100 * MIB)];
    assert_eq!(reserve(&roomy, "ann", 1, Origin::Member).err(), Some(Verdict::TooManyWrites));
    drop(both);
}

#[test]
fn a_write_that_a_count_overlaps_is_perhaps_there_twice() {
    let book = book(1000);
    assert_eq!(handed_over(&book, "ann", 1, Origin::Member).commit(), Counted::Once);
    assert!(seen(&book, "ann"));
    // A count under way; one that was finished meanwhile; one that was given up.
    let counting = book.begin_refresh(&mailbox("ann")).unwrap();
    assert_eq!(handed_over(&book, "ann", 2, Origin::Member).commit(), Counted::PerhapsTwice);
    assert_eq!(counting.finish(Amount { octets: 3, messages: 2 }, today()), Refreshed::Overlapped);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((5, 0), false));
    let open = handed_over(&book, "ann", 4, Origin::Member);
    assert_eq!(count(&book, "ann", Amount { octets: 7, messages: 3 }), Refreshed::Overlapped);
    assert_eq!(open.commit(), Counted::PerhapsTwice);
    assert_eq!(numbers(&book, "ann"), (11, 0));
    assert_eq!(count(&book, "ann", Amount { octets: 7, messages: 3 }), Refreshed::Exact);
    drop(book.begin_refresh(&mailbox("ann")));
    assert_eq!(handed_over(&book, "ann", 1, Origin::Member).commit(), Counted::Once);
}

#[test]
fn a_count_during_a_move_is_not_used() {
    let book = book(1000);
    count(&book, "ann", Amount::message(500));
    let shift = book.shift(&mailbox("ann"), Turn::Move).unwrap();
    assert_eq!(count(&book, "ann", Amount::ZERO), Refreshed::Disturbed);
    let begun = book.begin_refresh(&mailbox("ann")).unwrap();
    drop(shift);
    assert_eq!(begun.finish(Amount::ZERO, today()), Refreshed::Disturbed);
    let begun = book.begin_refresh(&mailbox("ann")).unwrap();
    drop(book.shift(&mailbox("ann"), Turn::Move));
    assert_eq!(begun.finish(Amount::ZERO, today()), Refreshed::Disturbed);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), false));
    assert_eq!(count(&book, "ann", Amount::message(500)), Refreshed::Exact);
    assert!(seen(&book, "ann"));
}

#[test]
fn a_push_during_a_move_only_raises() {
    let book = book(1000);
    push(&book, "ann", 500, 2);
    let shift = book.shift(&mailbox("ann"), Turn::Move).unwrap();
    push(&book, "ann", 300, 1);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), false));
    push(&book, "ann", 600, 3);
    drop(shift);
    push(&book, "ann", 300, 1);
    assert_eq!(numbers(&book, "ann"), (600, 0));
    ticks(&book, 2);
    push(&book, "ann", 500, 2);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), true));
}

/// The store of before goes on telling what it still has, and a count that began there may be answered late.
#[test]
fn what_is_told_of_a_mailbox_that_was_moved_is_not_believed() {
    let book = book(1000);
    push(&book, "ann", 500, 2);
    let begun = book.begin_refresh(&mailbox("ann")).unwrap();
    book.move_mailbox(&mailbox("ann"), Some(MailboxPlace::Backend("two".into())), today()).unwrap();
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), false));
    assert_eq!(begun.finish(Amount::ZERO, today()), Refreshed::Outdated);
    push(&book, "ann", 0, 0);
    assert!(book.load(&mailbox("ann"), Amount::ZERO, today()));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann"), book.is_pushed(&mailbox("ann"))), ((500, 0), false, false));
    assert_eq!(count(&book, "ann", Amount::message(300)), Refreshed::Exact);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((300, 0), true));
    // At home again its store is the one that pushes.
    book.move_mailbox(&mailbox("ann"), None, today()).unwrap();
    push(&book, "ann", 200, 1);
    assert_eq!(numbers(&book, "ann"), (200, 0));
}

/// Where it is known who speaks, only the backend that has the mailbox is believed, and the others say nothing of it.
#[test]
fn a_push_counts_where_the_mailbox_is() {
    let book = book(1000);
    let (one, two) = (Speaker { name: "one", is_default: true }, Speaker { name: "two", is_default: false });
    let push = |speaker, octets| book.pushed_by(Some(speaker), &mailbox("ann"), Some(octets), Some(1));
    let go = |place: Option<&str>| {
        let place = place.map_or(MailboxPlace::Nowhere, |name| MailboxPlace::Backend(name.into()));
        book.move_mailbox(&mailbox("ann"), Some(place), today()).unwrap();
    };
    push(one, 500);
    // Neither a number nor a wish for one: what another one holds is no reason to ask.
    push(two, 700);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), true));
    go(None);
    count(&book, "ann", Amount::message(500));
    [one, two].into_iter().for_each(|speaker| push(speaker, 0));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), true));
    go(Some("two"));
    ticks(&book, 44);
    count(&book, "ann", Amount::message(500));
    push(one, 0);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann"), book.is_pushed(&mailbox("ann"))), ((500, 0), true, false));
    push(two, 300);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann"), book.is_pushed(&mailbox("ann"))), ((300, 0), true, true));
    // All that is true of a push at home: incoming mail was pushed before it is committed, and counts once.
    let incoming = handed_over(&book, "ann", 50, Origin::Incoming);
    book.pushed_by(Some(two), &mailbox("ann"), Some(350), Some(2));
    assert_eq!((incoming.commit(), numbers(&book, "ann")), (Counted::Once, (350, 0)));
    // An association of a backend by its name: the default one has nothing of it.
    let edit = Edit { backend: Some("two".into()), ..Edit::default() };
    book.pushed_by(Some(one), &mailbox("bob"), Some(5), Some(1));
    let begun = book.begin_refresh(&mailbox("bob")).unwrap();
    book.set_association(&amis(), &edit, today()).unwrap();
    assert_eq!((seen(&book, "bob"), seen(&book, "ann")), (false, true), "ann was there before");
    assert_eq!(begun.finish(Amount::ZERO, today()), Refreshed::Outdated);
    ticks(&book, 44);
    book.pushed_by(Some(one), &mailbox("bob"), Some(9), Some(1));
    assert_eq!((numbers(&book, "bob"), seen(&book, "bob")), ((5, 0), false));
    book.pushed_by(Some(two), &mailbox("bob"), Some(9), Some(1));
    assert_eq!((numbers(&book, "bob"), seen(&book, "bob")), ((9, 0), true));
}

/// Whoever wrote the copy may still have a push of a part of it under way, and what was read by hand may be of a part too.
#[test]
fn half_a_copy_is_not_believed() {
    let book = book(1000);
    let two = Some(Speaker { name: "two", is_default: false });
    let _ = handed_over(&book, "ann", 500, Origin::Member).commit();
    let place = Some(MailboxPlace::Backend("two".into()));
    book.move_mailbox(&mailbox("ann"), Some(MailboxPlace::Nowhere), today()).unwrap();
    book.move_mailbox(&mailbox("ann"), place, today()).unwrap();
    book.pushed_by(two, &mailbox("ann"), Some(100), Some(1));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((500, 0), false));
    book.pushed_by(two, &mailbox("ann"), Some(600), None);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((600, 0), false));
    ticks(&book, 43);
    assert_eq!(book.load_by(two, &mailbox("ann"), Amount::message(100), today()), LoadOutcome::Taken);
    book.pushed_by(two, &mailbox("ann"), Some(100), Some(1));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((600, 0), false));
    ticks(&book, 1);
    book.pushed_by(two, &mailbox("ann"), Some(550), Some(1));
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((550, 0), true));
    // Without pushes, what is read is believed five minutes after the move, and not before.
    let place = Some(MailboxPlace::Backend("three".into()));
    let three = Some(Speaker { name: "three", is_default: false });
    book.move_mailbox(&mailbox("ann"), place, today()).unwrap();
    ticks(&book, 1199);
    assert_eq!(book.load_by(three, &mailbox("ann"), Amount::message(100), today()), LoadOutcome::Taken);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((550, 0), false));
    ticks(&book, 1);
    assert_eq!(book.load_by(three, &mailbox("ann"), Amount::message(100), today()), LoadOutcome::Taken);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((100, 0), true));
}

/// What is read at a backend is of the mailboxes that are there, and makes none that are not.
#[test]
fn what_is_loaded_counts_where_the_mailbox_is() {
    let book = book(1000);
    let (one, two) = (Some(Speaker { name: "one", is_default: true }), Some(Speaker { name: "two", is_default: false }));
    let load = |speaker, name, octets| book.load_by(speaker, &mailbox(name), Amount::message(octets), today());
    assert_eq!((load(two, "new", 7), book.mailbox(&mailbox("new")).is_some()), (LoadOutcome::Elsewhere, false));
    assert_eq!((load(one, "new", 7), numbers(&book, "new")), (LoadOutcome::Taken, (7, 0)));
    book.move_mailbox(&mailbox("ann"), Some(MailboxPlace::Nowhere), today()).unwrap();
    ticks(&book, 1200);
    for speaker in [None, one, two] {
        assert_eq!((load(speaker, "ann", 9), numbers(&book, "ann")), (LoadOutcome::Elsewhere, (0, 0)));
    }
    book.move_mailbox(&mailbox("ann"), Some(MailboxPlace::Backend("two".into())), today()).unwrap();
    ticks(&book, 1200);
    assert_eq!(
        [load(None, "ann", 9), load(one, "ann", 9), load(two, "ann", 8)],
        [LoadOutcome::Elsewhere, LoadOutcome::Elsewhere, LoadOutcome::Taken]
    );
    assert_eq!(numbers(&book, "ann"), (8, 0));
    let stranger = Address::parse("x@elsewhere.example").unwrap();
    assert_eq!(book.load_by(two, &stranger, Amount::ZERO, today()), LoadOutcome::Unknown);
}

/// Where an association is suspended by settings that are not those of this node.
#[test]
fn whole_associations_are_sent_away_by_their_domains() {
    let book = book(1000);
    let mut others = Association::new(Name::parse("others").unwrap(), Domain::parse("others.example"));
    others.domains.insert(Domain::parse("more.example").unwrap());
    book.add_association(others, today()).unwrap();
    let other = Address::parse("cleo@others.example").unwrap();
    book.admit(&other).unwrap();
    let watches = [mailbox("ann"), mailbox("bob"), other].map(|mailbox| book.watch(&mailbox).unwrap());
    assert!(watches.iter().all(|watch| poll(watch).is_pending()));
    let more = Domain::parse("more.example").unwrap();
    book.kick_where(|domain| *domain == more);
    assert!(watches[..2].iter().all(|watch| poll(watch).is_pending()) && poll(&watches[2]) == Poll::Ready(Told::Kicked));
}

/// A quota root with STORAGE only: the messages are those that the book knows, so that a limit on them holds.
#[test]
fn what_is_not_told_is_not_zero() {
    let book = book(100_000);
    let edit = Edit { messages: Some(Limit::At(3)), ..Edit::default() };
    book.set_association(&amis(), &edit, today()).unwrap();
    for octets in 1..=3 {
        let _ = handed_over(&book, "ann", 10, Origin::Member).commit();
        book.pushed(&mailbox("ann"), Some(10 * octets), None);
        ticks(&book, 5);
        assert_eq!(book.mailbox(&mailbox("ann")).unwrap().used, Amount { octets: 10 * octets, messages: octets });
    }
    assert_eq!(reserve(&book, "ann", 10, Origin::Member).err(), Some(Verdict::AssociationFull));
    let delivered = reserve(&book, "ann", 10, Origin::Incoming);
    assert_eq!(delivered.err(), Some(Verdict::AssociationFull));
    book.pushed(&mailbox("ann"), None, Some(1));
    book.pushed(&mailbox("ann"), None, None);
    assert_eq!(book.mailbox(&mailbox("ann")).unwrap().used, Amount { octets: 30, messages: 1 });
    book.pushed(&mailbox("nobody"), Some(7), Some(7));
    book.pushed(&Address::parse("x@elsewhere.example").unwrap(), Some(7), Some(7));
    assert!(book.mailbox(&mailbox("nobody")).is_none() && !book.is_pushed(&mailbox("bob")));
}

#[test]
fn a_push_replaces_and_what_came_at_the_same_time_is_added_until_it_rests() {
    let book = book(1000);
    push(&book, "ann", 100, 1);
    assert!(book.is_pushed(&mailbox("ann")) && seen(&book, "ann"));
    ticks(&book, 2);
    assert_eq!(handed_over(&book, "ann", 50, Origin::Member).commit(), Counted::Once);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), true));
    // Its own push says the same.
    push(&book, "ann", 150, 2);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), true));
    // Another that may hold it or not; nobody of ours has a session.
    push(&book, "ann", 120, 2);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((170, 0), false));
    ticks(&book, 4);
    assert_eq!(numbers(&book, "ann"), (150, 0), "the larger of those that may have overtaken each other");
    ticks(&book, 2);
    push(&book, "ann", 120, 2);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((120, 0), true));
    assert_eq!(book.association(&amis(), today()).unwrap().used.octets, 120);
}

/// APPEND and LOGOUT in one piece: the session's own push overtakes the answer, and nobody is left to count.
#[test]
fn an_own_push_that_came_before_the_answer_holds_what_was_stored() {
    let book = book(1000);
    for (name, closed_first) in [("ann", false), ("bob", true)] {
        let watch = book.watch(&mailbox(name)).unwrap();
        let appended = handed_over(&book, name, 50, Origin::Member);
        push(&book, name, 50, 1);
        assert_eq!(appended.commit(), Counted::PerhapsTwice);
        assert_eq!((numbers(&book, name), seen(&book, name)), ((100, 0), false));
        if closed_first {
            watch.closed();
            ticks(&book, 4);
        } else {
            // The push may have been another session's: this one's comes 10 s later.
            ticks(&book, 43);
            assert_eq!(numbers(&book, name), (100, 0));
            ticks(&book, 1);
        }
        assert_eq!((numbers(&book, name), seen(&book, name)), ((50, 0), true));
    }
    // Without any push since the hand-over it stays, however quiet it is.
    let _ = handed_over(&book, "bob", 50, Origin::Member).commit();
    ticks(&book, 99);
    assert_eq!((numbers(&book, "bob"), seen(&book, "bob")), ((100, 0), true));
}

/// MOVE and LOGOUT: the mover's own push comes shortly after its move, and nobody is left to count.
#[test]
fn a_movers_own_push_holds_everything_when_no_session_is_open_any_more() {
    let book = book(1000);
    push(&book, "ann", 100, 2);
    ticks(&book, 9);
    let watch = book.watch(&mailbox("ann")).unwrap();
    let shift = book.shift(&mailbox("ann"), Turn::Move).unwrap();
    let appended = handed_over(&book, "ann", 50, Origin::Member);
    push(&book, "ann", 80, 1);
    assert_eq!(appended.commit(), Counted::PerhapsTwice);
    drop(shift);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), false));
    ticks(&book, 2);
    push(&book, "ann", 150, 3);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), true));
    // The own push overtakes the answer, then the session ends.
    let shift = book.shift(&mailbox("ann"), Turn::Move).unwrap();
    let appended = handed_over(&book, "ann", 50, Origin::Member);
    push(&book, "ann", 200, 4);
    let _ = appended.commit();
    drop(shift);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((250, 0), false));
    ticks(&book, 99);
    assert_eq!((numbers(&book, "ann"), poll(&watch)), ((250, 0), Poll::Ready(Told::Recount)), "it counts, or ends");
    watch.closed();
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((200, 0), true));
    // A mover without a session here has 11 s.
    drop(book.shift(&mailbox("bob"), Turn::Move));
    push(&book, "bob", 70, 1);
    drop(book.shift(&mailbox("bob"), Turn::Move));
    push(&book, "bob", 40, 1);
    ticks(&book, 43);
    assert_eq!((numbers(&book, "bob"), seen(&book, "bob")), ((70, 0), false));
}

#[test]
fn a_count_that_a_push_has_overtaken_takes_nothing_away_and_adds_nothing_for_good() {
    let book = book(1000);
    push(&book, "ann", 100, 1);
    ticks(&book, 9);
    // The count has read the folder before the message came, the push after.
    let watch = book.watch(&mailbox("ann")).unwrap();
    let counting = book.begin_refresh(&mailbox("ann")).unwrap();
    let appended = handed_over(&book, "ann", 50, Origin::Member);
    push(&book, "ann", 150, 2);
    assert_eq!(counting.finish(Amount::message(100), today()), Refreshed::Overlapped);
    assert_eq!(appended.commit(), Counted::PerhapsTwice);
    watch.closed();
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), true));
    // Answered before the count is finished.
    let watch = book.watch(&mailbox("ann")).unwrap();
    let counting = book.begin_refresh(&mailbox("ann")).unwrap();
    let appended = handed_over(&book, "ann", 50, Origin::Member);
    push(&book, "ann", 200, 3);
    let _ = appended.commit();
    assert_eq!(counting.finish(Amount { octets: 200, messages: 3 }, today()), Refreshed::Overlapped);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((250, 0), false));
    watch.closed();
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((200, 0), true));
}

#[test]
fn a_doubt_ends_with_a_push_that_came_well_after_it() {
    let book = book(1000);
    handed_over(&book, "ann", 50, Origin::Member).doubt();
    push(&book, "ann", 0, 0);
    assert_eq!(numbers(&book, "ann"), (50, 0));
    ticks(&book, 4);
    push(&book, "ann", 0, 0);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((0, 0), true));
}

#[test]
fn a_push_that_a_count_has_overtaken_takes_nothing_away() {
    let book = book(1000);
    push(&book, "ann", 100, 1);
    // Stored, never answered, then counted; the push was said before.
    handed_over(&book, "ann", 50, Origin::Member).doubt();
    assert_eq!(count(&book, "ann", Amount { octets: 150, messages: 2 }), Refreshed::Exact);
    push(&book, "ann", 100, 1);
    assert_eq!(numbers(&book, "ann"), (150, 0));
    ticks(&book, 4);
    assert_eq!(numbers(&book, "ann"), (150, 0));
}

#[test]
fn incoming_mail_is_the_backends_number_where_it_pushes_and_wants_a_count_where_not() {
    let book = book(100_000);
    let watch = book.watch(&mailbox("bob")).unwrap();
    assert_eq!(handed_over(&book, "bob", 1224, Origin::Incoming).commit(), Counted::Once);
    assert_eq!((numbers(&book, "bob"), seen(&book, "bob")), ((1224, 0), false));
    assert_eq!(poll(&watch), Poll::Ready(Told::Recount));
    assert_eq!(poll(&watch), Poll::Pending);
    count(&book, "bob", Amount::message(405));
    push(&book, "ann", 1000, 1);
    let delivery = handed_over(&book, "ann", 1224, Origin::Incoming);
    push(&book, "ann", 1405, 2);
    assert_eq!(delivery.commit(), Counted::Once);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((1405, 0), true));
    // Two at once: each has its own push before its answer.
    let both = [1000, 2000].map(|octets| handed_over(&book, "ann", octets + 1024, Origin::Incoming));
    push(&book, "ann", 1405 + 1205, 3);
    push(&book, "ann", 1405 + 1205 + 2205, 4);
    // Whether the pushes hold both is seen when both have ended.
    assert_eq!(both.map(|delivery| delivery.commit()), [Counted::PerhapsTwice, Counted::Once]);
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((4815, 0), true));
    // The push does not come: what was set aside counts.
    let _ = handed_over(&book, "ann", 1224, Origin::Incoming).commit();
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((4815 + 1224, 0), false));
    push(&book, "ann", 5220, 5);
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((5220, 0), true));
}

/// A second before, two pushes came at about the same time, and the last said less: what is added now tells that it was the newer one.
#[test]
fn a_delivery_after_a_deletion_is_found_in_its_push() {
    let book = book(100_000);
    count(&book, "ann", Amount { octets: 9000, messages: 9 });
    push(&book, "ann", 9500, 10);
    push(&book, "ann", 4000, 4);
    ticks(&book, 3);
    let delivery = handed_over(&book, "ann", 2024, Origin::Incoming);
    push(&book, "ann", 5205, 5);
    assert_eq!(delivery.commit(), Counted::Once);
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((5205, 0), true));
}

/// The second is handed over between the push of the first and its end, so that one push comes for two that end.
#[test]
fn deliveries_one_into_the_other_are_found_in_their_pushes() {
    let book = book(100_000);
    count(&book, "ann", Amount { octets: 1000, messages: 1 });
    push(&book, "ann", 1000, 1);
    let first = handed_over(&book, "ann", 2024, Origin::Incoming);
    push(&book, "ann", 2205, 2);
    let second = handed_over(&book, "ann", 3024, Origin::Incoming);
    let _ = first.commit();
    push(&book, "ann", 4410, 3);
    assert_eq!(second.commit(), Counted::Once);
    ticks(&book, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((4410, 0), true));
}

/// The pushes of three hold two: one was stored while somebody had the INBOX locked. What a push before it lacked is no room for it.
#[test]
fn mail_that_no_push_holds_is_counted_until_one_comes_two_seconds_later() {
    let book = book(100_000);
    push(&book, "ann", 1000, 1);
    let three = [3024, 3024, 3024].map(|octets| handed_over(&book, "ann", octets, Origin::Incoming));
    push(&book, "ann", 3205, 2);
    push(&book, "ann", 5410, 3);
    push(&book, "ann", 5410, 3);
    assert_eq!(three.map(|delivery| delivery.commit()), [Counted::PerhapsTwice; 3]);
    ticks(&book, 4);
    assert!(numbers(&book, "ann").0 >= 7615 && !seen(&book, "ann"));
    push(&book, "ann", 5410, 3);
    assert!(numbers(&book, "ann").0 >= 7615 && !seen(&book, "ann"), "it may be locked still");
    ticks(&book, 8);
    push(&book, "ann", 7615, 4);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((7615, 0), true));
}

#[test]
fn only_what_is_stored_and_confirmed_refuses_mail_for_good() {
    let book = book(1000);
    let defers = |name: &str, octets: u64| {
        let amount = Amount::message(octets);
        let verdict = book.probe(&mailbox(name), amount, today()).err().unwrap();
        book.defers(OverQuota::default(), &mailbox(name), amount, verdict, today())
    };
    count(&book, "ann", Amount::message(900));
    assert!(!defers("ann", 200));
    let announced = write(&book, "ann", 50);
    assert!(defers("ann", 60) && !defers("ann", 101));
    announced.release();
    handed_over(&book, "ann", 90, Origin::Member).doubt();
    assert!(defers("ann", 60));
    // Something was deleted and nobody counted. Then an hour goes by.
    count(&book, "ann", Amount::message(900));
    book.unsee(&mailbox("ann"));
    assert!(defers("ann", 200));
    let watch = book.watch(&mailbox("ann")).unwrap();
    assert!(defers("ann", 200) && poll(&watch) == Poll::Ready(Told::Recount));
    count(&book, "ann", Amount::message(900));
    ticks(&book, 4 * 3600 - 1);
    assert!(!defers("ann", 200));
    ticks(&book, 1);
    assert!(defers("ann", 200) && !defers("ann", 1001));
    push(&book, "ann", 900, 1);
    ticks(&book, 4 * 3600);
    assert!(!defers("ann", 200));
    // The association: only what is confirmed in its mailboxes.
    count(&book, "bob", Amount::message(1100));
    assert!(!defers("nobody", 1));
    book.unsee(&mailbox("bob"));
    assert!(defers("nobody", 1));
}

#[test]
fn what_an_admin_loads_is_some_minutes_old() {
    let book = book(1000);
    assert!(book.load(&mailbox("new"), Amount::message(300), today()) && seen(&book, "new"));
    assert!(!book.load(&Address::parse("x@elsewhere.example").unwrap(), Amount::ZERO, today()));
    let _ = handed_over(&book, "new", 50, Origin::Member).commit();
    assert!(book.load(&mailbox("new"), Amount::message(340), today()));
    assert_eq!((numbers(&book, "new"), seen(&book, "new")), ((350, 0), false));
    ticks(&book, 1200);
    assert!(book.load(&mailbox("new"), Amount::message(340), today()));
    assert_eq!((numbers(&book, "new"), seen(&book, "new")), ((340, 0), true));
    push(&book, "new", 10, 1);
    assert!(book.load(&mailbox("new"), Amount::message(340), today()));
    assert_eq!(numbers(&book, "new"), (10, 0));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn open_sessions_hear_when_they_are_over() {
    let book = book(1000);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let rings = |watch: &Watch| {
        let told = watch.poll(&mut Context::from_waker(&waker), today());
        (told, bell.0.load(Ordering::SeqCst))
    };
    let set = |state| book.set_association(&amis(), &Edit { state: StateEdit::from(state), ..Edit::default() }, today()).unwrap();
    let ann = book.watch(&mailbox("ann")).unwrap();
    assert_eq!(rings(&ann), (Poll::Pending, 0));
    assert_eq!((book.kick(&mailbox("ann")), book.kick(&mailbox("bob")), book.kick(&mailbox("nobody"))), (1, 0, 0));
    assert_eq!(rings(&ann), (Poll::Ready(Told::Kicked), 1));
    assert_eq!(rings(&ann), (Poll::Pending, 1));
    set(State::ReadOnly);
    assert_eq!(rings(&ann), (Poll::Pending, 2));
    set(State::Suspended);
    let suspended = Poll::Ready(Told::Ended(Verdict::Suspended));
    assert_eq!(rings(&ann), (suspended, 3));
    assert_eq!(rings(&ann).0, suspended);
    set(State::LeavingUntil(today()));
    assert_eq!(rings(&ann).0, Poll::Pending);
    // The last day ends.
    let before = bell.0.load(Ordering::SeqCst);
    let tomorrow = Day::parse("2026-11-27").unwrap();
    book.review(tomorrow);
    assert_eq!(bell.0.load(Ordering::SeqCst), before + 1);
    assert_eq!(ann.poll(&mut Context::from_waker(&waker), tomorrow), suspended);
    set(State::Active);
    let bob = book.watch(&mailbox("bob")).unwrap();
    assert_eq!((rings(&ann).0, rings(&bob).0), (Poll::Pending, Poll::Pending));
    let before = bell.0.load(Ordering::SeqCst);
    let open = handed_over(&book, "ann", 10, Origin::Member);
    book.remove_mailbox(&mailbox("ann"), today()).unwrap();
    let removed = Poll::Ready(Told::Ended(Verdict::Unknown));
    assert_eq!(rings(&ann), (removed, before + 1));
    assert_eq!(open.commit(), Counted::Once);
    // A mailbox of the same name is another one.
    book.admit(&mailbox("ann")).unwrap();
    assert_eq!((rings(&ann).0, book.kick(&mailbox("ann")), numbers(&book, "ann")), (removed, 0, (0, 0)));
    book.remove_association(&amis(), true, today()).unwrap();
    assert_eq!(rings(&bob).0, removed);
    drop(ann);
    assert!(book.watch(&mailbox("bob")).is_none());
}

/// Ann's number is not sure, Bob's is; both have told what they have.
fn pushed_and_wanting() -> Book {
    let book = book(1000);
    for name in ["ann", "bob"] {
        assert!(book.admit(&mailbox(name)).is_ok());
        push(&book, name, 300, 3);
    }
    ticks(&book, 9);
    // By POP3 perhaps.
    book.recount(&mailbox("ann"));
    assert_eq!([seen(&book, "ann"), seen(&book, "bob")], [false, true]);
    book
}

#[test]
fn whoever_counts_everybody_is_believed_of_those_that_want_it_alone() {
    let book = pushed_and_wanting();
    let mut counts = book.count_wanted(None);
    for row in ["bob@amis.example", "x@amis.example", "x@elsewhere.example", "ann+tag@amis.example"] {
        counts.told(&Address::parse(row).unwrap(), Amount::ZERO, today());
    }
    assert_eq!([numbers(&book, "ann"), numbers(&book, "bob")], [(300, 0), (300, 0)]);
    assert!(book.mailbox(&mailbox("x")).is_none());
    counts.told(&mailbox("ann"), Amount { octets: 100, messages: 1 }, today());
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((100, 0), true));
    // Once.
    counts.told(&mailbox("ann"), Amount::ZERO, today());
    assert_eq!(numbers(&book, "ann"), (100, 0));
    // Nobody wants one now, also after long, when both rest; but who wants one still does then.
    book.recount(&mailbox("bob"));
    ticks(&book, 8 * 3600);
    book.settle();
    let mut counts = book.count_wanted(None);
    ["ann", "bob"].iter().for_each(|name| counts.told(&mailbox(name), Amount::message(200), today()));
    assert_eq!([numbers(&book, "ann"), numbers(&book, "bob")], [(100, 0), (200, 0)]);
}

#[test]
fn what_comes_while_everybody_is_counted_is_not_lost() {
    // Around nologd, and pushed; the storage was asked before that.
    let book = pushed_and_wanting();
    let mut counts = book.count_wanted(None);
    push(&book, "ann", 350, 4);
    counts.told(&mailbox("ann"), Amount::message(300), today());
    assert_eq!(numbers(&book, "ann"), (350, 0));
    // By a member, whose push is still to come.
    let book = pushed_and_wanting();
    let (mut counts, appended) = (book.count_wanted(None), handed_over(&book, "ann", 50, Origin::Member));
    let _ = appended.commit();
    counts.told(&mailbox("ann"), Amount::message(100), today());
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), false));
    // Delivered, where nobody pushes; and where the storage may not have looked at what came just before.
    let book = self::book(1000);
    let _ = handed_over(&book, "ann", 70, Origin::Incoming).commit();
    let (mut counts, delivered) = (book.count_wanted(None), handed_over(&book, "ann", 50, Origin::Incoming));
    let _ = delivered.commit();
    counts.told(&mailbox("ann"), Amount::ZERO, today());
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((120, 0), false));
    // A message that changes its folder is in neither.
    let book = pushed_and_wanting();
    let (mut counts, moving) = (book.count_wanted(None), book.shift(&mailbox("ann"), Turn::Move));
    counts.told(&mailbox("ann"), Amount::ZERO, today());
    assert_eq!(numbers(&book, "ann"), (300, 0));
    drop(moving);
    // Deleted, and nobody has told by how much.
    let book = pushed_and_wanting();
    let mut counts = book.count_wanted(None);
    book.recount(&mailbox("ann"));
    counts.told(&mailbox("ann"), Amount::message(300), today());
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((300, 0), false));
}

#[test]
fn counts_of_everybody_end_by_themselves_and_the_newest_holds() {
    let book = pushed_and_wanting();
    drop(book.count_wanted(None));
    let appended = handed_over(&book, "ann", 1, Origin::Member);
    assert_eq!(appended.commit(), Counted::Once, "no count is under way");
    let book = pushed_and_wanting();
    let (mut first, mut second) = (book.count_wanted(None), book.count_wanted(None));
    second.told(&mailbox("ann"), Amount::message(100), today());
    first.told(&mailbox("ann"), Amount::message(200), today());
    assert_eq!(numbers(&book, "ann"), (100, 0));
    // Of another backend than the one that was asked; it got there meanwhile; it is gone.
    let two = Speaker { name: "two", is_default: false };
    let book = pushed_and_wanting();
    book.count_wanted(Some(two)).told(&mailbox("ann"), Amount::ZERO, today());
    let mut counts = book.count_wanted(None);
    book.move_mailbox(&mailbox("ann"), Some(MailboxPlace::Backend("two".into())), today()).unwrap();
    counts.told(&mailbox("ann"), Amount::ZERO, today());
    book.count_wanted(None).told(&mailbox("ann"), Amount::ZERO, today());
    assert_eq!(numbers(&book, "ann"), (300, 0));
    book.count_wanted(Some(two)).told(&mailbox("ann"), Amount::message(7), today());
    assert_eq!(numbers(&book, "ann"), (7, 0));
    let book = pushed_and_wanting();
    let mut counts = book.count_wanted(None);
    assert!(book.remove_mailbox(&mailbox("ann"), today()).is_ok());
    counts.told(&mailbox("ann"), Amount::message(9), today());
    assert!(book.mailbox(&mailbox("ann")).is_none());
}

/// Mail that came around nologd, said by a push between the count's look and its answer.
#[test]
fn a_push_that_says_more_than_the_count_that_it_came_beside_is_not_forgotten() {
    let book = book(1000);
    push(&book, "ann", 100, 1);
    ticks(&book, 9);
    let counting = book.begin_refresh(&mailbox("ann")).unwrap();
    push(&book, "ann", 150, 2);
    let _ = counting.finish(Amount::message(100), today());
    ticks(&book, 9);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), false));
    assert_eq!(count(&book, "ann", Amount { octets: 150, messages: 2 }), Refreshed::Exact);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), true));
    // Deleted after the push was said: the count has it, and the next one says so.
    let counting = book.begin_refresh(&mailbox("ann")).unwrap();
    push(&book, "ann", 150, 2);
    assert_eq!(counting.finish(Amount::message(100), today()), Refreshed::AtMost);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((150, 0), false));
    assert_eq!(count(&book, "ann", Amount::message(100)), Refreshed::Exact);
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((100, 0), true));
}

/// Of a storage that is not mounted doveadm says that there is nothing, and ends well.
#[test]
fn that_there_is_nothing_is_believed_where_somebody_deleted() {
    let book = book(1000);
    let _ = handed_over(&book, "ann", 300, Origin::Incoming).commit();
    ticks(&book, 60);
    let told_nothing = || book.count_wanted(None).told(&mailbox("ann"), Amount::ZERO, today());
    told_nothing();
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((300, 0), false));
    book.recount(&mailbox("ann"));
    told_nothing();
    assert_eq!((numbers(&book, "ann"), seen(&book, "ann")), ((0, 0), true));
}
