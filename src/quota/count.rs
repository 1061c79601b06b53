//! What a count, a move, and an open session do to a mailbox's numbers.

use super::pulse::{BLUR, FLUSH, LATE, LOADING, REST, Tick};
use super::tally::Tally;
use super::{Amount, Refreshed, Turn};

/// What a count remembers of its beginning.
pub(super) struct Begun {
    number: u64,
    committed: Amount,
    handed: bool,
    /// Some of it is incoming mail.
    handed_incoming: bool,
    shifting: bool,
    shifted: u64,
    /// Incoming mail that was committed by then, and when that was.
    incoming: Amount,
    at: Tick,
    pub(super) hasty: bool,
    /// What it says may be older than a push that came meanwhile.
    pub(super) long: bool,
    /// The storage is asked outside a session.
    pub(super) outside: bool,
    unseen: u64,
    /// Pushes that had come by then.
    pushes: u64,
}

impl Tally {
    pub(super) fn begin(&mut self, now: Tick) -> Begun {
        self.begun += 1;
        self.counting += 1;
        let (handed, shifting) = (self.handed > 0, self.has_under_way(Turn::CHANGING_FOLDER));
        Begun {
            number: self.begun,
            committed: self.committed,
            handed,
            handed_incoming: self.handed_incoming > 0,
            shifting,
            shifted: self.shifted,
            incoming: self.incoming,
            at: now,
            hasty: false,
            long: false,
            outside: false,
            unseen: self.unseen,
            pushes: self.pushes,
        }
    }

    /// A count ends, finished or not.
    pub(super) fn end_count(&mut self) {
        self.counting = self.counting.saturating_sub(1);
    }

    /// Whether somebody who can leave a count to others is to make it. All that hear of a change ask this, and again for each change, so nothing
    /// but time sets it free: else one member who deletes and twenty programs that idle would have the mail server count without a pause.
    pub(super) fn take_count(&mut self, now: Tick) -> bool {
        let pause = if self.counting > 0 { REST } else { BLUR };
        let free = self.taken.is_none_or(|at| now.saturating_sub(at) >= pause);
        if free {
            self.taken = Some(now);
        }
        free
    }

    pub(super) fn finish(&mut self, begun: &Begun, seen: Amount, now: Tick) -> Refreshed {
        if self.finished >= begun.number {
            return Refreshed::Outdated;
        }
        if begun.shifting || self.shifted != begun.shifted {
            self.wanted = true;
            return Refreshed::Disturbed;
        }
        // Between the answer and its hearing, minutes may lie: the push knows better, and whether a count is wanted after it.
        if begun.long && self.pushes != begun.pushes {
            return Refreshed::Disturbed;
        }
        if begun.outside && self.is_in_vain(seen) {
            self.want();
            return Refreshed::InVain;
        }
        self.finished = begun.number;
        self.counts += 1;
        let since = self.committed.minus(begun.committed);
        let late = self.still_late(begun);
        self.used = seen.plus(since).plus(late);
        let doubts = self.doubts.total();
        self.doubts.counted(begun.number);
        // A push that was said before the count may still be on its way, and lack what is no doubt any more.
        let ended = doubts.minus(self.doubts.total());
        if ended != Amount::ZERO {
            let slot = self.recent.slot(now);
            *slot = slot.plus(ended);
        }
        self.confirmed = Some(now);
        let missed = self.handed == 0 && self.missed(begun) != Amount::ZERO;
        if let Some(push) = &mut self.push {
            if missed {
                self.used = self.used.most(push.told(push.last, Amount::ZERO));
                self.tell = true;
            }
            if self.pushes == begun.pushes {
                push.counted(seen, since.plus(late), now);
            } else {
                push.counted_across(seen, since, late, now);
            }
            push.mixed(seen, self.handed_incoming > 0);
        }
        // What is handed over may be stored already: it is then in `seen`, and comes again at its commit.
        let exact = !begun.handed && self.handed == 0 && since.plus(late) == Amount::ZERO && !missed;
        // What was deleted since may still be in it.
        let left = self.unseen != begun.unseen;
        self.wanted = !exact || left || self.doubts.total() != Amount::ZERO;
        self.shrunk &= left;
        // Whoever stored, or stores, as a member hears at the commit that it overlapped; nobody in particular counts what LMTP brings.
        let incoming = begun.handed_incoming || self.handed_incoming > 0 || self.incoming != begun.incoming;
        match () {
            () if exact => Refreshed::Exact,
            () if incoming || missed || late != Amount::ZERO => Refreshed::AtMost,
            () => Refreshed::Overlapped,
        }
    }

