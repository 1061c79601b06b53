//! The book against a truthful backend, played in milliseconds with a seed: IMAP sessions that append, copy, move, expunge, count
//! and are cut, deliveries, deletions by other ways, pushes that overtake each other, counts that read one folder after the other.
//! At every moment the book is not below what came through it and was answered; at rest it says what the backend says, or knows
//! that it does not. docs/quota.md has the reasoning.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, BookParams, Counted, Day, Name, Origin, Reservation, Told, Turn, Watch};
use nologd::store::MemoryStore;

use crate::random::Random;

/// Milliseconds.
type Time = u64;
type Act = Box<dyn FnOnce(&mut World)>;

/// Of each kind; [`many_lives`] are for whoever changes a rule.
const LIVES: u64 = 700;
const TICK: Time = 250;
/// How long everybody is busy, and what happens then.
const BUSY: Time = 40_000;
/// A delivery is set aside with as much on top as any backend writes, and this one writes less.
const ON_TOP: u64 = 1024;
const WRITTEN: u64 = 205;

/// A rule of docs/quota.md that is not kept: then the book must be found wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    No,
    /// A move is not told.
    Moves,
    /// Without an answer, the space is given back.
    Doubts,
    /// A count begins, for the book, when its answer is there.
    Begins,
}

struct World {
    book: Rc<Book>,
    now: Time,
    serial: u64,
    messages: u64,
    queue: BinaryHeap<Reverse<(Time, u64)>>,
    acts: BTreeMap<u64, Act>,
    random: Random,
    /// What the backend holds: sizes, by folder.
    folders: [Vec<u64>; 3],
    /// Between two folders.
    moving: Vec<u64>,
    /// Stored, and not answered yet.
    unanswered: Vec<u64>,
    sessions: Vec<Session>,
    pushes: bool,
    /// The machine has more to do than it can: some pushes take most of a second. Then the book may be below the truth for a moment.
    crowded: bool,
    broken: Broken,
    failed: Option<String>,
    /// What happened, for whoever looks for a fault.
    recent: Vec<String>,
    noting: bool,
}

#[derive(Default)]
struct Session {
    watch: Option<Watch>,
    /// Commands and counts under way.
    busy: usize,
    /// It has changed something and not pushed; which change, so that an old timer is known.
    unpushed: Option<u64>,
    wants_count: bool,
    ends: bool,
}

fn me() -> Address {
    Address::parse("m@amis.example").unwrap()
}

fn today() -> Day {
    Day::parse("2026-11-26").unwrap()
}

fn sum(sizes: &[u64]) -> Amount {
    Amount { octets: sizes.iter().sum(), messages: sizes.len() as u64 }
}

impl World {
    fn new(seed: u64, pushes: bool, broken: Broken) -> World {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams { largest: 1 << 40, ..BookParams::default() }).unwrap();
        let amis = Association::new(Name::parse("amis").unwrap(), Domain::parse("amis.example"));
        book.add_association(amis, today()).unwrap();
        book.admit(&me()).unwrap();
        World {
            book: Rc::new(book),
            now: 0,
            serial: 0,
            messages: 0,
            queue: BinaryHeap::new(),
            acts: BTreeMap::new(),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            folders: Default::default(),
            moving: Vec::new(),
            unanswered: Vec::new(),
            sessions: Vec::new(),
            pushes,
            crowded: false,
            broken,
            failed: None,
            recent: Vec::new(),
            noting: false,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.random.next() >> 8) % end
    }

    fn after(&mut self, wait: Time, act: impl FnOnce(&mut World) + 'static) {
        self.serial += 1;
        self.queue.push(Reverse((self.now + wait, self.serial)));
        self.acts.insert(self.serial, Box::new(act));
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.noting {
            self.recent.push(format!("{:>6} {}", self.now, what()));
        }
    }

    fn truth(&self) -> Amount {
        let folders = self.folders.iter().map(|folder| sum(folder));
        folders.fold(sum(&self.moving), Amount::plus)
    }

    /// Plays up to `end`.
    fn play(&mut self, end: Time) {
        while let Some(Reverse((at, serial))) = self.queue.peek().copied() {
            if at > end || self.failed.is_some() {
                break;
            }
            self.queue.pop();
            self.now = at;
            let act = self.acts.remove(&serial).unwrap();
            act(self);
            self.check();
        }
        self.now = end;
    }

    fn check(&mut self) {
        let view = self.book.mailbox(&me()).unwrap();
        let (truth, unanswered) = (self.truth(), sum(&self.unanswered));
        let covers = |all: Amount, part: Amount| all.octets >= part.octets && all.messages >= part.messages;
        let answered = truth.minus(unanswered);
        if self.crowded {
            return;
        }
        if !covers(view.used, answered) || !covers(view.used.plus(view.reserved), truth) {
            let told = format!("{:?} + {:?} below {truth:?}, of which not answered {unanswered:?}", view.used, view.reserved);
            self.failed = Some(format!("{told}\n{}", self.recent.join("\n")));
        }
    }

    /// Mostly a little, sometimes long.
    fn slow(&mut self, most: Time) -> Time {
        if self.below(12) == 0 { self.below(4000) } else { self.below(most) }
    }

    /// No two are of one size, also with what is written on top.
    fn message(&mut self) -> u64 {
        self.messages += 1;
        self.messages * 2048 + self.below(1800)
    }
}

