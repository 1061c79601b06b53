//! What a node does about each association, when something has happened or time has passed: take, count, write anew what has no answer, give back.

use super::fellow::{Fellow, Membership};
use super::holding::{Amendment, Holding, Plot};
use super::{Deed, Errand, Life, Millis, Tenant, flight_for, nearest};

impl Fellow {
    /// Sets what may be on its way back to what the limit gives, where a large message has asked for more. To be called at moments that have nothing to do
    /// with anybody's acts.
    pub fn rest(&mut self, now: Millis) {
        let Membership::In(life, _, fence) = &self.membership else { return };
        for (tenant, plot) in &mut self.plots {
            let (Holding::Judging(hand), Some(deed), revision) = (&mut plot.holding, &plot.deed, plot.revision) else { continue };
            let flight = flight_for(plot.limit);
            if hand.writing.is_some() || hand.flight(deed) == flight || hand.exposure.total(fence.confirmed()) > flight {
                continue;
            }
            let deed = Deed { holder: Some((life.clone(), flight)), left: deed.left.clone() };
            hand.writing = Some(Amendment { revision, deed: deed.clone(), at: now });
            self.errands.push(Errand::Write { tenant: *tenant, revision, deed });
            self.due.insert(*tenant, now.saturating_add(self.pace.again));
        }
    }

    /// Does what is to be done about one association; when to look again.
    pub(super) fn look(&mut self, tenant: Tenant, plot: &mut Plot, now: Millis) -> Option<Millis> {
        let own = self.life()?.clone();
        let nodes = self.lives.iter().map(|life| life.node.as_str()).chain([own.node.as_str()]);
        let is_nearest = nearest(tenant, nodes) == Some(own.node.as_str());
        let is_free = !plot.is_held_by_one_of(&self.lives);
        let holding = std::mem::take(&mut plot.holding);
        plot.holding = if is_nearest { holding.stay() } else { holding.leave(now, &self.pace) };
        match &mut plot.holding {
            Holding::Elsewhere if is_nearest && is_free => self.take(tenant, plot, &own, now),
            Holding::Elsewhere => self.strike(tenant, plot, &own, now),
            Holding::Taking(until) if now < *until => Some(*until),
            Holding::Taking(_) => {
                plot.holding = Holding::Elsewhere;
                Some(now)
            }
            Holding::Counting(_) => self.count(tenant, plot, now),
            Holding::Judging(hand) => {
                let over = hand.since.saturating_add(self.pace.forget);
                let deed = plot.deed.as_ref()?;
                let struck = deed.without(|life| now >= over || self.has_ended(life, &own));
                let next = (!struck.left.is_empty()).then_some(over);
                let wanted = (struck != *deed).then_some(struck);
                let count = self.count(tenant, plot, now);
                let write = self.write(tenant, plot, wanted, now);
                [next, count, write].into_iter().flatten().min()
            }
            Holding::Leaving(hand, _) if hand.exposure.open() == 0 => {
                let deed = plot.deed.as_ref()?;
                let given = Deed { holder: None, ..deed.without(|life| self.has_ended(life, &own)) };
                self.write(tenant, plot, Some(given), now)
            }
            Holding::Leaving(_, until) if now < *until => Some(*until),
            Holding::Leaving(..) => {
                self.errands.push(Errand::Cut(tenant));
                Some(now.saturating_add(self.pace.again))
            }
        }
    }

    /// Whether nothing can come any more of another life than `own`.
    fn has_ended(&self, life: &Life, own: &Life) -> bool {
        self.quiet && life.node == self.node && life != own
    }

    /// Asks the storage, where it is to be asked; when to look again.
    fn count(&mut self, tenant: Tenant, plot: &mut Plot, now: Millis) -> Option<Millis> {
        let withheld = plot.deed.as_ref().map_or(u64::MAX, Deed::withheld);
        let hand = plot.holding.hand_mut()?;
        let at = hand.count_at(withheld)?;
        if now < at {
            return Some(at);
        }
        let again = now.saturating_add(self.pace.again);
        hand.asked = (plot.revision, withheld, again);
        self.errands.push(Errand::Count(tenant, plot.revision));
        Some(again)
    }

    fn take(&mut self, tenant: Tenant, plot: &mut Plot, own: &Life, now: Millis) -> Option<Millis> {
        let again = now.saturating_add(self.pace.again);
        // One that cannot be read is nobody's to take.
        let deed = plot.deed.as_ref()?;
        let from = deed.holder.as_ref().map(|(life, _)| life.clone());
        let taken = deed.taken_by(own.clone(), flight_for(plot.limit), |life| self.has_ended(life, own));
        self.errands.push(Errand::Take { tenant, revision: plot.revision, from, deed: taken });
        plot.holding = Holding::Taking(again);
        Some(again)
    }

    /// Says in a deed that is another one's that nothing comes of our lives of before.
    fn strike(&mut self, tenant: Tenant, plot: &Plot, own: &Life, now: Millis) -> Option<Millis> {
        let deed = plot.deed.as_ref()?;
        let struck = deed.without(|life| self.has_ended(life, own));
        if struck == *deed {
            return None;
        }
        self.errands.push(Errand::Write { tenant, revision: plot.revision, deed: struck });
        Some(now.saturating_add(self.pace.again))
    }

    /// Writes what is wanted, or once more what has no answer; when to look again.
    fn write(&mut self, tenant: Tenant, plot: &mut Plot, wanted: Option<Deed>, now: Millis) -> Option<Millis> {
        let again = now.saturating_add(self.pace.again);
        let hand = plot.holding.hand_mut()?;
        let writing = match (hand.writing.take(), wanted) {
            (Some(writing), _) if now < writing.at.saturating_add(self.pace.again) => {
                let at = writing.at.saturating_add(self.pace.again);
                hand.writing = Some(writing);
                return Some(at);
            }
            (Some(writing), _) => Amendment { at: now, ..writing },
            (None, Some(deed)) => Amendment { revision: plot.revision, deed, at: now },
            (None, None) => return None,
        };
        self.errands.push(Errand::Write { tenant, revision: writing.revision, deed: writing.deed.clone() });
        hand.writing = Some(writing);
        Some(again)
    }
}
