//! One machine: a node, its book of numbers, and what comes to it.

use std::collections::BTreeMap;

use super::super::{Assent, Fellow, Millis, News, Tenant};
use super::storage::Write;

/// What a node has on its book of one association.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers {
    pub(super) used: [u64; 2],
    pub(super) open: [u64; 2],
}

impl Numbers {
    fn sum(&self) -> u64 {
        self.used.iter().chain(&self.open).sum()
    }

    /// Whether both limits, less what is held back, have room.
    pub(super) fn admits(&self, mailbox: usize, octets: u64, withheld: u64, limits: (u64, u64)) -> bool {
        let own = self.used[mailbox] + self.open[mailbox];
        let more = octets.saturating_add(withheld);
        own.saturating_add(more) <= limits.0 && self.sum().saturating_add(more) <= limits.1
    }
}

pub(super) struct Machine {
    pub(super) name: String,
    pub(super) fellow: Option<Fellow>,
    pub(super) process: u64,
    /// The life that was asked for last: on its disk.
    pub(super) last: Option<u64>,
    pub(super) clock: Millis,
    /// Parts of a thousand that it goes too fast, above 50; too slow, below.
    pub(super) speed: u64,
    /// What etcd's log it has seen, and how late it sees it.
    pub(super) seen: usize,
    /// Which etcd that was, and until when it judges nothing because it is another one; 0: it may.
    pub(super) era: u64,
    pub(super) back: Millis,
    pub(super) lag: Millis,
    pub(super) stopped: Millis,
    pub(super) frozen: Millis,
    pub(super) dead: Millis,
    /// Until when it may hand on what it has, before it ends; 0: it was not told to end.
    pub(super) leaves: Millis,
    /// Until when it sees nothing of what changes in etcd, though it is answered.
    pub(super) blind: Millis,
    /// Its links to etcd and to the storage.
    pub(super) cut: Millis,
    pub(super) apart: Millis,
    /// When it did not reach the storage, as far as it knows: the last time.
    pub(super) missed: Millis,
    /// When it arrives, and for which process.
    pub(super) mail: Vec<(Millis, u64, News)>,
    /// How writes ended, when it hears of it.
    pub(super) ends: Vec<(Millis, Write)>,
    /// Counts that were begun: when they are told, and what was found, which is known when the storage was read.
    pub(super) counts: Vec<(Millis, u64, Tenant, u64, [u64; 2])>,
    pub(super) book: BTreeMap<(Tenant, u64), Numbers>,
}

impl Machine {
    pub(super) fn new(name: String, clock: Millis, speed: u64, lag: Millis) -> Machine {
        Machine {
            name,
            fellow: None,
            process: 0,
            last: None,
            clock,
            speed,
            seen: 0,
            era: 0,
            back: 0,
            lag,
            stopped: 0,
            frozen: 0,
            dead: 0,
            leaves: 0,
            blind: 0,
            cut: 0,
            apart: 0,
            missed: 0,
            mail: Vec::new(),
            ends: Vec::new(),
            counts: Vec::new(),
            book: BTreeMap::new(),
        }
    }

    pub(super) fn is_awake(&self, now: Millis) -> bool {
        now >= self.stopped && now >= self.frozen && self.fellow.is_some()
    }

    pub(super) fn would_grant(&self, tenant: Tenant) -> bool {
        self.fellow.as_ref().is_some_and(|fellow| fellow.would_grant(tenant, self.clock))
    }

    /// The process is gone, and what it knew.
    pub(super) fn die(&mut self, until: Millis) {
        self.fellow = None;
        self.dead = until;
        self.leaves = 0;
        self.mail.clear();
        self.ends.clear();
        self.counts.clear();
        self.book.clear();
    }

    /// It sees that etcd is another one than it was: it waits so long.
    pub(super) fn forget(&mut self, era: u64, long: Millis) {
        (self.era, self.seen, self.back) = (era, 0, self.clock + long);
        self.mail.clear();
        let news = [News::Barred(true), News::Forget];
        self.fellow.iter_mut().for_each(|fellow| news.iter().for_each(|news| fellow.hear(news.clone(), self.clock)));
    }

    /// The time is over.
    pub(super) fn go_on(&mut self) {
        if self.back == 0 || self.clock < self.back {
            return;
        }
        (self.seen, self.back) = (0, 0);
        let news = [News::Forget, News::Barred(false)];
        self.fellow.iter_mut().for_each(|fellow| news.iter().for_each(|news| fellow.hear(news.clone(), self.clock)));
    }

    /// Its numbers of an association that it judges.
    pub(super) fn numbers(&mut self, tenant: Tenant) -> Option<&mut Numbers> {
        let tenure = self.fellow.as_ref()?.tenure(tenant)?;
        self.book.get_mut(&(tenant, tenure))
    }

    /// The answer to `write` has come, or never will.
    pub(super) fn end(&mut self, write: &Write, stored: bool) {
        let Some(fellow) = self.fellow.as_mut().filter(|_| self.process == write.process) else { return };
        let weight = Fellow::weight(write.octets, 1);
        if stored {
            fellow.landed(write.tenant, write.tenure, weight)
        } else {
            fellow.let_go(write.tenant, write.tenure, weight)
        }
        if let Some(numbers) = self.book.get_mut(&(write.tenant, write.tenure)) {
            numbers.open[write.mailbox] -= write.octets;
            numbers.used[write.mailbox] += if stored { write.octets } else { 0 };
        }
    }

    /// Asks for room.
    pub(super) fn ask(&mut self, tenant: Tenant, mailbox: usize, octets: u64, clock: Millis, rules: Rules) -> Assent {
        let tenure = self.fellow.as_ref().and_then(|fellow| fellow.tenure(tenant)).unwrap_or_default();
        let Some(numbers) = self.book.get_mut(&(tenant, tenure)) else { return Assent::NotNow };
        let Some(fellow) = &mut self.fellow else { return Assent::NotNow };
        let withheld = if rules.withholds { fellow.withheld(tenant) } else { 0 };
        if !numbers.admits(mailbox, octets, withheld, rules.limits) {
            return Assent::NotNow;
        }
        let answer = match fellow.grant(tenant, Fellow::weight(octets, 1), clock) {
            Assent::Soon if !rules.confirms => Assent::Granted(tenure),
            answer => answer,
        };
        if let Assent::Granted(granted) = answer {
            assert_eq!(granted, tenure, "granted without a count");
            numbers.open[mailbox] += octets;
        }
        answer
    }
}

/// Which rules a node keeps.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) withholds: bool,
    pub(super) confirms: bool,
    pub(super) limits: (u64, u64),
}