/// What the backend does by itself.
impl World {
    fn store(&mut self, sizes: &[u64]) {
        let folder = self.below(3) as usize;
        self.folders[folder].extend_from_slice(sizes);
        self.unanswered.extend_from_slice(sizes);
    }

    fn answered(&mut self, sizes: &[u64]) {
        for size in sizes {
            let at = self.unanswered.iter().position(|one| one == size).unwrap();
            self.unanswered.swap_remove(at);
        }
    }

    fn expunge(&mut self) {
        let folder = self.below(3) as usize;
        for _ in 0..=self.below(3) {
            let count = self.folders[folder].len() as u64;
            if count > 0 {
                let at = self.below(count) as usize;
                let size = self.folders[folder].swap_remove(at);
                // Deleted by one session before the other, that stored it, was answered.
                if !self.folders.iter().flatten().any(|one| *one == size) {
                    self.unanswered.retain(|one| *one != size);
                }
            }
        }
    }

    /// Says what there is now; it arrives a little later. `then` happens behind it.
    fn push(&mut self, then: impl FnOnce(&mut World) + 'static) {
        if !self.pushes {
            return then(self);
        }
        let said = self.folders.iter().map(|folder| sum(folder)).fold(Amount::ZERO, Amount::plus);
        let wait = if self.crowded && self.below(6) == 0 { self.below(900) } else { self.below(25) };
        self.note(|| format!("push {said:?} on its way"));
        self.after(wait, move |world| {
            world.note(|| format!("push {said:?}"));
            world.book.pushed(&me(), Some(said.octets), Some(said.messages));
            then(world);
        });
    }

    /// Another program deletes.
    fn around(&mut self) {
        self.expunge();
        self.push(|_| {});
    }

    fn deliver(&mut self) {
        let size = self.message();
        let amount = Amount::message(size + ON_TOP);
        let Ok(mut room) = self.book.reserve(&me(), amount, Origin::Incoming, today()) else { return };
        let wait = self.slow(30);
        self.after(wait, move |world| {
            if world.below(10) == 0 {
                return drop(room);
            }
            room.handed_over();
            world.note(|| format!("delivery of {size} handed over"));
            let wait = world.slow(20);
            world.after(wait, move |world| world.delivered(room, size));
        });
    }

    fn delivered(&mut self, room: Reservation, size: u64) {
        let lost = self.below(8) == 0;
        let size = size + WRITTEN;
        if lost && self.below(2) == 0 {
            return self.give_up(room);
        }
        self.store(&[size]);
        self.note(|| format!("stored {size}"));
        let wait = self.below(3);
        self.after(wait, move |world| {
            world.push(move |world| {
                let wait = world.below(5);
                world.after(wait, move |world| {
                    world.note(|| format!("answered {size}, {lost}"));
                    world.answered_if_there(size);
                    if lost {
                        world.give_up(room);
                    } else {
                        let _ = room.commit();
                    }
                });
            });
        });
    }

