//! One that rests whenever it can, beside one that never does, through the same random course: nobody can tell them apart.

use super::super::count::Begun;
use super::super::pulse::FLUSH;
use super::super::tally::{Held, Tally};
use super::super::{Counted, Origin, Refreshed, Released};
use super::*;

/// The same mailbox twice.
#[derive(Default)]
struct Twins {
    one: Tally,
    other: Tally,
    now: Tick,
    rests: u64,
}

/// What somebody sees of it.
type Seen = ([Amount; 5], [bool; 6], u64);

fn seen(tally: &Tally, now: Tick) -> Seen {
    (
        [tally.shown(), tally.used, tally.open, tally.proven(now), tally.sure()],
        [
            tally.is_seen(),
            tally.is_confirmed(),
            tally.is_unsettled(),
            tally.wanted,
            tally.push.is_some(),
            tally.is_shifting(now) || tally.is_arriving(now) || !tally.is_unwatched(now),
        ],
        tally.renames,
    )
}

impl Twins {
    #[track_caller]
    fn both<T: PartialEq>(&mut self, mut work: impl FnMut(&mut Tally, usize) -> T) -> T {
        let (done, again) = (work(&mut self.one, 0), work(&mut self.other, 1));
        assert!(done == again);
        done
    }

    /// Time goes on; who can rests, and wakes up at once.
    fn rest(&mut self) {
        if let Some(rested) = self.other.rest(self.now) {
            let before = (self.other.shown(), self.other.is_confirmed(), self.other.is_seen(), self.other.proven(self.now));
            assert!(before == (rested.used(), rested.is_confirmed(), rested.is_seen(), rested.proven()));
            assert_eq!((rested.is_pushed(), rested.renames()), (self.other.push.is_some(), self.other.renames));
            self.other = rested.tally();
            self.rests += 1;
        }
        assert_eq!(seen(&self.one, self.now), seen(&self.other, self.now));
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const TURNS: [Turn; 3] = [Turn::Move, Turn::Rename, Turn::Delete];

/// What is under way, for each of the twins.
#[derive(Default)]
struct UnderWay {
    held: Vec<[Held; 2]>,
    begun: Vec<[Begun; 2]>,
    turns: Vec<Turn>,
    sessions: u64,
}

fn step(twins: &mut Twins, under_way: &mut UnderWay, random: &mut Random, pushes: bool) {
    let (now, octets) = (twins.now, random.below(5) * 100);
    let amount = Amount { octets, messages: octets.min(1) };
    let one_of = |random: &mut Random, length: usize| random.below(length as u64) as usize;
    match random.below(16) {
        0 | 1 => {
            let way = if random.below(2) == 0 { Origin::Member } else { Origin::Incoming };
            let mut held = [Held::new(amount, way), Held::new(amount, way)];
            twins.both(|tally, at| tally.hold(&mut held[at]));
            under_way.held.push(held);
        }
        2 | 3 if !under_way.held.is_empty() => {
            let at = one_of(random, under_way.held.len());
            twins.both(|tally, twin| tally.hand_over(&mut under_way.held[at][twin]));
        }
        4..=6 if !under_way.held.is_empty() => {
            let held = under_way.held.swap_remove(one_of(random, under_way.held.len()));
            match random.below(4) {
                0 => drop(twins.both::<Released>(|tally, at| tally.release(&held[at], now))),
                1 => twins.both(|tally, at| tally.doubt(&held[at], now)),
                _ => drop(twins.both::<Counted>(|tally, at| tally.commit(&held[at], amount, now))),
            }
        }
        7 => {
            let mut begun = [twins.one.begin(now), twins.other.begin(now)];
            begun.iter_mut().for_each(|begun| begun.hasty = octets > 200);
            under_way.begun.push(begun);
        }
        8 if !under_way.begun.is_empty() => {
            let begun = under_way.begun.swap_remove(one_of(random, under_way.begun.len()));
            if octets > 0 {
                let _ = twins.both::<Refreshed>(|tally, at| tally.finish(&begun[at], amount, now));
            }
            twins.both(|tally, _| tally.end_count());
        }
        9 | 10 if pushes => {
            let told = [random.below(9) > 0, random.below(9) > 0].map(|told| told.then_some(octets));
            twins.both(|tally, _| tally.pushed(told[0], told[1], now));
        }
        11 => {
            let turn = TURNS[one_of(random, TURNS.len())];
            twins.both(|tally, _| tally.begin_shift(turn));
            under_way.turns.push(turn);
        }
        12 if !under_way.turns.is_empty() => {
            let turn = under_way.turns.swap_remove(one_of(random, under_way.turns.len()));
            twins.both(|tally, _| tally.end_shift(turn, now));
        }
        13 => {
            let comes = under_way.sessions == 0;
            twins.both(|tally, _| if comes { tally.watched += 1 } else { tally.unwatch(octets > 200, now) });
            under_way.sessions = u64::from(comes);
        }
        14 => match random.below(8) {
            0 => twins.both(|tally, _| tally.is_elsewhere(now)),
            1 => twins.both(|tally, _| tally.unsee()),
            2 => twins.both(|tally, _| tally.unsee_for_others()),
            3 => twins.both(|tally, _| tally.load(amount, now)),
            4 => twins.both(|tally, _| tally.pushed_early(Some(octets), None)),
            _ => {}
        },
        _ => twins.both(|tally, _| tally.take_tell()).then_some(()).into_iter().for_each(drop),
    }
}

/// All that is under way ends, somehow.
fn end(twins: &mut Twins, under_way: &mut UnderWay, random: &mut Random) {
    let UnderWay { held, mut begun, turns, sessions } = std::mem::take(under_way);
    let (now, amount) = (twins.now, Amount::message(random.below(5) * 100));
    for held in held {
        match random.below(3) {
            0 => drop(twins.both::<Released>(|tally, at| tally.release(&held[at], now))),
            _ => drop(twins.both::<Counted>(|tally, at| tally.commit(&held[at], amount, now))),
        }
    }
    turns.into_iter().for_each(|turn| twins.both(|tally, _| tally.end_shift(turn, now)));
    if random.below(2) == 0 {
        begun.push([twins.one.begin(now), twins.other.begin(now)]);
    }
    for begun in begun {
        let _ = twins.both::<Refreshed>(|tally, at| tally.finish(&begun[at], amount, now));
        twins.both(|tally, _| tally.end_count());
    }
    if sessions > 0 {
        twins.both(|tally, _| tally.unwatch(true, now));
    }
    let _ = twins.both(|tally, _| tally.take_tell());
}

/// Ticks pass.
fn pass(twins: &mut Twins, ticks: Tick) {
    for _ in 0..ticks.min(9) {
        twins.now += 1;
        let now = twins.now;
        twins.both(|tally, _| tally.settle(now));
    }
    twins.now += ticks.saturating_sub(9);
    twins.rest();
}

#[test]
fn nobody_can_tell_whether_a_mailbox_rested() {
    let (mut rests, mut random) = (0, Random(7));
    for course in 0..300 {
        let (mut twins, mut under_way, pushes) = (Twins::default(), UnderWay::default(), course % 2 == 0);
        for _ in 0..40 {
            for _ in 0..random.below(20) {
                step(&mut twins, &mut under_way, &mut random, pushes);
                let ticks = match random.below(40) {
                    0 => random.below(2 * BELIEVED),
                    1..10 => random.below(60),
                    _ => random.below(3),
                };
                pass(&mut twins, ticks);
            }
            // Not always: some begin before a rest that could be, and end after it.
            if random.below(4) > 0 {
                end(&mut twins, &mut under_way, &mut random);
            }
            pass(&mut twins, FLUSH);
            pass(&mut twins, BELIEVED);
        }
        rests += twins.rests;
    }
    assert!(rests > 4_000, "it seldom rested: {rests}");
}
