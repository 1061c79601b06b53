//! etcd, as far as it matters: keys with revisions, leases, transactions; and what watchers see.

use std::collections::BTreeMap;

use super::super::{Deed, Errand, Life, Millis, News, Pace, Reach, Tenant};

#[derive(Default)]
pub(super) struct Etcd {
    revision: u64,
    /// Until when, and the revision by which it came.
    lives: BTreeMap<Life, (Millis, u64)>,
    deeds: BTreeMap<Tenant, (u64, Deed)>,
    says: BTreeMap<Life, Reach>,
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
    /// A copy of its files, and how often one was put back; when, last.
    copy: CopiedFiles,
    pub(super) era: u64,
    pub(super) back_at: Millis,
}

/// Lives, deeds, and the revision.
type CopiedFiles = (BTreeMap<Life, (Millis, u64)>, BTreeMap<Tenant, (u64, Deed)>, u64);

impl Etcd {
    pub(super) fn new(anyone_takes: bool, any_revision: bool) -> Etcd {
        Etcd { anyone_takes, any_revision, ..Etcd::default() }
    }

    /// Its files are copied; before that, a copy has nothing.
    pub(super) fn copy(&mut self) {
        self.copy = (self.lives.clone(), self.deeds.clone(), self.revision);
    }

    /// The copy is put back. Leases begin anew; watchers see all of it.
    pub(super) fn put_back(&mut self, now: Millis, pace: &Pace) {
        (self.lives, self.deeds, self.revision) = self.copy.clone();
        self.lives.values_mut().for_each(|(until, _)| *until = now + pace.lease);
        let lives = self.lives.keys().map(|life| (now, News::Came(life.clone())));
        let deeds =
            self.deeds.iter().map(|(tenant, (revision, deed))| (now, News::Stands(*tenant, *revision, Some(deed.clone()))));
        self.says.clear();
        self.log = lives.chain(deeds).collect();
        (self.era, self.back_at) = (self.era + 1, now);
    }

    /// Whether that was a moment ago.
    pub(super) fn is_fresh(&self, now: Millis) -> bool {
        self.era > 0 && now < self.back_at + 45_000
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
            self.says.remove(life);
            self.log.push((now, News::Went(life.clone())));
        }
    }

    pub(super) fn any_life(&self, at: u64) -> Option<Life> {
        self.lives.keys().nth(at as usize).cloned()
    }

    /// What comes of an errand: the answer.
    pub(super) fn take(&mut self, errand: Errand, now: Millis, pace: &Pace) -> Option<News> {
        match errand {
            Errand::Join(life, before) => {
                let is_other = |other: &Life| other.node == life.node && *other != life && Some(other) != before.as_ref();
                if self.lives.keys().any(is_other) {
                    return None;
                }
                before.iter().filter(|before| **before != life).for_each(|before| self.end(before, now));
                self.write();
                // Put once more, a key keeps the revision by which it came.
                let born = self.lives.get(&life).map_or(self.revision, |(_, born)| *born);
                self.lives.insert(life.clone(), (now + pace.lease, born));
                self.log.push((now, News::Came(life.clone())));
                Some(News::Joined(life, born))
            }
            Errand::Say(life, reach) => {
                if self.lives.contains_key(&life) {
                    self.write();
                    self.says.insert(life.clone(), reach.clone());
                    self.log.push((now, News::Says(life, reach)));
                }
                None
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