    fn answered_if_there(&mut self, size: u64) {
        if self.unanswered.contains(&size) {
            self.answered(&[size]);
        }
    }

    fn give_up(&mut self, room: Reservation) {
        self.note(|| "no answer".into());
        if self.broken == Broken::Doubts {
            room.release();
        } else {
            room.doubt();
        }
    }
}

/// What sessions do.
impl World {
    fn open(&mut self) {
        let wants_count = !self.book.is_seen(&me());
        self.sessions.push(Session { watch: self.book.watch(&me()), wants_count, ..Session::default() });
    }

    fn changed(&mut self, session: usize) {
        if self.sessions[session].unpushed.is_some() {
            return;
        }
        let change = self.serial;
        self.sessions[session].unpushed = Some(change);
        self.after(10_000, move |world| {
            if world.sessions[session].unpushed == Some(change) {
                world.flush(session);
            }
        });
    }

    fn flush(&mut self, session: usize) {
        if self.sessions[session].unpushed.take().is_some() {
            self.push(|_| {});
        }
    }

    fn command(&mut self, session: usize) {
        if self.sessions[session].watch.is_none() || self.sessions[session].ends {
            return;
        }
        match self.below(10) {
            0..=4 => self.append(session),
            5 | 6 => self.delete(session),
            7 => self.shift(session),
            8 => self.sessions[session].wants_count = true,
            _ => self.sessions[session].ends = self.below(3) == 0,
        }
        self.rest(session);
    }

    /// APPEND and COPY.
    fn append(&mut self, session: usize) {
        let count = 1 + self.below(3);
        let sizes: Vec<u64> = (0..count).map(|_| self.message()).collect();
        let Ok(mut room) = self.book.reserve(&me(), sum(&sizes), Origin::Member, today()) else { return };
        self.sessions[session].busy += 1;
        if self.below(4) == 0 {
            room.pause();
        }
        let wait = self.below(600);
        self.after(wait, move |world| {
            room.resume().unwrap();
            if world.below(8) == 0 {
                // Not all of it came.
                drop(room);
                return world.done(session);
            }
            room.handed_over();
            world.note(|| format!("{session} handed over {sizes:?}"));
            let wait = world.slow(30);
            world.after(wait, move |world| world.executed(session, room, sizes));
        });
    }

    fn executed(&mut self, session: usize, room: Reservation, sizes: Vec<u64>) {
        match self.below(12) {
            0 => {
                room.release();
            }
            1 => self.cut(session, room),
            fate => {
                self.store(&sizes);
                self.note(|| format!("{session} stored {sizes:?}"));
                self.changed(session);
                let wait = self.slow(10);
                return self.after(wait, move |world| {
                    sizes.iter().for_each(|size| world.answered_if_there(*size));
                    world.note(|| format!("{session} answered {sizes:?}"));
                    match fate {
                        2 => world.cut(session, room),
                        _ => world.sessions[session].wants_count |= room.commit() == Counted::PerhapsTwice,
                    }
                    world.done(session);
                });
            }
        }
        self.done(session);
    }

    /// The backend's connection is lost: its process ends, and pushes what it changed.
    fn cut(&mut self, session: usize, room: Reservation) {
        self.give_up(room);
        self.sessions[session].ends = true;
    }

    fn delete(&mut self, session: usize) {
        self.sessions[session].busy += 1;
        let wait = self.slow(30);
        self.after(wait, move |world| {
            world.expunge();
            world.note(|| format!("{session} expunged"));
            world.changed(session);
            let wait = world.below(10);
            world.after(wait, move |world| {
                // Where nobody pushes, what shrinks is counted, or known not to be.
                if !world.pushes {
                    world.sessions[session].wants_count = true;
                    world.book.unsee(&me());
                }
                world.done(session);
            });
        });
    }

    fn shift(&mut self, session: usize) {
        let (from, to) = (self.below(3) as usize, self.below(3) as usize);
        self.sessions[session].busy += 1;
        let told = (self.broken != Broken::Moves).then(|| self.book.shift(&me(), Turn::Move));
        let wait = self.below(20);
        self.after(wait, move |world| {
            let moved = world.folders[from].pop();
            world.moving.extend(moved);
            world.note(|| format!("{session} moves {moved:?}"));
            world.changed(session);
            let wait = world.below(30);
            world.after(wait, move |world| {
                if let Some(size) = moved {
                    let at = world.moving.iter().position(|one| *one == size).unwrap();
                    world.moving.swap_remove(at);
                    world.folders[to].push(size);
                }
                let wait = world.below(10);
                world.after(wait, move |world| {
                    drop(told);
                    world.note(|| format!("{session} moved"));
                    world.done(session);
                });
            });
        });
    }

