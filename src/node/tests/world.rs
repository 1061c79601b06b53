//! What there is in the play: two machines with clocks of their own, messages on their way, a storage; and what happens to them.

use std::collections::VecDeque;

use super::super::{Arbiter, Bid, Claimant, LeaseWord, Millis, Node};
use super::chance::Random;
use crate::quota::Permission;

pub(super) const STEP: Millis = 50;
pub(super) const LIMIT: u64 = 1000;

/// Which rule is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Mail of the old node that is under way goes on at the storage.
    NothingEnds,
    /// The old node may connect to the storage again.
    NothingCloses,
    /// The new node grants by the numbers of its copy.
    NothingCounted,
    /// The node counts its lease from the answer, and for as long as the witness.
    FromTheAnswer,
    /// The witness says kept before it looks who holds the lease.
    AnyoneKeeps,
    /// It keeps what a connection of before brings late.
    LateKeeps,
}

pub(super) enum Word {
    Ask(u64, Bid),
    Answer(u64, LeaseWord, u64, u64, bool),
    Count,
    Counted(u64),
    Put(Put),
    Kept(u64),
    Get,
    Copy(u64, u64),
    Leave,
}

/// A copy: by which lease, behind which one, its number, and the admins' changes that it has.
#[derive(Clone, Copy)]
pub(super) struct Put {
    pub(super) term: u64,
    pub(super) previous: u64,
    pub(super) number: u64,
    pub(super) changes: u64,
}

/// A message on its way through a node into the storage.
pub(super) struct Write {
    pub(super) node: usize,
    pub(super) life: u64,
    pub(super) octets: u64,
    pub(super) done: Millis,
    /// How often everything under way had been ended when its connection was made.
    pub(super) ended: u64,
    /// The storage has all of it already, and only takes long.
    pub(super) inside: bool,
}

#[derive(Default)]
pub(super) struct Machine {
    pub(super) node: Option<Node>,
    pub(super) life: u64,
    pub(super) clock: Millis,
    /// Parts of a thousand that it goes too fast, above 50; too slow, below.
    pub(super) speed: u64,
    pub(super) stopped: Millis,
    pub(super) frozen: Millis,
    pub(super) dead: Millis,
    pub(super) cut: Millis,
    pub(super) asks: Millis,
    pub(super) used: u64,
    /// The admins' changes that its book has, and those it was answered about.
    pub(super) changes: u64,
    /// What it asked the witness to keep, and has no answer to.
    pub(super) putting: Option<Put>,
    pub(super) counting: bool,
    pub(super) leaving: bool,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) flaw: Flaw,
    pub(super) now: Millis,
    pub(super) machines: [Machine; 2],
    /// For each machine, from the witness and to it, in order: when it arrives, and of which process.
    pub(super) mail: [[VecDeque<(Millis, u64, Word)>; 2]; 2],
    /// What connections of before still bring, in whatever order: when, from which process.
    pub(super) late: Vec<(Millis, usize, u64, Put)>,
    pub(super) arbiter: Arbiter,
    pub(super) closing: Option<(Millis, Claimant)>,
    pub(super) copy: (u64, u64),
    pub(super) stored: u64,
    pub(super) writes: Vec<Write>,
    pub(super) ended: u64,
    pub(super) open_to: Option<usize>,
    pub(super) answered: u64,
    pub(super) granted: u64,
    pub(super) takeovers: u64,
}

impl World {
    pub(super) fn new(seed: u64, flaw: Flaw) -> World {
        let mut random = Random::new(seed);
        let machines = [0, 1].map(|_| Machine { clock: random.below(1 << 40), speed: random.below(101), ..Machine::default() });
        World {
            random,
            flaw,
            now: 0,
            machines,
            mail: Default::default(),
            late: Vec::new(),
            arbiter: Arbiter::new("boot", 0),
            closing: None,
            copy: (1, 0),
            stored: 0,
            writes: Vec::new(),
            ended: 0,
            open_to: None,
            answered: 0,
            granted: 0,
            takeovers: 0,
        }
    }

