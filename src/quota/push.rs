//! What the backend tells by itself: the octets and messages of a mailbox, at the moment when it says so. docs/quota.md has the
//! reasoning.
//!
//! A push arrives within milliseconds, but on a connection of its own: whether it holds what was committed in the last ticks is
//! not known, so that is added (`weak`) until the mailbox rests. What was committed after the last push is added too (`after`)
//! and stays. Incoming mail is pushed before it is answered: its own push is in before its commit.

use super::Amount;
use super::beside::{Abreast, Proved};
use super::pulse::Tick;
use super::recent::Recent;

/// What is known of a mailbox that is pushed. `used = last + weak + after`.
pub(super) struct PushState {
    /// When the last one came, and what it said.
    pub(super) at: Tick,
    pub(super) last: Amount,
    /// The largest in each of the ticks before: pushes of different processes may overtake each other.
    pub(super) window: Recent,
    /// Committed at about the same time as the last push, which may hold it or not.
    pub(super) weak: Amount,
    /// When a member committed the youngest of it: the push that holds it for sure comes up to 10 s later.
    pub(super) weak_member: Option<Tick>,
    /// The last push was said during a move, or about then: only the mover's own push, or a count, is sure to miss nothing.
    pub(super) moved: bool,
    /// Committed since the last push, or not proven to be in it.
    pub(super) after: Amount,
    /// The part of it that may be in the push.
    pub(super) unproven: Amount,
    /// What the last one said, or a count since.
    pub(super) said: Amount,
    /// The deliveries that are under way, and what the last push was found to hold.
    pub(super) beside: Abreast,
    pub(super) proved: Option<Proved>,
    /// Which of octets and messages are told.
    pub(super) told: [bool; 2],
    /// The open sessions were asked to count.
    pub(super) asked: bool,
}

impl PushState {
    pub(super) fn new(used: Amount, now: Tick) -> PushState {
        PushState {
            at: now,
            last: used,
            window: Recent::default(),
            weak: Amount::ZERO,
            weak_member: None,
            moved: false,
            after: Amount::ZERO,
            unproven: Amount::ZERO,
            said: used,
            beside: Abreast::default(),
            proved: None,
            told: [true; 2],
            asked: false,
        }
    }

    /// A count is as good as a push.
    pub(super) fn counted(&mut self, seen: Amount, since: Amount, now: Tick) {
        (self.at, self.last, self.window) = (now, seen, Recent::only(seen, now));
        (self.weak, self.weak_member, self.after) = (Amount::ZERO, None, since);
        (self.unproven, self.moved) = (Amount::ZERO, false);
    }

    /// The same for a count during which a push came: what was committed `since` the count began may be in that push, which may
    /// also hold what the count has missed and nobody has committed yet.
    pub(super) fn counted_across(&mut self, seen: Amount, since: Amount, late: Amount, now: Tick) {
        let (most, after) = (self.window.most().most(self.last).most(seen), self.after.least(since));
        self.counted(most, after.plus(late), now);
        self.weak = self.told(since.minus(after), Amount::ZERO);
        self.weak_member = Some(now).filter(|_| self.weak != Amount::ZERO);
    }

    /// A push came, and is not noted yet; `incoming`: beside a delivery, and `members`: beside what a member stores.
    pub(super) fn heard(&mut self, seen: Amount, incoming: bool, members: bool) {
        self.proved = None;
        if incoming {
            let since = self.after.minus(self.unproven);
            self.beside.pushed(members, seen, self.said.plus(since), self.window.most().most(self.last).plus(since));
        }
        self.said = seen;
    }

    /// A count, a load or a move came; `incoming`: beside a delivery.
    pub(super) fn mixed(&mut self, said: Amount, incoming: bool) {
        (self.said, self.proved) = (said, None);
        self.beside.mixed(incoming);
    }

    /// Whether the number waits for a tick.
    pub(super) fn is_unsettled(&self) -> bool {
        self.moved || self.weak != Amount::ZERO || self.beside.is_open()
    }

    /// `amount` where the backend tells it, else `instead`.
    pub(super) fn told(&self, amount: Amount, instead: Amount) -> Amount {
        let [octets, messages] = self.told;
        Amount {
            octets: if octets { amount.octets } else { instead.octets },
            messages: if messages { amount.messages } else { instead.messages },
        }
    }
}
