//! Machines, etcd and a storage in steps of a twentieth of a second. Links are cut and slow, messages come in any order, twice or never; processes are
//! killed, stopped and continued, whole machines freeze with their clocks, clocks go wrong by a twentieth; etcd loses its majority; leases end early.
//! Meanwhile members fill associations to the last octet.
//!
//! Held at every step: the storage never holds more than a limit. Each rule that this stands on ([`Flaw`]) is left out once, and is missed.

use std::collections::BTreeSet;

use super::super::{Assent, Errand, Fellow, Millis, News, Pace, Reach, Tenant};
use super::etcd::Etcd;
use super::machine::{Machine, Numbers, Rules};
use super::setup::{Flaw, Setup, Totals};
use super::storage::{IDLE, Storage, Write};
use crate::node::tests::chance::Random;

pub(super) const STEP: Millis = 50;

/// How long a node judges nothing after etcd went back: as `Accord` has it.
const PAUSE: Millis = 19_000;

/// How long a node must have reached the storage before it says so.
const HELD: Millis = 8000;

pub(super) struct World {
    pub(super) random: Random,
    pub(super) flaw: Flaw,
    pub(super) setup: Setup,
    pub(super) pace: Pace,
    pub(super) now: Millis,
    pub(super) machines: Vec<Machine>,
    pub(super) etcd: Etcd,
    pub(super) storage: Storage,
    /// On the way to etcd: when it arrives, from which machine and process.
    pub(super) post: Vec<(Millis, usize, u64, Errand)>,
    /// What the storage held a while ago.
    pub(super) before: Vec<[u64; 2]>,
    /// When a lease ended early last.
    pub(super) early: Millis,
    pub(super) told: Totals,
}

impl World {
    pub(super) fn new(seed: u64, flaw: Flaw, setup: Setup) -> World {
        let mut random = Random::new(seed);
        let machine = |number| {
            let (clock, speed, lag) = (random.below(1 << 40), random.below(101), random.below(200));
            Machine::new(format!("front-{number}"), clock, speed, lag)
        };
        let machines = (0..setup.nodes).map(machine).collect();
        let forget = match flaw {
            Flaw::ForgetsSoon => 100,
            // Whoever has no clock may grant at any time.
            Flaw::NoClock => Millis::MAX,
            _ => setup.forget,
        };
        let stored = vec![[0; 2]; setup.tenants as usize];
        World {
            random,
            flaw,
            setup,
            pace: Pace { forget, lull: setup.forget / 6, ..Pace::default() },
            now: 0,
            machines,
            etcd: Etcd::new(flaw == Flaw::AnyoneTakes, flaw == Flaw::AnyRevision),
            before: stored.clone(),
            storage: Storage { stored, writes: Vec::new(), limits: setup.limits },
            post: Vec::new(),
            early: 0,
            told: Totals::default(),
        }
    }