    /// What is wrong, if anything.
    pub(super) fn step(&mut self) -> Option<&'static str> {
        self.now += STEP;
        self.fate();
        self.deliver();
        self.deliver_late();
        self.close();
        for at in 0..2 {
            if self.is_awake(at) {
                self.live(at);
            }
        }
        self.store();
        self.check()
    }

    pub(super) fn is_awake(&self, at: usize) -> bool {
        let machine = &self.machines[at];
        self.now >= machine.stopped && self.now >= machine.frozen && self.now >= machine.dead
    }

    fn fate(&mut self) {
        let now = self.now;
        for at in 0..2 {
            if now >= self.machines[at].frozen {
                self.machines[at].clock += STEP - STEP / 20 + self.machines[at].speed * STEP / 1000;
            }
            let long = 500 + self.random.below(20_000);
            let (machine, random) = (&mut self.machines[at], &mut self.random);
            if random.one_in(900) {
                machine.stopped = now + long;
            } else if random.one_in(900) {
                machine.frozen = now + long;
            } else if random.one_in(600) {
                machine.cut = now + long;
            } else if random.one_in(400) {
                self.hang_up(at);
                continue;
            } else if random.one_in(1200) {
                (machine.node, machine.dead) = (None, now + 500 + random.below(6000));
            }
            // A stopped process cannot be there twice: the new one waits for the lock of the folder.
            if machine.node.is_none() && now >= machine.dead && now >= machine.frozen {
                let (clock, speed, cut) = (machine.clock, machine.speed, machine.cut);
                let life = random.next();
                *machine = Machine { node: Some(Node::default()), life, clock, speed, cut, ..Machine::default() };
            }
        }
        // Members delete, for a while; then it stays full.
        if (self.now / 15_000).is_multiple_of(2) && self.random.one_in(3) {
            self.stored -= self.random.below(60).min(self.stored);
        }
    }

    /// Its connection is another one from now on. What is on its way may come all the same, to the witness; what has no answer gets none.
    fn hang_up(&mut self, at: usize) {
        let [down, up] = &mut self.mail[at];
        down.clear();
        for (_, life, word) in up.drain(..) {
            if let Word::Put(put) = word {
                self.late.push((self.now + self.random.below(15_000), at, life, put));
            }
        }
        (self.machines[at].putting, self.machines[at].counting) = (None, false);
    }

    pub(super) fn send(&mut self, at: usize, life: u64, up: bool, word: Word) {
        let delay = if self.random.one_in(20) { self.random.below(3000) } else { self.random.below(20) };
        // As on one connection: behind all that is under way.
        let mail = &mut self.mail[at][usize::from(up)];
        let last = mail.back().map_or(0, |mail| mail.0);
        mail.push_back((last.max(self.now + delay), life, word));
    }

    /// What is due is stored; what has no connection any more is not.
    fn store(&mut self) {
        let (now, ended, open_to) = (self.now, self.ended, self.open_to);
        let mut stored = 0;
        let machines = &self.machines;
        self.writes.retain(|write| {
            let is_open = write.inside || open_to.is_none_or(|node| node == write.node);
            if write.ended != ended || !is_open && now >= write.done {
                return false;
            }
            // A process that is stopped passes nothing on; one that is killed neither, but what the storage has by then.
            let machine = &machines[write.node];
            let passes = write.inside
                || machine.life != write.life
                || now >= machine.stopped && now >= machine.frozen && now >= machine.cut;
            if now < write.done || !passes {
                return true;
            }
            stored += write.octets;
            false
        });
        self.stored += stored;
    }

    fn check(&self) -> Option<&'static str> {
        if self.stored > LIMIT {
            return Some("above the limit");
        }
        // One that was frozen with its clock believes in its lease for a moment: that is what the storage is closed for.
        let granting = |machine: &&Machine| {
            let node = machine.node.as_ref();
            self.now >= machine.frozen + 5000 && node.is_some_and(|node| node.permission(machine.clock) != Permission::Nothing)
        };
        if self.machines.iter().filter(granting).count() > 1 {
            return Some("two judges");
        }
        let behind = self.machines.iter().filter(granting).any(|machine| machine.changes < self.answered);
        if behind && !self.machines.iter().any(|machine| machine.putting.is_some()) {
            return Some("an admin's change is lost");
        }
        None
    }
}
