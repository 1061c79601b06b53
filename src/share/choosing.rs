//! Which of the living nodes is to judge an association: the nearest one of those that reach its storage, as they say. All nodes read the same in etcd, and find
//! the same one; where they do not for a moment, nobody judges it, or it is taken back and forth once: no limit hangs on it (docs/many-nodes.md).

use super::fellow::{Fellow, Membership};
use super::{Errand, Life, Millis, Reach, StoreNumber, Tenant, nearest};

impl Fellow {
    /// From now on this is to be said of this node.
    pub fn reaches(&mut self, reach: Reach) {
        if reach != self.reach {
            (self.reach, self.said) = (reach, 0);
        }
    }

    /// Storages that some living node does not reach.
    pub fn missed(&self) -> impl Iterator<Item = StoreNumber> {
        self.says.values().flat_map(|says| says.away.iter().copied())
    }

    /// Whether `own` is to judge what is at this storage. Where the nearest one does not reach it, only those come into question who say that they do: a node
    /// of an older version says nothing of it and knows nothing of it, and would be waited for in vain.
    pub(super) fn is_first_choice(&self, tenant: Tenant, store: StoreNumber, own: &Life) -> bool {
        let lives = || self.lives.iter().filter(|life| *life != own).chain([own]);
        let is_away = |life: &Life| self.says.get(life).is_some_and(|says| says.away.contains(&store));
        let is_here = |life: &Life| self.says.get(life).is_some_and(|says| says.here.contains(&store)) && !is_away(life);
        let first = nearest(tenant, lives().map(|life| life.node.as_str()));
        let is_lost = lives().any(|life| Some(life.node.as_str()) == first && is_away(life));
        let instead = nearest(tenant, lives().filter(|life| is_lost && is_here(life)).map(|life| life.node.as_str()));
        instead.or(first) == Some(own.node.as_str())
    }

    /// Says it, until it stands there.
    pub(super) fn say(&mut self, now: Millis) {
        let Membership::In(own, ..) = &self.membership else { return };
        let stands = self.says.get(own).map_or_else(|| self.reach.is_empty(), |says| *says == self.reach);
        if !stands && (self.said == 0 || now >= self.said.saturating_add(self.pace.again)) {
            self.said = now.max(1);
            self.errands.push(Errand::Say(own.clone(), self.reach.clone()));
        }
    }

    /// Another node, or this one, has said something else: whose turn it is may be another's now.
    pub(super) fn says(&mut self, life: Life, reach: Reach) {
        let before = if reach.is_empty() { self.says.remove(&life) } else { self.says.insert(life.clone(), reach.clone()) };
        if before.unwrap_or_default() != reach {
            self.look_at_all();
        }
    }

    /// What is ours and nearer to the new one is to go there.
    pub(super) fn came(&mut self, life: Life) {
        let nearer = |tenant: Tenant| nearest(tenant, [self.node.as_str(), &life.node]) != Some(self.node.as_str());
        let ours = self.plots.iter().filter(|(tenant, plot)| plot.holding.hand().is_some() && nearer(**tenant));
        self.due.extend(ours.map(|(tenant, _)| (*tenant, 0)));
        self.lives.insert(life);
    }

    /// What it judged, or what nobody took since, may be for us.
    pub(super) fn went(&mut self, life: &Life) {
        if self.life() == Some(life) {
            self.lose();
        }
        self.lives.remove(life);
        if self.says.remove(life).is_some() {
            self.look_at_all();
        }
        let free = self.plots.iter().filter(|(_, plot)| !plot.is_held_by_one_of(&self.lives));
        self.due.extend(free.map(|(tenant, _)| (*tenant, 0)));
    }

    pub(super) fn stored_at(&mut self, tenant: Tenant, store: StoreNumber) {
        if let Some(plot) = self.plots.get_mut(&tenant) {
            plot.store = store;
        }
        self.due.insert(tenant, 0);
    }
}