    /// That there is nothing, though nobody has deleted anything: of a storage that is not mounted doveadm says that too, and ends with 0.
    pub(super) fn is_in_vain(&self, seen: Amount) -> bool {
        seen.is_nothing() && self.used != Amount::ZERO && !self.shrunk
    }

    /// The storage could read only `least`: what is known stays, and a count is wanted. Whether anything was known.
    pub(super) fn stays_at_least(&mut self, least: Amount) -> bool {
        let known = self.used != Amount::ZERO;
        self.used = self.used.most(least);
        self.want();
        known
    }

    /// What a push that came during a count says beyond it: mail around nologd that the count came too early for, or that was deleted before it. Where
    /// something of ours is handed over, that may be what is in the push, and it comes at its commit.
    fn missed(&self, begun: &Begun) -> Amount {
        let across = self.push.as_ref().filter(|_| self.pushes != begun.pushes);
        across.map_or(Amount::ZERO, |push| push.told(push.last, Amount::ZERO).minus(self.used))
    }

    /// Something was deleted, and whoever did it does not count.
    pub(super) fn unsee(&mut self) {
        self.unseen += 1;
        (self.wanted, self.shrunk) = (true, true);
    }

    /// The same, told by somebody who is not logged in here: the sessions that are open count.
    pub(super) fn unsee_for_others(&mut self) {
        self.unsee();
        self.want();
    }

    /// Another backend has the mailbox from now on: nobody has confirmed what is in it there, and whether that one pushes is not known.
    pub(super) fn is_elsewhere(&mut self, now: Tick) {
        (self.confirmed, self.push, self.arrived) = (None, None, Some(now));
        // Counts that are under way are about the other one.
        self.finished = self.begun;
        self.unsee_for_others();
    }

    /// Whether whoever wrote the copy at this backend may still have a push of a part of it under way.
    pub(super) fn is_arriving(&self, now: Tick) -> bool {
        self.arrived.is_some_and(|at| now.saturating_sub(at) < FLUSH)
    }

    /// Incoming mail that was committed before the count began, and that it may have missed.
    fn still_late(&mut self, begun: &Begun) -> Amount {
        if begun.hasty {
            self.late.aged(begun.at, LATE);
        } else {
            self.late.counted(begun.number);
        }
        // What came since is in there as well, and is added by itself.
        self.late.total().minus(self.incoming.minus(begun.incoming))
    }

    /// An admin loads what the backend said, some time ago.
    pub(super) fn load(&mut self, seen: Amount, now: Tick) {
        let old = |at: Option<Tick>| at.is_none_or(|at| now.saturating_sub(at) >= LOADING);
        if self.push.as_ref().is_some_and(|push| !old(Some(push.at))) {
            return;
        }
        // Before, it may have been read in the midst of the copy.
        let whole = old(self.arrived);
        let rests = whole && self.handed == 0 && self.doubts.total() == Amount::ZERO && !self.is_shifting(now);
        if rests && old(self.recent.last()) {
            self.used = seen;
            (self.confirmed, self.wanted, self.shrunk) = (Some(now), false, false);
        } else {
            // What was written meanwhile may be in it or not.
            self.used = self.used.most(seen);
            self.want();
        }
        if let Some(push) = &mut self.push {
            push.counted(self.used, Amount::ZERO, now);
            push.mixed(self.used, self.handed_incoming > 0);
        }
    }