    fn done(&mut self, session: usize) {
        self.sessions[session].busy -= 1;
        self.rest(session);
    }

    /// Nothing is under way: time to count, or to end.
    fn rest(&mut self, session: usize) {
        let Some(watch) = &self.sessions[session].watch else { return };
        if self.sessions[session].busy > 0 {
            return;
        }
        let told = watch.poll(&mut Context::from_waker(Waker::noop()), today()) == Poll::Ready(Told::Recount);
        if (told || self.sessions[session].wants_count) && (!self.pushes || !self.book.is_seen(&me())) {
            self.sessions[session].wants_count = false;
            return self.count(session);
        }
        if self.sessions[session].ends {
            self.sessions[session].busy += 1;
            let wait = self.below(5);
            self.after(wait, move |world| {
                let watch = world.sessions[session].watch.take();
                // A connection that rests in the pool goes on, and pushes when it must.
                if world.below(3) > 0 {
                    let wait = 2 + world.below(5);
                    world.after(wait, move |world| world.flush(session));
                    watch.unwrap().closed();
                }
                world.note(|| format!("{session} ended"));
            });
        }
    }

    /// One folder after the other.
    fn count(&mut self, session: usize) {
        self.sessions[session].busy += 1;
        let begun = (self.broken != Broken::Begins).then(|| self.book.begin_refresh(&me()).unwrap());
        let seen = Rc::new(RefCell::new(Amount::ZERO));
        let mut at = 0;
        for folder in 0..3 {
            at += self.below(15);
            let seen = seen.clone();
            self.after(at, move |world| {
                let more = sum(&world.folders[folder]);
                seen.replace_with(|seen| seen.plus(more));
            });
        }
        at += self.below(10);
        self.after(at, move |world| {
            let begun = begun.unwrap_or_else(|| world.book.begin_refresh(&me()).unwrap());
            let seen = *seen.borrow();
            let refreshed = begun.finish(seen, today());
            world.note(|| format!("{session} counted {seen:?}: {refreshed:?}"));
            world.done(session);
        });
    }
}

/// How it went.
#[derive(Default)]
struct Seen {
    runs: u64,
    /// Of these, how many said the truth a good second after the end, and how many knew that they might not.
    equal: u64,
    unsure: u64,
}

/// One life; a failure is played again, and tells what happened.
fn live(seed: u64, pushes: bool, broken: Broken, seen: &mut Seen) -> Result<(), String> {
    again_where_it_fails(seed, seen, || World::new(seed, pushes, broken))
}

fn again_where_it_fails(seed: u64, seen: &mut Seen, world: impl Fn() -> World) -> Result<(), String> {
    live_once(world(), seed, seen).or_else(|_| {
        let world = world();
        live_once(World { noting: world.broken == Broken::No, ..world }, seed, seen)
    })
}

