//! What goes wrong.

use super::super::{Errand, Fellow};
use super::machine::Machine;
use super::setup::Flaw;
use super::world::{STEP, World};

impl World {
    pub(super) fn fate(&mut self) {
        let now = self.now;
        for at in 0..self.machines.len() {
            if now >= self.machines[at].frozen {
                self.machines[at].clock += STEP - STEP / 20 + self.machines[at].speed * STEP / 1000;
            }
            if self.setup.faults {
                self.strike(at);
            }
            self.end(at);
            let machine = &self.machines[at];
            if machine.fellow.is_none() && now >= machine.dead && now >= machine.frozen {
                self.start(at);
            }
        }
        if self.setup.faults {
            if self.random.one_in(4000) {
                self.etcd.down = now + self.random.below(30_000);
            }
            // A lease that ended early, for whatever reason.
            if self.random.one_in(3000) {
                self.early = now;
                let which = self.random.below(4);
                let life = self.etcd.any_life(which);
                life.iter().for_each(|life| self.etcd.end(life, now));
            }
        }
        if self.setup.backs {
            self.go_back();
        }
        // Members delete, for a while; then it stays full.
        if self.setup.rate.is_none() && (now / 15_000).is_multiple_of(2) && self.random.one_in(3) {
            let tenant = self.random.below(self.setup.tenants) as usize;
            let mailbox = self.random.below(2) as usize;
            let stored = &mut self.storage.stored[tenant][mailbox];
            let gone = self.random.below(300 << 10).min(*stored);
            *stored -= gone;
            if self.flaw == Flaw::FreeAtOnce {
                // As if no count were needed for it.
                let judges = self.machines.iter_mut().filter_map(|machine| machine.numbers(tenant as u64));
                judges.for_each(|numbers| numbers.used[mailbox] = numbers.used[mailbox].saturating_sub(gone));
            }
        }
        self.recount();
    }

    /// etcd's files are copied, and the copy is put back. Not while a machine sleeps: docs/many-nodes.md says what then.
    fn go_back(&mut self) {
        let now = self.now;
        if self.random.one_in(4000) {
            self.etcd.copy();
        }
        let asleep = self.machines.iter().any(|machine| now < machine.stopped.max(machine.frozen) + self.pace.lease);
        if self.random.one_in(4000) && !asleep && !self.etcd.is_fresh(now) {
            self.etcd.put_back(now, &self.pace);
            self.etcd.down = now + self.random.below(5000);
            // What was on its way has ended with the process.
            self.post.clear();
            self.told.backs += 1;
        }
    }

    fn strike(&mut self, at: usize) {
        let (now, long) = (self.now, 500 + self.random.below(25_000));
        let random = &mut self.random;
        let machine: &mut Machine = &mut self.machines[at];
        let may_sleep = !self.etcd.is_fresh(now);
        if may_sleep && random.one_in(1500) {
            machine.stopped = now + long;
        } else if may_sleep && random.one_in(1500) && now >= machine.frozen + self.pace.forget.min(60_000) {
            // Not again and again: docs/many-nodes.md says what then.
            machine.frozen = now + long;
        } else if random.one_in(1000) {
            machine.cut = now + long;
        } else if random.one_in(800) {
            machine.blind = now + long;
        } else if random.one_in(2000) {
            machine.apart = now + long;
        } else if random.one_in(1500) && machine.fellow.is_some() && now >= machine.frozen {
            let until = now + 500 + random.below(20_000);
            self.cut(at, None);
            self.machines[at].die(until);
        } else if random.one_in(1500) && machine.leaves == 0 {
            self.stop(at);
        }
    }

    /// It is told to end: it hands on what it can in two seconds.
    pub(super) fn stop(&mut self, at: usize) {
        let (now, machine) = (self.now, &mut self.machines[at]);
        let Some(fellow) = &mut machine.fellow else { return };
        machine.leaves = now + 2000;
        if self.flaw == Flaw::LeavesAnyway {
            // As if nothing were under way; and it comes all the same.
            machine.leaves = now + 15_000;
            let own = self.storage.writes.iter().filter(|write| write.node == at && write.process == machine.process);
            own.for_each(|write| fellow.let_go(write.tenant, write.tenure, Fellow::weight(write.octets, 1)));
        }
        fellow.leave();
    }

    /// The process of one that was told to end does, when all is handed on or the time is over.
    fn end(&mut self, at: usize) {
        let (now, machine) = (self.now, &self.machines[at]);
        let Some(fellow) = machine.fellow.as_ref().filter(|_| machine.leaves > 0 && machine.is_awake(now)) else { return };
        let has_left = fellow.has_left(machine.clock);
        if now < machine.leaves && !has_left {
            return;
        }
        let last = fellow.life().cloned().map(Errand::End);
        let (process, arrives) = (machine.process, now + self.random.below(200));
        self.post.extend(last.map(|errand| (arrives, at, process, errand)));
        // The process goes on for what it has let go.
        if self.flaw == Flaw::LeavesAnyway && now < machine.leaves {
            return;
        }
        self.told.handed += u64::from(has_left);
        let until = now + 500 + self.random.below(20_000);
        self.cut(at, None);
        self.machines[at].die(until);
    }

    /// Now and then a judge counts anew: what is stored. What it has under way is in `open`.
    fn recount(&mut self) {
        let at = self.random.below(self.machines.len() as u64) as usize;
        let machine = &mut self.machines[at];
        if !machine.is_awake(self.now) || self.now < machine.apart || self.flaw == Flaw::FreeAtOnce || !self.random.one_in(50) {
            return;
        }
        for tenant in 0..self.setup.tenants {
            let found = self.storage.stored[tenant as usize];
            machine.numbers(tenant).into_iter().for_each(|numbers| numbers.used = found);
        }
    }

    /// No more faults, from now on.
    pub(super) fn heal(&mut self) {
        (self.setup.faults, self.setup.backs) = (false, false);
        let now = self.now;
        self.etcd.down = self.etcd.down.min(now);
        for machine in &mut self.machines {
            (machine.stopped, machine.frozen, machine.dead) = (now, now, machine.dead.min(now));
            (machine.cut, machine.apart, machine.blind) = (now, now, now);
        }
    }

    /// What has not come right by itself.
    pub(super) fn unwell(&self) -> Option<&'static str> {
        for tenant in 0..self.setup.tenants {
            let judges = self.machines.iter().filter_map(|machine| machine.fellow.as_ref());
            let judges: Vec<_> = judges.filter(|fellow| fellow.judges(tenant)).collect();
            match judges[..] {
                [] => return Some("nobody judges"),
                [judge] if judge.withheld(tenant) > 0 => return Some("something is held back for ever"),
                [_] => {}
                _ => return Some("two judge"),
            }
        }
        None
    }
}
