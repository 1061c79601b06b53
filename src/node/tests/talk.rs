//! What nodes and witness say to each other in the play, and what a node grants.

use super::super::{Claimant, Duty, EVERY, LEASE, LeaseWord, Ruling};
use super::world::{Flaw, LIMIT, Put, Word, World, Write};
use crate::quota::Permission;

impl World {
    pub(super) fn deliver(&mut self) {
        for (at, up) in [(0, true), (1, true), (0, false), (1, false)] {
            let waits = self.now < self.machines[at].cut || !up && !self.is_awake(at);
            while let Some((_, life, word)) = self.mail[at][usize::from(up)].pop_front_if(|mail| !waits && mail.0 <= self.now) {
                let machine = &self.machines[at];
                if up {
                    self.witness(at, life, word);
                } else if machine.life == life && machine.node.is_some() {
                    self.hear(at, word);
                }
            }
        }
    }

    /// What connections of before bring.
    pub(super) fn deliver_late(&mut self) {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(|late| late.0 <= now);
        self.late = later;
        for (_, at, life, put) in due {
            self.keep(at, life, put);
        }
    }

    /// Whether the witness keeps it.
    fn keep(&mut self, at: usize, life: u64, put: Put) -> bool {
        let holds = self.arbiter.holds(&Claimant { node: at.to_string(), life }, put.term, self.now);
        let fits = put.previous == self.copy.0;
        let keeps = (holds || self.flaw == Flaw::AnyoneKeeps) && (fits || self.flaw == Flaw::LateKeeps);
        if keeps {
            self.copy = (put.number, put.changes);
        }
        keeps
    }

    fn witness(&mut self, at: usize, life: u64, word: Word) {
        let (who, now) = (Claimant { node: at.to_string(), life }, self.now);
        match word {
            Word::Ask(number, bid) => {
                let word = match self.arbiter.ask(&who, bid, now) {
                    Ruling::Yes => LeaseWord::Yes,
                    Ruling::No => LeaseWord::No,
                    Ruling::Close => {
                        if self.closing.as_ref().is_none_or(|(_, other)| *other != who) {
                            self.closing = Some((now + self.random.below(3000), who.clone()));
                        }
                        LeaseWord::Closing
                    }
                };
                let called = self.arbiter.calls(&who, now);
                self.send(at, life, false, Word::Answer(number, word, self.arbiter.term(), self.copy.0, called));
            }
            Word::Put(put) => {
                let kept = if self.keep(at, life, put) { put.number } else { 0 };
                self.send(at, life, false, Word::Kept(kept));
            }
            Word::Get => self.send(at, life, false, Word::Copy(self.copy.0, self.copy.1)),
            Word::Count => self.send(at, life, false, Word::Counted(self.stored)),
            Word::Leave => self.arbiter.leave(&who, now),
            _ => {}
        }
    }

    pub(super) fn close(&mut self) {
        let Some((due, who)) = self.closing.clone() else { return };
        if self.now < due {
            return;
        }
        self.closing = None;
        if !self.arbiter.awaits(&who) || self.random.one_in(10) {
            return;
        }
        if self.flaw != Flaw::NothingEnds {
            self.ended += 1;
        }
        self.open_to = if self.flaw == Flaw::NothingCloses { None } else { who.node.parse().ok() };
        self.arbiter.closed(&who);
    }

    fn hear(&mut self, at: usize, word: Word) {
        let machine = &mut self.machines[at];
        let Some(node) = &mut machine.node else { return };
        match word {
            Word::Answer(number, word, term, newest, called) => {
                if self.flaw == Flaw::FromTheAnswer && word == LeaseWord::Yes {
                    node.tenure().lasts(machine.clock + LEASE);
                }
                let had = node.term();
                machine.leaving |= node.heard(number, word, term, newest, called);
                if let Some(term) = had.filter(|_| node.duty() == Duty::Over) {
                    // Its last words: the usage is written once more, and with it a copy.
                    let (previous, life, changes) = (node.newest(), machine.life, machine.changes);
                    let number = self.random.next();
                    machine.node = None;
                    self.send(at, life, true, Word::Put(Put { term, previous, number, changes }));
                }
            }
            Word::Kept(0) => machine.putting = None,
            Word::Kept(number) => {
                if let Some(put) = machine.putting.take_if(|put| put.number == number) {
                    node.took(number);
                    machine.changes = put.changes;
                    self.answered = self.answered.max(machine.changes);
                }
            }
            Word::Copy(number, changes) if node.wanted() == Some(number) => {
                node.took(number);
                machine.changes = changes;
            }
            Word::Counted(stored) => {
                // What was granted since, and is not stored yet, is on top.
                machine.used = if self.flaw == Flaw::NothingCounted { machine.used } else { stored };
                machine.counting = false;
                node.counted(true);
            }
            _ => {}
        }
    }

    pub(super) fn live(&mut self, at: usize) {
        let flaw = self.flaw;
        let machine = &mut self.machines[at];
        let (clock, Some(node)) = (machine.clock, &mut machine.node) else { return };
        let mut words = Vec::new();
        if clock >= machine.asks + EVERY {
            machine.asks = clock;
            if self.random.one_in(200) {
                node.take_over(clock);
            } else if self.random.one_in(200) {
                // Only where it loses nothing.
                let _ = node.take_over_with_own_book(true, clock);
            } else if self.random.one_in(200) {
                machine.leaving |= node.is_closing() || node.term().is_some();
                node.take_back();
            }
            let (number, bid) = node.ask(clock);
            words.push(Word::Ask(number, bid));
            if node.wanted().is_some() && !matches!(node.duty(), Duty::Judging(_)) {
                words.push(Word::Get);
            }
        }
        if node.duty() == Duty::Won && node.wanted().is_none() {
            node.judge();
            self.takeovers += 1;
        }
        if node.duty() == Duty::Judging(Permission::Nothing) && !std::mem::replace(&mut machine.counting, true) {
            words.push(Word::Count);
        }
        let may = node.permission(clock) == Permission::All;
        let changes = machine.changes + u64::from(!node.must_copy_anew());
        let makes = may && machine.putting.is_none() && (changes == machine.changes || self.random.one_in(100));
        if let Some(term) = node.term().filter(|_| makes) {
            let (previous, number) = (node.newest(), self.random.next());
            let put = Put { term, previous, number, changes };
            machine.putting = Some(put);
            words.push(Word::Put(put));
        }
        if machine.leaving {
            // What is under way was ended by the drain.
            machine.node = None;
            let life = machine.life;
            self.writes.retain(|write| write.life != life || flaw == Flaw::NothingEnds);
            words.push(Word::Leave);
        } else if may && self.random.one_in(2) {
            let octets = 1 + self.random.below(60);
            if machine.used + octets <= LIMIT {
                machine.used += octets;
                self.granted += 1;
                let long = if self.random.one_in(10) { self.random.below(30_000) } else { self.random.below(500) };
                let (life, done, ended) = (machine.life, self.now + long, self.ended);
                let inside = self.random.one_in(3);
                // Otherwise nothing of it gets there.
                if self.open_to.is_none_or(|node| node == at) {
                    self.writes.push(Write { node: at, life, octets, done, ended, inside });
                }
            }
        }
        let life = self.machines[at].life;
        words.into_iter().for_each(|word| self.send(at, life, true, word));
        // Now and then the judge counts: what is stored, and what it has under way.
        if may && self.random.one_in(40) {
            let setting: u64 = self.writes.iter().filter(|write| write.life == life).map(|write| write.octets).sum();
            self.machines[at].used = self.stored + setting;
        }
    }
}
