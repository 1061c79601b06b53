//! Deliveries beside each other: whether the pushes of a mailbox hold what was delivered. docs/quota.md has the reasoning.
//!
//! Which push is whose cannot be told: one may be overtaken by another, and lack the message that it is about. But all of them together tell by how
//! much the mailbox grew. Where that is what was delivered, to the message, or more, nothing is missing.

use std::cmp::Ordering;

use super::pulse::{REST, Tick};
use super::push::PushState;
use super::tally::Tally;
use super::{Amount, ON_TOP};

/// From the first delivery that is handed over to the end of the last.
#[derive(Default)]
pub(super) struct Beside {
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

impl Beside {
    /// A push came. `said` is what the one before it said, `most` the largest at about the time of that one, each with what members stored since.
    fn pushed(&mut self, seen: Amount, said: Amount, most: Amount) {
        self.pushes += 1;
        self.from.get_or_insert(said);
        // Where it says less than the largest, mail was deleted, and what was said last is what was left. Else that one may have been overtaken.
        let before = if seen.covers(most) { most } else { said };
        self.rose = if seen.covers(before) { self.rose.plus(seen.minus(before)) } else { Amount::ZERO };
    }

    /// One was delivered, of which `stored` is counted at most.
    pub(super) fn came(&mut self, stored: Amount) {
        (self.came, self.slack) = (self.came.plus(stored), self.slack.saturating_add(ON_TOP));
    }

    /// Whether anything was, and is not decided yet.
    pub(super) fn is_open(&self) -> bool {
        self.came != Amount::ZERO
    }

    /// Whether the mailbox grew by what was delivered. `told`: which of octets and messages the pushes say.
    fn is_all_in(&self, told: [bool; 2]) -> bool {
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

impl PushState {
    /// A push came, and is not noted yet; `incoming`: beside a delivery, and `members`: beside what a member stores.
    pub(super) fn heard(&mut self, seen: Amount, incoming: bool, members: bool) {
        self.proved = None;
        if incoming {
            let since = self.after.minus(self.unproven);
            self.beside.pushed(seen, self.said.plus(since), self.window.most().most(self.last).plus(since));
            self.beside.mixed |= members;
        }
        self.said = seen;
    }

    /// What the last push was found to hold a moment ago, if `seen` may have been said before that, and was overtaken.
    pub(super) fn may_be_older_than(&self, seen: Amount, now: Tick) -> Option<Amount> {
        let proved = self.proved.as_ref().filter(|proved| now.saturating_sub(proved.at) <= REST)?;
        let older = if proved.alone { seen == proved.least } else { seen.covers(proved.least) };
        (older && !seen.covers(proved.most)).then_some(proved.most)
    }

    /// A count, a load or a move came; `incoming`: beside a delivery.
    pub(super) fn mixed(&mut self, said: Amount, incoming: bool) {
        (self.said, self.beside.mixed, self.proved) = (said, incoming, None);
    }
}

impl Tally {
    /// A delivery has its end: if it was the last of those beside each other, it is decided whether the pushes hold all of them; whether they do.
    pub(super) fn incoming_ended(&mut self) -> bool {
        let Some(push) = self.push.as_mut().filter(|_| self.handed_incoming == 0) else { return false };
        let beside = std::mem::take(&mut push.beside);
        if beside.is_open() && beside.is_all_in(push.told) {
            let alone = beside.pushes == 1 && beside.slack == ON_TOP;
            push.proved = beside.from.map(|least| Proved { least, alone, most: push.last, at: push.at });
            let held = self.late.forget(beside.came);
            self.incoming = self.incoming.minus(held);
            push.unproven = push.unproven.minus(push.told(held, Amount::ZERO));
            push.after = push.after.minus(push.told(held, Amount::ZERO));
            self.used = push.told(push.last.plus(push.weak).plus(push.after), self.used);
            return true;
        }
        if beside.is_open() && self.late.total() != Amount::ZERO {
            self.want();
        }
        false
    }
}

#[cfg(test)]
mod tests;
