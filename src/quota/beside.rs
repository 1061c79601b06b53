//! Deliveries beside each other: whether the pushes of a mailbox hold what was delivered. docs/quota.md has the reasoning.
//!
//! Which push is whose cannot be told: one may be overtaken by another, and lack the message that it is about. But all of them together tell by how
//! much the mailbox grew. Where that is what was delivered, to the message, or more, nothing is missing.

use std::cmp::Ordering;

use super::pulse::{REST, Tick};
use super::{Amount, ON_TOP};

/// From the first delivery that is handed over to the end of the last.
#[derive(Default, PartialEq)]
pub(super) struct Abreast {
    /// By how much pushes have raised the number since one lowered it.
    rose: Amount,
    /// What was delivered, and how much of it the backend may not have written.
    came: Amount,
    slack: u64,
    /// A count or a move came between, or a member stored: `rose` says nothing.
    mixed: bool,
    /// What was said before them, and pushes since then.
    from: Option<Amount>,
    pushes: u32,
}

/// Deliveries that were found in a push: what was said before them, at least, and whether exactly that.
pub(super) struct Proved {
    least: Amount,
    alone: bool,
    most: Amount,
    at: Tick,
}

impl Abreast {
    /// A push came. `said` is what the one before it said, `most` the largest at about the time of that one, each with what members stored since;
    /// `members`: what a member stores may be new in it.
    pub(super) fn pushed(&mut self, members: bool, seen: Amount, said: Amount, most: Amount) {
        self.pushes += 1;
        self.mixed |= members;
        self.from.get_or_insert(said);
        // Where it says less than the largest, mail was deleted, and what was said last is what was left. Else that one may have been overtaken.
        let before = if seen.covers(most) { most } else { said };
        self.rose = if seen.covers(before) { self.rose.plus(seen.minus(before)) } else { Amount::ZERO };
    }

    /// A count or a move came, beside a delivery or not.
    pub(super) fn mixed(&mut self, incoming: bool) {
        self.mixed = incoming;
    }

    /// One was delivered, of which `stored` is counted at most.
    pub(super) fn came(&mut self, stored: Amount) {
        (self.came, self.slack) = (self.came.plus(stored), self.slack.saturating_add(ON_TOP));
    }

    /// Whether anything was, and is not decided yet.
    pub(super) fn is_open(&self) -> bool {
        self.came != Amount::ZERO
    }

    /// Whether there is none, and nothing is known of any.
    pub(super) fn is_over(&self) -> bool {
        *self == Abreast::default()
    }

    /// All that was.
    pub(super) fn all(&self) -> Amount {
        self.came
    }

    /// What the last push, which said `most`, holds; only if [`Abreast::is_all_in`].
    pub(super) fn proved(&self, most: Amount, at: Tick) -> Option<Proved> {
        let alone = self.pushes == 1 && self.slack == ON_TOP;
        self.from.map(|least| Proved { least, alone, most, at })
    }

    /// Whether the mailbox grew by what was delivered. `told`: which of octets and messages the pushes say.
    pub(super) fn is_all_in(&self, told: [bool; 2]) -> bool {
        let messages = if told[1] { self.rose.messages } else { self.came.messages };
        let least = self.came.octets.saturating_sub(self.slack);
        // What others brought beside is not taken for what the backend has not written.
        let octets = match messages.cmp(&self.came.messages) {
            Ordering::Less => false,
            Ordering::Equal => (least..=self.came.octets).contains(&self.rose.octets),
            Ordering::Greater => self.rose.octets >= self.came.octets,
        };
        !self.mixed && (octets || !told[0] && messages >= self.came.messages)
    }
}

impl Proved {
    /// What the last push was found to hold a moment ago, if `seen` may have been said before that, and was overtaken.
    pub(super) fn if_newer_than(&self, seen: Amount, now: Tick) -> Option<Amount> {
        let older = if self.alone { seen == self.least } else { seen.covers(self.least) };
        (older && !seen.covers(self.most) && now.saturating_sub(self.at) <= REST).then_some(self.most)
    }
}
