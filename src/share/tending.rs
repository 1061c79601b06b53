//! What a node does about each association, when something has happened or time has passed: take, count, write anew what has no answer, give back.

use super::fellow::{Fellow, Membership};
use super::holding::{Amendment, Hand, Holding, Plot};
use super::{Deed, Errand, Life, Millis, Tenant, flight_for};

impl Fellow {
    /// The process is to end, and nothing is granted any more: what is ours goes to whoever takes it, and where nothing is under way, nothing is held
    /// back for us.
    pub fn leave(&mut self) {
        self.leaves = true;
        self.look_at_all();
    }

    /// Whether no more can be handed on: the life may end. To be asked after [`Fellow::leave`].
    pub fn has_left(&self, now: Millis) -> bool {
        self.plots.values().all(|plot| match &plot.holding {
            Holding::Elsewhere => true,
            Holding::Taking(_) => false,
            Holding::Counting(hand) | Holding::Judging(hand) | Holding::Leaving(hand, _) => hand.is_unsure(now, &self.pace),
        })
    }

    /// How many associations are ours, and for longer than this the storage has not told what is there.
    pub fn uncounted(&self, now: Millis, long: Millis) -> usize {
        let waits = |plot: &&Plot| matches!(&plot.holding, Holding::Counting(hand) if now >= hand.since.saturating_add(long));
        self.plots.values().filter(waits).count()
    }

    /// Does what is to be done about one association; when to look again.
    pub(super) fn look(&mut self, tenant: Tenant, plot: &mut Plot, now: Millis) -> Option<Millis> {
        let own = self.life()?.clone();
        let is_nearest = self.is_first_choice(tenant, plot.store, &own) && !self.leaves;
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
                let (flight, back) = self.flight(hand, deed, flight_for(plot.limit), now);
                let wanted = Deed { holder: Some((own.clone(), flight)), ..struck };
                let wanted = (wanted != *deed).then_some(wanted);
                let count = self.count(tenant, plot, now);
                let write = self.write(tenant, plot, wanted, now);
                [next, back, count, write].into_iter().flatten().min()
            }
            // A node that ends does not wait for it: then it is held back as if we had been killed.
            Holding::Leaving(hand, _) if hand.is_unsure(now, &self.pace) => Some(now.saturating_add(self.pace.again)),
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

    /// What may be on its way from now on, and when to look again: what the limit gives, where a large message has asked for more, and none has for a
    /// while.
    fn flight(&self, hand: &Hand, deed: &Deed, least: u64, now: Millis) -> (u64, Option<Millis>) {
        let stands = deed.holder.as_ref().map_or(0, |(_, flight)| *flight);
        if stands == least {
            return (stands, None);
        }
        let at = hand.set_back_at(&self.pace);
        let confirmed = if let Membership::In(.., fence) = &self.membership { fence.confirmed() } else { 0 };
        if now >= at && hand.writing.is_none() && hand.exposure.total(confirmed) <= least {
            return (least, None);
        }
        (stands, Some(at.max(now.saturating_add(self.pace.again))))
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
