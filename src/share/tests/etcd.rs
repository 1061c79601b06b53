//! etcd, as far as it matters: keys with revisions, leases, transactions; and what watchers see.

use std::collections::BTreeMap;

use super::super::{Deed, Errand, Life, Millis, News, Pace, Tenant};

#[derive(Default)]
pub(super) struct Etcd {
    revision: u64,
    /// Until when, and the revision by which it came.
    lives: BTreeMap<Life, (Millis, u64)>,
    deeds: BTreeMap<Tenant, (u64, Deed)>,
    /// What watchers see, and when it happened.
    pub(super) log: Vec<(Millis, News)>,
    /// No majority until then.
    pub(super) down: Millis,
    /// Transactions that wrote, leases given and ended; linearizable reads.
    pub(super) writes: u64,
    pub(super) reads: u64,
    /// Rules that are left out.
    anyone_takes: bool,
    any_revision: bool,
}

impl Etcd {
    pub(super) fn new(anyone_takes: bool, any_revision: bool) -> Etcd {
        Etcd { anyone_takes, any_revision, ..Etcd::default() }
    }

    pub(super) fn is_up(&self, now: Millis) -> bool {
        now >= self.down
    }

    /// Leases end; where a leader was elected meanwhile, all of them begin anew.
    pub(super) fn step(&mut self, now: Millis, step: Millis, pace: &Pace) {
        if !self.is_up(now) {
            return;
        }
        if now < self.down + step {
            self.lives.values_mut().for_each(|(until, _)| *until = now + pace.lease);
        }
        let over: Vec<_> = self.lives.iter().filter(|(_, (until, _))| *until <= now).map(|(life, _)| life.clone()).collect();
        over.iter().for_each(|life| self.end(life, now));
    }

    /// The lease is over, or somebody revoked it.
    pub(super) fn end(&mut self, life: &Life, now: Millis) {
        if self.lives.remove(life).is_some() {
            self.write();
            self.log.push((now, News::Went(life.clone())));
        }
    }

    pub(super) fn any_life(&self, at: u64) -> Option<Life> {
        self.lives.keys().nth(at as usize).cloned()
    }

    /// What comes of an errand: the answer.
    pub(super) fn take(&mut self, errand: Errand, now: Millis, pace: &Pace) -> Option<News> {
        match errand {
            Errand::Join(life) => {
                self.write();
                // Put once more, a key keeps the revision by which it came.
                let born = self.lives.get(&life).map_or(self.revision, |(_, born)| *born);
                self.lives.insert(life.clone(), (now + pace.lease, born));
                self.log.push((now, News::Came(life.clone())));
                Some(News::Joined(life, born))
            }
            Errand::End(life) => {
                self.end(&life, now);
                None
            }
            Errand::Confirm(life, number) => {
                self.reads += 1;
                let Some((until, born)) = self.lives.get_mut(&life) else { return Some(News::Lost(life)) };
                *until = now + pace.lease;
                Some(News::Confirmed(life, *born, number))
            }
            Errand::Take { tenant, revision, from, deed } => {
                let is_there = |life: &Life| self.lives.contains_key(life);
                let own = deed.holder.as_ref().is_some_and(|(life, _)| is_there(life));
                let free = self.anyone_takes || !from.as_ref().is_some_and(is_there);
                Some(self.put(tenant, revision, deed, own && free, now))
            }
            Errand::Write { tenant, revision, deed } => Some(self.put(tenant, revision, deed, true, now)),
            Errand::Count(..) | Errand::Cut(_) => None,
        }
    }

    fn put(&mut self, tenant: Tenant, revision: u64, deed: Deed, may: bool, now: Millis) -> News {
        let stands = self.deeds.get(&tenant).map_or(0, |(revision, _)| *revision);
        if may && (stands == revision || self.any_revision) {
            self.write();
            self.deeds.insert(tenant, (self.revision, deed.clone()));
            self.log.push((now, News::Stands(tenant, self.revision, Some(deed))));
        }
        let (revision, deed) = self.deeds.get(&tenant).cloned().unwrap_or_default();
        News::Stands(tenant, revision, Some(deed))
    }

    fn write(&mut self) {
        self.revision += 1;
        self.writes += 1;
    }
}
