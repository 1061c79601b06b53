//! The last ticks of one number: what was committed in them, or the largest that was pushed in them.

use super::Amount;
use super::pulse::{BLUR, Tick};

const SLOTS: usize = BLUR as usize;

/// One amount for each of the last [`BLUR`] ticks. No allocation: it is on the way of every commit.
#[derive(Clone, Copy, Default)]
pub(super) struct Recent {
    /// When anything was noted last.
    last: Option<Tick>,
    slots: [Amount; SLOTS],
}

impl Recent {
    /// Nothing but `amount`.
    pub(super) fn only(amount: Amount, now: Tick) -> Recent {
        let mut recent = Recent::default();
        *recent.slot(now) = amount;
        recent
    }

    /// The amount of this tick; what is older than the window goes.
    pub(super) fn slot(&mut self, now: Tick) -> &mut Amount {
        let gone = self.last.map_or(BLUR, |last| now.saturating_sub(last)).min(BLUR);
        for back in 0..gone {
            self.slots[place(now.saturating_sub(back))] = Amount::ZERO;
        }
        self.last = Some(now);
        &mut self.slots[place(now)]
    }

    /// When anything was noted last.
    pub(super) fn last(&self) -> Option<Tick> {
        self.last
    }

    /// Everything in the window that ends now.
    pub(super) fn sum(&self, now: Tick) -> Amount {
        let Some(last) = self.last else { return Amount::ZERO };
        let ticks = (0..BLUR).filter_map(|back| now.checked_sub(back)).filter(|tick| *tick <= last && last - tick < BLUR);
        ticks.fold(Amount::ZERO, |sum, tick| sum.plus(self.slots[place(tick)]))
    }

    /// The largest of both numbers in the window that ended with the last note.
    pub(super) fn most(&self) -> Amount {
        self.slots.iter().fold(Amount::ZERO, |most, slot| most.most(*slot))
    }
}

fn place(tick: Tick) -> usize {
    usize::try_from(tick % BLUR).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_in_the_window_as_long_as_it_may_be_out_of_order() {
        let mut recent = Recent::default();
        assert_eq!((recent.sum(0), recent.last()), (Amount::ZERO, None));
        *recent.slot(0) = Amount::message(1);
        *recent.slot(1) = Amount::message(10);
        let octets = |recent: &Recent, now| recent.sum(now).octets;
        assert_eq!([octets(&recent, 1), octets(&recent, 2), octets(&recent, 3), octets(&recent, 99)], [11, 10, 0, 0]);
        assert_eq!(recent.most(), Amount::message(10));
        *recent.slot(2) = Amount::message(5);
        assert_eq!((octets(&recent, 2), recent.most().octets), (15, 10));
        *recent.slot(40) = Amount::message(3);
        assert_eq!((octets(&recent, 40), recent.most().octets), (3, 3));
    }
}