/// Everybody is busy, then rests.
fn live_once(mut world: World, seed: u64, seen: &mut Seen) -> Result<(), String> {
    let first = world.book.begin_refresh(&me()).unwrap();
    assert!(world.book.is_seen(&me()) || first.finish(Amount::ZERO, today()) == nologd::quota::Refreshed::Exact);
    (1..=(BUSY + 20_000) / TICK).for_each(|tick| world.after(tick * TICK - 1, |world| world.book.tick()));
    let (pace, people) = ([60, 400, 3000][world.below(3) as usize], 1 + world.below(4) as usize);
    let alone = world.crowded && world.below(2) == 0;
    let mut at = 0;
    while at < BUSY {
        at += world.below(pace);
        world.after(at, move |world| match world.below(8) {
            0 => world.deliver(),
            1 if world.pushes && (alone || world.below(3) == 0) => world.around(),
            _ if alone => {}
            _ => {
                let open: Vec<_> = (0..world.sessions.len()).filter(|one| world.sessions[*one].watch.is_some()).collect();
                if open.len() < people {
                    world.open();
                } else {
                    let session = open[world.below(open.len() as u64) as usize];
                    world.command(session);
                }
            }
        });
    }
    // From here on, sessions that stay open only do what they must.
    let stays = world.below(2) == 0;
    world.after(BUSY + 6_000, move |world| {
        for session in 0..world.sessions.len() {
            world.sessions[session].ends |= !stays;
            world.rest(session);
        }
    });
    // They look whether something is told.
    for at in 0..70 {
        world.after(BUSY + 6_100 + at * 200, |world| (0..world.sessions.len()).for_each(|session| world.rest(session)));
    }
    world.play(BUSY + 6_000 + 1_500);
    let equal = |world: &World| world.book.mailbox(&me()).unwrap().used == world.truth();
    seen.runs += 1;
    seen.equal += u64::from(equal(&world));
    seen.unsure += u64::from(!equal(&world) && !world.book.is_seen(&me()));
    world.play(BUSY + 20_000);
    if let Some(failed) = world.failed {
        return Err(format!("seed {seed}: {failed}"));
    }
    let view = world.book.mailbox(&me()).unwrap();
    if view.reserved != Amount::ZERO {
        return Err(format!("seed {seed}: {:?} stay set aside", view.reserved));
    }
    if view.seen && view.used != world.truth() {
        let (used, truth) = (view.used, world.truth());
        return Err(format!("seed {seed}: at rest it says {used:?}, truth is {truth:?}\n{}", world.recent.join("\n")));
    }
    if !view.seen && world.sessions.iter().any(|session| session.watch.is_some()) {
        return Err(format!("seed {seed}: nobody of those who could counted\n{}", world.recent.join("\n")));
    }
    Ok(())
}

fn lives(pushes: bool, seeds: std::ops::Range<u64>) -> Seen {
    let mut seen = Seen::default();
    for seed in seeds {
        live(seed, pushes, Broken::No, &mut seen).unwrap();
    }
    seen
}

#[test]
fn a_book_that_is_pushed_is_never_below_the_truth() {
    let seen = lives(true, 0..LIVES);
    // The others wait for the push of a session that is open, or know that they are not sure.
    assert!(100 * seen.equal >= 95 * seen.runs, "only {} of {} were equal soon", seen.equal, seen.runs);
    assert!(100 * seen.unsure <= 3 * seen.runs, "{} of {} were not sure", seen.unsure, seen.runs);
}

/// Pushes of two processes overtake each other by as long as one of them waits for its turn: the later one is not taken for the newer one.
#[test]
fn a_push_that_was_overtaken_is_not_believed_for_ever() {
    let mut seen = Seen::default();
    for seed in 0..LIVES {
        again_where_it_fails(seed, &mut seen, || World { crowded: true, ..World::new(seed, true, Broken::No) }).unwrap();
    }
    // Where nobody has a session, nobody can count.
    assert_eq!(seen.runs, LIVES);
    assert!(100 * seen.equal >= 60 * seen.runs, "only {} of {} were equal soon", seen.equal, seen.runs);
}

#[test]
fn a_book_that_asks_is_never_below_the_truth() {
    let seen = lives(false, 0..LIVES);
    assert!(100 * seen.equal >= 90 * seen.runs, "only {} of {} were equal soon", seen.equal, seen.runs);
    assert_eq!(seen.equal + seen.unsure, seen.runs);
}

/// `make long LONG=many_lives`: a minute.
#[test]
#[ignore = "make long"]
fn many_lives() {
    lives(true, LIVES..10_000);
    lives(false, LIVES..10_000);
}

/// The play finds a book, or a session, that does not keep the rules.
#[test]
fn a_broken_rule_is_found() {
    for broken in [Broken::Moves, Broken::Doubts, Broken::Begins] {
        let found = |pushes| (0..300).any(|seed| live(seed, pushes, broken, &mut Seen::default()).is_err());
        assert!(found(false), "{broken:?}");
    }
    assert!((0..300).any(|seed| live(seed, true, Broken::Doubts, &mut Seen::default()).is_err()));
}
