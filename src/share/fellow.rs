//! One node: what it takes, judges and gives back.

use std::collections::{BTreeMap, BTreeSet};

use super::holding::{Holding, Plot};
use super::{Deed, Errand, Fence, Life, Millis, News, Pace, Reach, Tenant};

/// Above the bits of a revision that a tenure has.
const TURN: u32 = 48;

/// Whether something may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assent {
    /// It is, in this tenure.
    Granted(u64),
    /// etcd is asked, and a moment later it may be.
    Soon,
    /// Not here, or not now: another node judges, the storage has not told, or etcd does not answer.
    NotNow,
}

/// Whether etcd knows this process.
pub(super) enum Membership {
    Out,
    Joining(Life, Millis),
    /// Since the revision by which its key came. Another one of the same name is a Join that came twice, after the end.
    In(Life, u64, Fence),
}

/// One node among several. See the room's head.
pub struct Fellow {
    pub(super) node: String,
    pub(super) pace: Pace,
    pub(super) membership: Membership,
    pub(super) lives: BTreeSet<Life>,
    /// What stands beside them, where anything does; what is to stand beside ours, and when it was asked for.
    pub(super) says: BTreeMap<Life, Reach>,
    pub(super) reach: Reach,
    pub(super) said: Millis,
    pub(super) plots: BTreeMap<Tenant, Plot>,
    /// When an association is to be looked at.
    pub(super) due: BTreeMap<Tenant, Millis>,
    /// Nothing of our lives of before is under way.
    pub(super) quiet: bool,
    pub(super) hurries: bool,
    /// It may not join.
    barred: bool,
    /// The process is to end.
    pub(super) leaves: bool,
    /// The life that was asked for last: by this process, or by an earlier one of the same state folder.
    last: Option<Life>,
    /// The numbers of all that were.
    drawn: BTreeSet<u64>,
    /// How often etcd was another one: revisions begin anew then.
    turns: u64,
    /// When the fence had closed for which what was under way was cut.
    cut: Millis,
    pub(super) errands: Vec<Errand>,
}