    pub(super) fn begin_shift(&mut self, turn: Turn) {
        self.under_way[turn as usize] += 1;
        self.renames += u64::from(turn != Turn::Move);
        self.shifted += u64::from(turn != Turn::Delete);
    }

    pub(super) fn end_shift(&mut self, turn: Turn, now: Tick) {
        let under_way = &mut self.under_way[turn as usize];
        *under_way = under_way.saturating_sub(1);
        self.renames += u64::from(turn != Turn::Move);
        if turn == Turn::Delete {
            return;
        }
        self.settled_at = Some(now);
        // A mover without a watch here: of somebody else's session.
        if self.watched == 0 {
            self.lingers = self.lingers.max(now.saturating_add(FLUSH));
        }
    }

    /// Whether what the backend says now may have missed messages on their way.
    pub(super) fn is_shifting(&self, now: Tick) -> bool {
        self.has_under_way(Turn::CHANGING_FOLDER) || self.settled_at.is_some_and(|at| now.saturating_sub(at) < BLUR)
    }

    /// A session ends; its backend's side may go on, and push later, unless it is `closed`.
    pub(super) fn unwatch(&mut self, closed: bool, now: Tick) {
        self.watched = self.watched.saturating_sub(1);
        let waits = if closed { BLUR + 1 } else { FLUSH };
        self.lingers = self.lingers.max(now.saturating_add(waits));
    }

    /// Whether no session of ours can have a push under way.
    pub(super) fn is_unwatched(&self, now: Tick) -> bool {
        self.watched == 0 && now >= self.lingers
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::super::tally::Held;
    use super::*;

    fn deliver(tally: &mut Tally, octets: u64, now: Tick) {
        let mut held = Held::new(Amount::message(octets), Origin::Incoming);
        tally.hold(&mut held);
        tally.hand_over(&mut held);
        let _ = tally.commit(&held, Amount::message(octets), now);
    }

    fn count(tally: &mut Tally, octets: u64, hasty: bool, now: Tick) -> Refreshed {
        let mut begun = tally.begin(now);
        begun.hasty = hasty;
        tally.end_count();
        tally.finish(&begun, Amount { octets, messages: 0 }, now)
    }

    #[test]
    fn a_count_that_began_before_a_deletion_does_not_answer_for_it() {
        let mut tally = Tally::default();
        let begun = tally.begin(0);
        tally.unsee();
        assert_eq!((tally.finish(&begun, Amount::message(9), 0), tally.is_seen()), (Refreshed::Exact, false));
        assert_eq!((count(&mut tally, 0, false, 0), tally.is_seen()), (Refreshed::Exact, true));
    }

    #[test]
    fn mail_that_came_just_before_a_hasty_count_is_added_to_it() {
        let mut tally = Tally::default();
        deliver(&mut tally, 100, 0);
        assert_eq!((count(&mut tally, 0, true, 1), tally.used.octets), (Refreshed::AtMost, 100));
        // What comes meanwhile is added once.
        let mut begun = tally.begin(2);
        begun.hasty = true;
        deliver(&mut tally, 10, 2);
        assert_eq!((tally.finish(&begun, Amount::ZERO, 3), tally.used.octets), (Refreshed::AtMost, 110));
        assert_eq!((count(&mut tally, 100, true, LATE), tally.used.octets), (Refreshed::AtMost, 110));
        assert_eq!((count(&mut tally, 110, true, LATE + 2), tally.used.octets), (Refreshed::Exact, 110));
        deliver(&mut tally, 1, LATE + 3);
        assert_eq!((count(&mut tally, 111, false, LATE + 3), tally.used.octets), (Refreshed::Exact, 111));
    }
}
