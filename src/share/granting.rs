//! What a node lets pass: within its fence and its flight, and how that ends.

use super::fellow::Membership;
use super::holding::{Amendment, Holding, Plot};
use super::{Assent, Deed, Errand, Exposure, Fellow, Millis, Tenant, Within, flight_for};

impl Fellow {
    /// See [`Exposure::weight`].
    pub fn weight(octets: u64, messages: u64) -> u64 {
        Exposure::weight(octets, messages)
    }

    /// Whether a message of so many octets of the flight ([`Exposure::weight`]) may be granted, which the book does within the limits less
    /// [`Fellow::withheld`]. What is granted must end by [`Fellow::landed`] or [`Fellow::let_go`].
    pub fn grant(&mut self, tenant: Tenant, weight: u64, now: Millis) -> Assent {
        let Membership::In(life, _, fence) = &self.membership else { return Assent::NotNow };
        let Some(plot) = self.plots.get_mut(&tenant) else { return Assent::NotNow };
        let Plot { holding: Holding::Judging(hand), deed: Some(deed), revision, limit, .. } = plot else { return Assent::NotNow };
        if now >= fence.until() {
            return Assent::NotNow;
        }
        match hand.exposure.admits(weight, hand.flight(deed), fence.confirmed()) {
            Within::Yes => {
                hand.exposure.grant(weight);
                if hand.exposure.total(fence.confirmed()) > flight_for(*limit) {
                    hand.needed = now;
                }
                Assent::Granted(hand.tenure)
            }
            Within::Confirm => {
                self.hurries = true;
                Assent::Soon
            }
            Within::Raise(least) => {
                hand.needed = now;
                if hand.writing.is_none() {
                    // One that announces large messages does not bring it to the limit, unless one alone is as large.
                    let most = limit.map_or(u64::MAX, |limit| limit / 2).max(least);
                    let flight = least.checked_next_power_of_two().unwrap_or(u64::MAX).min(most);
                    let deed = Deed { holder: Some((life.clone(), flight)), left: deed.left.clone() };
                    hand.writing = Some(Amendment { revision: *revision, deed: deed.clone(), at: now });
                    self.errands.push(Errand::Write { tenant, revision: *revision, deed });
                    self.due.insert(tenant, now.saturating_add(self.pace.again));
                }
                Assent::Soon
            }
        }
    }

    /// What was granted in this tenure is stored, or nobody knows, and nothing comes any more.
    pub fn landed(&mut self, tenant: Tenant, tenure: u64, weight: u64) {
        let Membership::In(.., fence) = &self.membership else { return };
        let (asked, confirmed) = (fence.asked(), fence.confirmed());
        if let Some(hand) =
            self.plots.get_mut(&tenant).and_then(|plot| plot.holding.hand_mut()).filter(|hand| hand.tenure == tenure)
        {
            hand.exposure.land(weight, asked, confirmed);
            self.ended(tenant);
        }
    }

    /// The same, where something may still come: the storage has not said how it ended.
    pub fn lost_sight(&mut self, tenant: Tenant, tenure: u64, weight: u64, now: Millis) {
        self.landed(tenant, tenure, weight);
        let hand = self.plots.get_mut(&tenant).and_then(|plot| plot.holding.hand_mut());
        hand.filter(|hand| hand.tenure == tenure).into_iter().for_each(|hand| hand.unsure = Some(now));
    }

    /// What was granted in this tenure will never be stored.
    pub fn let_go(&mut self, tenant: Tenant, tenure: u64, weight: u64) {
        if let Some(hand) =
            self.plots.get_mut(&tenant).and_then(|plot| plot.holding.hand_mut()).filter(|hand| hand.tenure == tenure)
        {
            hand.exposure.let_go(weight);
            self.ended(tenant);
        }
    }

    /// Octets that the book keeps free in the association and in each of its mailboxes, for what earlier judges may still bring.
    pub fn withheld(&self, tenant: Tenant) -> u64 {
        let hand = self.plots.get(&tenant).and_then(|plot| plot.holding.hand());
        hand.map_or(u64::MAX, |hand| hand.withheld)
    }

    fn ended(&mut self, tenant: Tenant) {
        if matches!(self.plots.get(&tenant), Some(Plot { holding: Holding::Leaving(..), .. })) {
            self.due.insert(tenant, 0);
        }
    }
}