impl Fellow {
    /// A process that has just started, and is the only one of its node: of earlier ones nothing is under way.
    pub fn new(node: &str, pace: Pace) -> Fellow {
        let (lives, plots, due, errands) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new(), Vec::new());
        let membership = Membership::Out;
        Fellow {
            node: node.into(),
            pace,
            membership,
            lives,
            says: BTreeMap::new(),
            reach: Reach::default(),
            said: 0,
            plots,
            due,
            quiet: true,
            hurries: false,
            barred: false,
            leaves: false,
            last: None,
            drawn: BTreeSet::new(),
            turns: 0,
            cut: 0,
            errands,
        }
    }

    /// The same after a process of the same state folder, which had asked for the life of this number last.
    pub fn after(mut self, number: u64) -> Fellow {
        self.last = Some(Life { node: self.node.clone(), number });
        self.drawn.insert(number);
        self
    }

    /// Whether there is a life of this node that is none of ours: another machine has our name.
    pub fn has_namesake(&self) -> bool {
        self.lives.iter().any(|life| life.node == self.node && !self.drawn.contains(&life.number))
    }

    /// What is to be done. To be called often, and after each of the other calls; `fresh` is a random number that was never given before.
    pub fn tick(&mut self, now: Millis, fresh: u64) -> Vec<Errand> {
        match &self.membership {
            Membership::Joining(_, since) if now < since.saturating_add(self.pace.again) => {}
            Membership::Out | Membership::Joining(..) if self.barred || self.leaves => {}
            Membership::Out | Membership::Joining(..) => {
                let life = Life { node: self.node.clone(), number: fresh };
                self.drawn.insert(fresh);
                self.errands.push(Errand::Join(life.clone(), self.last.replace(life.clone())));
                self.membership = Membership::Joining(life, now);
            }
            Membership::In(..) => {
                self.confirm(now);
                self.say(now);
            }
        }
        let due: Vec<_> = self.due.iter().filter(|(_, at)| **at <= now).map(|(tenant, _)| *tenant).collect();
        for tenant in due {
            self.due.remove(&tenant);
            if let Some(mut plot) = self.plots.remove(&tenant) {
                let next = self.look(tenant, &mut plot, now);
                self.plots.insert(tenant, plot);
                self.due.extend(next.map(|at| (tenant, at)));
            }
        }
        std::mem::take(&mut self.errands)
    }

    /// Something has happened.
    pub fn hear(&mut self, news: News, now: Millis) {
        match news {
            News::Joined(life, born) => {
                if matches!(&self.membership, Membership::Joining(asked, _) if *asked == life) {
                    self.membership = Membership::In(life, born, Fence::default());
                    self.look_at_all();
                }
            }
            News::Barred(barred) => self.bar(barred),
            News::Forget => self.forget(),
            News::Confirmed(life, born, number) => match &mut self.membership {
                Membership::In(own, since, fence) if *own == life && *since == born => fence.confirm(number, &self.pace),
                Membership::In(own, ..) if *own == life => self.lose(),
                Membership::Out | Membership::Joining(..) | Membership::In(..) => {}
            },
            News::Lost(life) => {
                if self.life() == Some(&life) {
                    self.lose();
                }
            }
            News::Says(life, reach) => self.says(life, reach),
            News::StoredAt(tenant, store) => self.stored_at(tenant, store),
            News::Came(life) => self.came(life),
            News::Went(life) => self.went(&life),
            News::Exists(tenant, limit) => {
                let plot = self.plots.entry(tenant).or_insert_with(|| Plot { deed: Some(Deed::default()), ..Plot::default() });
                plot.limit = limit;
                self.due.insert(tenant, 0);
            }
            News::Stands(tenant, revision, deed) => self.stands(tenant, revision, deed, now),
            News::Counted(tenant, revision) => {
                if let Some(plot) = self.plots.get_mut(&tenant) {
                    plot.holding = std::mem::take(&mut plot.holding).counted(revision);
                }
                self.due.insert(tenant, 0);
            }
            News::Quiet => {
                if !std::mem::replace(&mut self.quiet, true) {
                    self.look_at_all();
                }
            }
        }
    }

    /// Which node judges, as far as is known here.
    pub fn judge_of(&self, tenant: Tenant) -> Option<&str> {
        let (life, _) = self.plots.get(&tenant)?.deed.as_ref()?.holder.as_ref()?;
        self.lives.contains(life).then_some(life.node.as_str())
    }

    /// Whether it judges here, and what is there is known.
    pub fn judges(&self, tenant: Tenant) -> bool {
        self.plots.get(&tenant).is_some_and(|plot| matches!(plot.holding, Holding::Judging(_)))
    }

    /// The tenure in which it judges here.
    pub fn tenure(&self, tenant: Tenant) -> Option<u64> {
        let plot = self.plots.get(&tenant)?;
        if let Holding::Judging(hand) = &plot.holding { Some(hand.tenure) } else { None }
    }

    /// Whether it would grant something now.
    pub fn would_grant(&self, tenant: Tenant, now: Millis) -> bool {
        matches!(&self.membership, Membership::In(.., fence) if now < fence.until()) && self.judges(tenant)
    }

    pub(super) fn life(&self) -> Option<&Life> {
        match &self.membership {
            Membership::In(life, ..) => Some(life),
            Membership::Out | Membership::Joining(..) => None,
        }
    }

    pub(super) fn look_at_all(&mut self) {
        self.due.extend(self.plots.keys().map(|tenant| (*tenant, 0)));
    }

    /// Asks etcd, when it is time, and ends what is under way when it did not answer for long.
    fn confirm(&mut self, now: Millis) {
        let Membership::In(life, _, fence) = &mut self.membership else { return };
        let waits = fence.waits_since();
        let is_time = waits.is_none_or(|at| now >= at.saturating_add(self.pace.every));
        let next = fence.until().saturating_sub(self.pace.hold).saturating_add(self.pace.every);
        if is_time && (self.hurries || waits.is_some() || now >= next) {
            self.hurries = false;
            self.errands.push(Errand::Confirm(life.clone(), fence.ask(now)));
        }
        let until = fence.until();
        if self.cut != until && now >= until.saturating_add(self.pace.drain) {
            self.cut = until;
            let open = self.plots.iter().filter(|(_, plot)| plot.holding.hand().is_some_and(|hand| hand.exposure.open() > 0));
            self.errands.extend(open.map(|(tenant, _)| Errand::Cut(*tenant)));
        }
    }

    /// Whoever may not judge says so to others, who may.
    fn bar(&mut self, barred: bool) {
        if std::mem::replace(&mut self.barred, barred) || !barred {
            return;
        }
        match std::mem::replace(&mut self.membership, Membership::Out) {
            Membership::In(life, ..) | Membership::Joining(life, _) => {
                self.lose();
                self.errands.push(Errand::End(life));
            }
            Membership::Out => {}
        }
    }

    fn forget(&mut self) {
        if self.life().is_some() {
            self.lose();
        }
        self.lives.clear();
        self.says.clear();
        self.turns += 1;
        for plot in self.plots.values_mut() {
            (plot.revision, plot.deed) = (0, Some(Deed::default()));
        }
    }

    /// The life is gone: others may take what was ours, and hold back what we may have on its way.
    pub(super) fn lose(&mut self) {
        self.membership = Membership::Out;
        for (tenant, plot) in &mut self.plots {
            if plot.holding.hand().is_some() {
                self.errands.push(Errand::Cut(*tenant));
                self.quiet = false;
            }
            plot.holding = Holding::Elsewhere;
        }
    }

    fn stands(&mut self, tenant: Tenant, revision: u64, deed: Option<Deed>, now: Millis) {
        let own = self.life().cloned();
        let Some(plot) = self.plots.get_mut(&tenant).filter(|plot| revision > plot.revision) else { return };
        (plot.revision, plot.deed) = (revision, deed);
        let holder = plot.deed.as_ref().and_then(|deed| deed.holder.as_ref());
        let withheld = plot.deed.as_ref().map_or(u64::MAX, Deed::withheld);
        let is_ours = own.is_some() && holder.map(|(life, _)| life) == own.as_ref();
        plot.holding = match std::mem::take(&mut plot.holding) {
            holding if is_ours => holding.ours(revision | self.turns << TURN, now, withheld),
            // Whoever waits for it tries again.
            Holding::Elsewhere | Holding::Taking(_) => Holding::Elsewhere,
            Holding::Counting(..) | Holding::Judging(_) | Holding::Leaving(..) => {
                self.errands.push(Errand::Cut(tenant));
                self.quiet = false;
                Holding::Elsewhere
            }
        };
        // One that expects an older revision can be done no more; and if it was, this is what came of it.
        if let Some(hand) = plot.holding.hand_mut() {
            hand.writing = None;
        }
        let left = plot.deed.as_ref().is_some_and(|deed| deed.left.iter().any(|(life, _)| life.node == self.node));
        if is_ours || left || !plot.is_held_by_one_of(&self.lives) {
            self.due.insert(tenant, 0);
        }
    }
}