    /// What is wrong, if anything.
    pub(super) fn step(&mut self) -> Option<&'static str> {
        self.now += STEP;
        self.fate();
        self.etcd.step(self.now, STEP, &self.pace);
        self.carry();
        for at in 0..self.machines.len() {
            if self.machines[at].is_awake(self.now) {
                self.live(at);
            }
        }
        self.store();
        self.members();
        if !self.setup.faults {
            return None;
        }
        if self.now.is_multiple_of(400 * STEP) {
            self.before.clone_from(&self.storage.stored);
        }
        self.check()
    }

    fn check(&mut self) -> Option<&'static str> {
        let awake = || self.machines.iter().filter(|machine| machine.is_awake(self.now));
        let judges = |tenant| awake().filter(|machine| machine.would_grant(tenant)).count();
        let double = (0..self.setup.tenants).any(|tenant| judges(tenant) > 1);
        self.told.double += u64::from(double);
        // One that was frozen with its clock believes in its lease for a while, and so does one whose lease ended early.
        let frozen = self.machines.iter().any(|machine| self.now < machine.frozen + self.pace.lease);
        let excused = frozen || self.now < self.early + self.pace.lease || self.flaw != Flaw::None;
        match () {
            () if self.storage.is_above() => Some("above the limit"),
            () if double && !excused => Some("two judges"),
            () => None,
        }
    }

    /// What is due at etcd is done there; its answers go back.
    fn carry(&mut self) {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.post).into_iter().partition(|post| post.0 <= now);
        self.post = later;
        for (at_time, at, process, errand) in due {
            if !self.etcd.is_up(now) || now < self.machines[at].cut {
                // It waits for the link, or is lost with it.
                if !self.random.one_in(4) {
                    self.post.push((at_time.max(now + 500), at, process, errand));
                }
                continue;
            }
            let Some(answer) = self.etcd.take(errand, now, &self.pace) else { continue };
            let delay = self.delay();
            if self.setup.faults && self.random.one_in(50) {
                continue;
            }
            let machine = &mut self.machines[at];
            // Of what is older than was known nothing is believed.
            if machine.process == process && machine.fellow.is_some() && machine.era == self.etcd.era {
                machine.mail.push((now + delay, process, answer));
            }
        }
    }

    fn delay(&mut self) -> Millis {
        match self.random.below(100) {
            0 if self.setup.faults => self.random.below(30_000),
            1..5 if self.setup.faults => self.random.below(5000),
            _ => self.random.below(20),
        }
    }

    /// One step of a node that is awake.
    fn live(&mut self, at: usize) {
        let (now, fresh) = (self.now, self.random.next());
        let machine = &mut self.machines[at];
        let (clock, process) = (machine.clock, machine.process);
        if machine.fellow.is_none() {
            return;
        }
        let is_linked = now >= machine.cut && self.etcd.is_up(now);
        if is_linked && machine.era != self.etcd.era && self.random.one_in(10) {
            machine.forget(self.etcd.era, if self.flaw == Flaw::NoPause { 0 } else { PAUSE });
        }
        machine.go_on();
        let Some(fellow) = &mut machine.fellow else { return };
        if is_linked && machine.era == self.etcd.era {
            let (mail, later): (Vec<_>, Vec<_>) = std::mem::take(&mut machine.mail).into_iter().partition(|mail| mail.0 <= now);
            machine.mail = later;
            mail.into_iter().filter(|(_, to, _)| *to == process).for_each(|(.., news)| fellow.hear(news, clock));
            let sees = now >= machine.blind;
            while let Some((_, news)) = self.etcd.log.get(machine.seen).filter(|(when, _)| sees && when + machine.lag <= now) {
                fellow.hear(news.clone(), clock);
                machine.seen += 1;
            }
        }
        let (told, later): (Vec<_>, Vec<_>) = std::mem::take(&mut machine.counts).into_iter().partition(|count| count.0 <= now);
        machine.counts = later;
        for (_, _, tenant, asked, found) in told {
            // What was asked twice is told twice, and is old by then.
            if !fellow.judges(tenant) {
                fellow.hear(News::Counted(tenant, asked), clock);
                if let Some(tenure) = fellow.tenure(tenant) {
                    machine.book.insert((tenant, tenure), Numbers { used: found, open: [0; 2] });
                    self.told.takeovers += 1;
                }
            }
        }
        let (ended, later): (Vec<_>, Vec<_>) = std::mem::take(&mut machine.ends).into_iter().partition(|end| end.0 <= now);
        machine.ends = later;
        ended.iter().for_each(|(_, write)| machine.end(write, true));
        if self.setup.reaches {
            self.look(at);
        }
        let machine = &mut self.machines[at];
        let errands = machine.fellow.as_mut().map(|fellow| fellow.tick(clock, fresh)).unwrap_or_default();
        let cuts = errands.iter().any(|errand| matches!(errand, Errand::Cut(_)));
        errands.into_iter().for_each(|errand| self.run(at, errand));
        if cuts {
            // All of it has been given up in this step.
            self.machines[at].fellow.iter_mut().for_each(|fellow| fellow.hear(News::Quiet, clock));
        }
        self.fill(at);
    }

    /// Now and then a node looks whether it reaches the storage, and may be wrong.
    fn look(&mut self, at: usize) {
        let (now, is_wrong) = (self.now, self.setup.faults && self.random.one_in(50));
        let machine = &mut self.machines[at];
        if let Some(fellow) = machine.fellow.as_mut().filter(|_| self.random.one_in(20)) {
            let well = (now >= machine.apart) != is_wrong;
            let is_missed = fellow.missed().next().is_some();
            let of = |is_so: bool| BTreeSet::from_iter(is_so.then_some(0));
            machine.missed = if well { machine.missed } else { now };
            // Where all have it back, nobody says so before each of them has seen it.
            let has_held = now >= machine.missed + HELD;
            fellow.reaches(Reach { away: of(!well), here: of(well && is_missed && has_held) });
        }
    }

    fn run(&mut self, at: usize, errand: Errand) {
        let process = self.machines[at].process;
        match errand {
            Errand::Count(_, _) if self.now < self.machines[at].apart => {}
            Errand::Count(tenant, asked) => {
                let (machine, found) = (&mut self.machines[at], self.storage.stored[tenant as usize]);
                // Beside its own writes: those are in `open` until it hears of them.
                if let Some(numbers) = machine.numbers(tenant) {
                    numbers.used = if self.flaw == Flaw::FreeAtOnce { numbers.used } else { found };
                    let clock = machine.clock;
                    machine.fellow.iter_mut().for_each(|fellow| fellow.hear(News::Counted(tenant, asked), clock));
                    return;
                }
                let stored = if self.flaw == Flaw::OldNumbers { &self.before } else { &self.storage.stored };
                let found = stored[tenant as usize];
                let due = self.now + if self.setup.faults { self.random.below(self.setup.count) } else { self.setup.count };
                self.machines[at].counts.push((due, process, tenant, asked, found));
            }
            Errand::Cut(_) if self.flaw == Flaw::QuietAtOnce => {}
            Errand::Cut(_) if self.flaw == Flaw::LeavesAnyway && self.machines[at].leaves > 0 => {}
            Errand::Cut(tenant) => self.cut(at, Some(tenant)),
            errand => {
                if let Errand::Join(life, _) = &errand {
                    self.machines[at].last = Some(life.number);
                }
                let arrives = self.now + self.delay();
                // What is done twice does the most harm where it is done long after.
                let (often, late) = if matches!(errand, Errand::Join(..)) { (4, 60_000) } else { (100, 3000) };
                if self.setup.faults && self.random.one_in(often) {
                    let twice = arrives + self.random.below(late);
                    self.post.push((twice, at, process, errand.clone()));
                }
                self.post.push((arrives, at, process, errand));
            }
        }
    }

    /// What is under way there ends: the storage has stored it, or never will.
    pub(super) fn cut(&mut self, at: usize, tenant: Option<Tenant>) {
        let process = self.machines[at].process;
        let is_of = |write: &Write| write.node == at && write.process == process && tenant.is_none_or(|of| of == write.tenant);
        let (ended, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.storage.writes).into_iter().partition(is_of);
        self.storage.writes = others;
        for write in ended {
            if write.inside && self.random.one_in(2) {
                self.storage.land(&write);
            }
            // It cannot know which.
            self.machines[at].end(&write, true);
        }
        if self.setup.reaches {
            self.wait_no_more(at, tenant);
        }
    }

    /// Answers that do not reach it are not waited for any longer.
    fn wait_no_more(&mut self, at: usize, tenant: Option<Tenant>) {
        let machine = &mut self.machines[at];
        let process = machine.process;
        let is_of = |(_, write): &(Millis, Write)| write.process == process && tenant.is_none_or(|of| of == write.tenant);
        let (unheard, others): (Vec<_>, Vec<_>) = std::mem::take(&mut machine.ends).into_iter().partition(is_of);
        machine.ends = others;
        unheard.iter().for_each(|(_, write)| machine.end(write, true));
    }

    /// Members store what they can.
    fn fill(&mut self, at: usize) {
        let random = &mut self.random;
        if self.setup.rate.is_some() || !random.one_in(3) {
            return;
        }
        let tenant = random.below(self.setup.tenants);
        let (mailbox, large) = (random.below(2) as usize, random.one_in(20));
        let octets = 1 + random.below(if large { 3 << 20 } else { 300 << 10 });
        self.store_one(at, tenant, mailbox, octets);
    }

    /// Members of a host with a steady rate.
    fn members(&mut self) {
        for _ in 0..self.setup.rate.map_or(0, |rate| rate * STEP / 1000) {
            let tenant = self.random.below(self.setup.tenants);
            let (mailbox, large) = (self.random.below(2) as usize, self.random.one_in(20));
            let octets = 1 + self.random.below(if large { 10 << 20 } else { 150 << 10 });
            let front = self.random.below(self.machines.len() as u64) as usize;
            let judge = self.machines[front].fellow.as_ref().and_then(|fellow| fellow.judge_of(tenant));
            // Names are numbers.
            let judge = judge.and_then(|name| name.strip_prefix("front-")?.parse::<usize>().ok());
            match judge.filter(|at| self.machines[*at].is_awake(self.now)) {
                Some(at) => self.store_one(at, tenant, mailbox, octets),
                None => self.told.put_off += 1,
            }
        }
    }

    fn store_one(&mut self, at: usize, tenant: Tenant, mailbox: usize, octets: u64) {
        let (now, random) = (self.now, &mut self.random);
        let confirms = !matches!(self.flaw, Flaw::NoFence | Flaw::NothingConfirmed);
        let rules = Rules { withholds: self.flaw != Flaw::NothingWithheld, confirms, limits: self.setup.limits };
        let machine = &mut self.machines[at];
        let clock = if matches!(self.flaw, Flaw::NoClock | Flaw::NoFence) { 0 } else { machine.clock };
        let process = machine.process;
        match machine.ask(tenant, mailbox, octets, clock, rules) {
            Assent::Granted(tenure) => {
                let long = if random.one_in(10) { random.below(15_000) } else { random.below(500) };
                let (due, inside) = (now + long, random.one_in(3));
                let node = at;
                self.storage.writes.push(Write { node, process, tenant, tenure, mailbox, octets, due, moved: now, inside });
                self.told.granted += 1;
                self.told.octets += octets;
            }
            Assent::Soon => self.told.soon += 1,
            Assent::NotNow => {
                let judges = self.machines[at].fellow.as_ref().is_some_and(|fellow| fellow.judges(tenant));
                self.told.full += u64::from(judges);
                self.told.put_off += u64::from(!judges);
            }
        }
    }

    /// What is due is stored, and its node hears of it; what stands still for long is given up by the storage.
    fn store(&mut self) {
        let now = self.now;
        let (mut landed, mut given_up) = (Vec::new(), Vec::new());
        let machines = &self.machines;
        self.storage.writes.retain_mut(|write| {
            let machine = &machines[write.node];
            let passes = machine.process == write.process && machine.is_awake(now) && now >= machine.apart;
            if passes {
                write.moved = now;
            }
            if now >= write.due && (passes || write.inside) {
                landed.push(*write);
                return false;
            }
            let goes_on = now < write.moved + IDLE;
            if !goes_on {
                given_up.push(*write);
            }
            goes_on
        });
        landed.iter().for_each(|write| self.storage.land(write));
        for write in landed.into_iter().chain(given_up) {
            let delay = self.delay();
            let machine = &mut self.machines[write.node];
            if machine.process == write.process {
                machine.ends.push((now.max(machine.apart) + delay, write));
            }
        }
    }

    /// What its judge keeps free.
    pub(super) fn withheld(&self, tenant: Tenant) -> u64 {
        let judge = self.machines.iter().filter_map(|machine| machine.fellow.as_ref()).find(|fellow| fellow.judges(tenant));
        judge.map_or(0, |fellow| fellow.withheld(tenant))
    }

    /// Starts the process of a machine.
    pub(super) fn start(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.process += 1;
        let fellow = Fellow::new(&machine.name, self.pace);
        let mut fellow = match machine.last {
            Some(number) => fellow.after(number),
            None => fellow,
        };
        let limit = self.setup.limits.1;
        (0..self.setup.tenants).for_each(|tenant| fellow.hear(News::Exists(tenant, Some(limit)), machine.clock));
        // It reads everything, and then watches.
        (machine.seen, machine.era, machine.back) = (0, self.etcd.era, 0);
        machine.fellow = Some(fellow);
        if self.etcd.is_fresh(self.now) {
            // docs/many-nodes.md: none is started then.
            machine.forget(self.etcd.era, 45_000);
        }
    }
}
