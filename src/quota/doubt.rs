//! What was handed over and never answered: stored or not. It stays counted until a count that began later (docs/quota.md).

use super::Amount;
use super::pulse::{REST, Tick};

/// Kept apart at most; beyond, the newest two are one and end with the later.
const APART: usize = 16;

/// All of one mailbox, the oldest first.
#[derive(Default)]
pub(super) struct Doubts {
    list: Vec<Doubt>,
    total: Amount,
}

struct Doubt {
    amount: Amount,
    /// Counts that had begun when it arose.
    begun: u64,
    arose: Tick,
}

impl Doubts {
    /// All together.
    pub(super) fn total(&self) -> Amount {
        self.total
    }

    /// One more, when `begun` counts had begun.
    pub(super) fn add(&mut self, amount: Amount, begun: u64, now: Tick) {
        self.total = self.total.plus(amount);
        let full = self.list.len() >= APART;
        match self.list.last_mut() {
            Some(last) if full || (last.begun, last.arose) == (begun, now) => {
                *last = Doubt { amount: last.amount.plus(amount), begun, arose: now };
            }
            _ => self.list.push(Doubt { amount, begun, arose: now }),
        }
    }

    /// Count number `begun` is finished: what arose before it began ends.
    pub(super) fn counted(&mut self, begun: u64) {
        self.keep(|doubt| doubt.begun >= begun);
    }

    /// The backend pushed: what arose well before ends.
    pub(super) fn pushed(&mut self, now: Tick) {
        self.aged(now, REST);
    }

    /// What is as old as `age` by now ends.
    pub(super) fn aged(&mut self, now: Tick, age: Tick) {
        self.keep(|doubt| now.saturating_sub(doubt.arose) < age);
    }

    /// So much of the newest ends; what was there of it.
    pub(super) fn forget(&mut self, amount: Amount) -> Amount {
        let (mut left, was) = (amount, self.total);
        for doubt in self.list.iter_mut().rev() {
            let part = doubt.amount.least(left);
            (doubt.amount, left) = (doubt.amount.minus(part), left.minus(part));
        }
        self.keep(|doubt| doubt.amount != Amount::ZERO);
        was.minus(self.total)
    }

    fn keep(&mut self, stays: impl Fn(&Doubt) -> bool) {
        self.list.retain(stays);
        self.total = self.list.iter().fold(Amount::ZERO, |total, doubt| total.plus(doubt.amount));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ends_with_a_later_count_or_a_later_push() {
        let mut doubts = Doubts::default();
        doubts.add(Amount::message(1), 1, 0);
        doubts.add(Amount::message(2), 1, 0);
        doubts.add(Amount::message(4), 2, 9);
        doubts.counted(1);
        assert_eq!(doubts.total(), Amount { octets: 7, messages: 3 });
        doubts.counted(2);
        assert_eq!(doubts.total(), Amount::message(4));
        doubts.pushed(9 + REST - 1);
        assert_eq!(doubts.total(), Amount::message(4));
        doubts.pushed(9 + REST);
        assert_eq!(doubts.total(), Amount::ZERO);
    }

    #[test]
    fn what_is_forgotten_is_of_the_newest() {
        let mut doubts = Doubts::default();
        doubts.add(Amount::message(100), 1, 0);
        doubts.add(Amount::message(10), 1, 4);
        doubts.add(Amount::message(1), 1, 5);
        assert_eq!(doubts.forget(Amount { octets: 11, messages: 2 }), Amount { octets: 11, messages: 2 });
        assert_eq!((doubts.total(), doubts.list.len()), (Amount::message(100), 1));
        assert_eq!(doubts.forget(Amount { octets: 500, messages: 9 }), Amount::message(100));
    }

    #[test]
    fn many_are_bounded_and_none_ends_early() {
        let mut doubts = Doubts::default();
        (0..100).for_each(|at| doubts.add(Amount::message(1), at, at));
        assert_eq!((doubts.list.len(), doubts.total().messages), (APART, 100));
        doubts.counted(99);
        assert_eq!(doubts.total().messages, 100 - (APART as u64 - 1));
        doubts.counted(100);
        assert_eq!(doubts.total(), Amount::ZERO);
    }
}
