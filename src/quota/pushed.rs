//! What a push, or a commit beside pushes, does to a mailbox's numbers. docs/quota.md has the reasoning.

use super::pulse::{BLUR, FLUSH, LATE, REST, Tick};
use super::push::PushState;
use super::tally::Tally;
use super::{Amount, Counted, Origin};

impl Tally {
    /// The backend tells.
    pub(super) fn pushed(&mut self, octets: Option<u64>, messages: Option<u64>, now: Tick) {
        if octets.is_none() && messages.is_none() {
            return;
        }
        self.pushes += 1;
        let seen = self.told(octets, messages);
        let shifting = self.is_shifting(now);
        let (used, recent, exact) = (self.used, self.recent.sum(now), seen == self.used && self.handed_incoming == 0);
        let push = self.push.get_or_insert_with(|| Box::new(PushState::new(used, now)));
        push.told = [octets.is_some(), messages.is_some()];
        if shifting {
            return self.pushed_in_shift(seen, now);
        }
        let newer = push.proved.as_ref().and_then(|proved| proved.if_newer_than(seen, now)).unwrap_or(seen);
        // What members store may be new in it.
        let members = self.handed > self.handed_incoming || self.by_member.is_some_and(|at| now.saturating_sub(at) < BLUR);
        push.heard(seen, self.handed_incoming > 0, members || push.weak_member.is_some());
        // A push that says what the book says holds everything, or what it lacks is balanced by what is gone.
        push.weak = if exact { Amount::ZERO } else { push.told(recent, Amount::ZERO) };
        push.weak_member = self.by_member.filter(|at| push.weak != Amount::ZERO && now.saturating_sub(*at) < BLUR);
        push.weak = push.weak.most(newer.minus(seen));
        push.moved = false;
        self.late.aged(now, LATE);
        push.unproven = push.told(self.late.total(), Amount::ZERO);
        (push.at, push.last, push.after, push.asked) = (now, seen, push.unproven, false);
        let slot = push.window.slot(now);
        *slot = slot.most(newer);
        self.used = seen.plus(push.weak).plus(push.after);
        self.doubts.pushed(now);
        if octets.is_some() {
            (self.confirmed, self.shrunk) = (Some(now), false);
            // Until it rests, `weak` keeps it from being seen.
            self.wanted &= self.doubts.total().plus(self.late.total()) != Amount::ZERO;
        }
    }

    /// The backend tells, and another one had the mailbox a moment ago: perhaps it is told of half a copy. It may only raise the number.
    pub(super) fn pushed_early(&mut self, octets: Option<u64>, messages: Option<u64>) {
        self.used = self.used.most(self.told(octets, messages));
        self.want();
    }

    /// What is not told is not zero: it is as it was.
    fn told(&self, octets: Option<u64>, messages: Option<u64>) -> Amount {
        Amount { octets: octets.unwrap_or(self.used.octets), messages: messages.unwrap_or(self.used.messages) }
    }

    // Messages on their way may be missing in it. It does not count as a push either: the mail that it may hold is added. But when
    // no session is open any more, the mover's own push was the last.
    fn pushed_in_shift(&mut self, seen: Amount, now: Tick) {
        if seen != self.used {
            self.want();
        }
        let moved = self.wanted || self.deleting > 0;
        let Some(push) = &mut self.push else { return };
        self.used = self.used.most(seen.plus(push.unproven));
        push.mixed(push.said, self.handed_incoming > 0);
        (push.at, push.last, push.after, push.moved) = (now, seen, push.unproven, moved);
        push.weak = push.told(self.used.minus(seen.plus(push.after)), Amount::ZERO);
        let slot = push.window.slot(now);
        *slot = slot.most(seen);
    }

    /// A reservation of a mailbox that is pushed is committed.
    pub(super) fn commit_pushed(&mut self, way: Origin, stored: Amount, (overlaps, perhaps): (bool, bool), now: Tick) -> Counted {
        let Some(push) = &mut self.push else { return Counted::Once };
        if way == Origin::Incoming {
            return self.commit_incoming(stored, perhaps, now);
        }
        let weak = if perhaps {
            push.weak_member = Some(now);
            push.told(stored, Amount::ZERO)
        } else {
            Amount::ZERO
        };
        push.weak = push.weak.plus(weak);
        push.after = push.after.plus(stored.minus(weak));
        self.used = self.used.plus(stored);
        self.counted(way, overlaps || perhaps)
    }

    /// Its own push is in, but may lack it, as those of the next two seconds may: somebody had the INBOX locked. Whether it does is seen when the
    /// last of those beside it ends.
    fn commit_incoming(&mut self, stored: Amount, perhaps: bool, now: Tick) -> Counted {
        let Some(push) = &mut self.push else { return Counted::Once };
        push.after = push.after.plus(stored);
        self.used = self.used.plus(stored);
        if !perhaps {
            return self.counted(Origin::Incoming, false);
        }
        push.beside.came(stored);
        push.unproven = push.unproven.plus(push.told(stored, Amount::ZERO));
        self.came_late(stored, now);
        Counted::PerhapsTwice
    }

    /// A delivery has its end: if it was the last of those beside each other, it is decided whether the pushes hold all of them; whether they do.
    pub(super) fn incoming_ended(&mut self) -> bool {
        let Some(push) = self.push.as_mut().filter(|_| self.handed_incoming == 0) else { return false };
        let beside = std::mem::take(&mut push.beside);
        if beside.is_open() && beside.is_all_in(push.told) {
            push.proved = beside.proved(push.last, push.at);
            let held = self.late.forget(beside.all());
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

    /// A tick is over.
    pub(super) fn settle(&mut self, now: Tick) {
        let (unwatched, shifting, may_be_less) = (self.is_unwatched(now), self.is_shifting(now), self.may_be_less());
        let Some(push) = &mut self.push else { return };
        if !push.is_unsettled() {
            return;
        }
        let active = self.recent.last().map_or(push.at, |at| at.max(push.at));
        if self.handed > 0 || shifting || now.saturating_sub(active) < REST {
            return;
        }
        // The own push of a member's session may be still to come; then the last one lacks what it did.
        let own_to_come = push.weak_member.is_some_and(|at| now.saturating_sub(at) < FLUSH);
        if !unwatched && (push.moved || own_to_come) {
            self.tell |= !std::mem::replace(&mut push.asked, true);
            return;
        }
        let most = push.told(push.window.most(), push.last);
        let overtaken = most != push.last;
        self.used = push.told(most.plus(push.after), self.used);
        // Where no session is open, what was deleted is told as well.
        let whole = push.told[0] && push.after == Amount::ZERO && (unwatched || !may_be_less);
        let unproven = push.unproven;
        push.counted(most, push.after, push.at);
        push.unproven = unproven;
        // The last one says less: mail was deleted, or it was overtaken.
        if overtaken {
            self.want();
        } else if whole {
            self.wanted &= self.doubts.total().plus(self.late.total()) != Amount::ZERO;
            self.shrunk = false;
        }
    }

    /// What is stored for sure: without what may be counted twice.
    pub(super) fn sure(&self) -> Amount {
        self.push.as_ref().map_or(self.used, |push| self.used.minus(push.weak).minus(push.unproven))
    }
}

#[cfg(test)]
mod tests;
