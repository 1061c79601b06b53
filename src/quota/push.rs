//! What the backend tells by itself: the octets and messages of a mailbox, at the moment when it says so. docs/quota.md has the
//! reasoning.
//!
//! A push arrives within milliseconds, but on a connection of its own: whether it holds what was committed in the last ticks is
//! not known, so that is added (`weak`) until the mailbox rests. What was committed after the last push is added too (`after`)
//! and stays. Incoming mail is pushed before it is answered: its own push is in before its commit.

use super::over_quota::ON_TOP;
use super::pulse::{BLUR, FLUSH, LATE, REST, Tick};
use super::recent::Recent;
use super::tally::{Held, Tally};
use super::{Amount, Book, Counted, Day, Origin};
use crate::private::Address;

/// What is known of a mailbox that is pushed. `used = last + weak + after`.
pub(super) struct Push {
    /// Pushes so far, and incoming mail that was committed.
    pub(super) count: u64,
    pub(super) stores: u64,
    /// Pushes that were not used, because messages changed their folder.
    pub(super) skipped: u64,
    /// When the last one came, and what it said.
    pub(super) at: Tick,
    last: Amount,
    /// The largest in each of the ticks before: pushes of different processes may overtake each other.
    window: Recent,
    /// Committed at about the same time as the last push, which may hold it or not.
    pub(super) weak: Amount,
    /// When a member committed the youngest of it: the push that holds it for sure comes up to 10 s later.
    weak_member: Option<Tick>,
    /// The last push was said during a move, or about then: only the mover's own push, or a count, is sure to miss nothing.
    moved: bool,
    /// Committed since the last push, or not proven to be in it.
    after: Amount,
    /// The part of it that may be in the push.
    unproven: Amount,
    /// By how much pushes have raised the number while nothing but deliveries was under way, as far as it is nobody's yet.
    grew: Amount,
    /// Incoming mail was seen to come without its push.
    silent: bool,
    /// Which of octets and messages are told.
    told: [bool; 2],
    /// The open sessions were asked to count.
    asked: bool,
}

impl Push {
    fn new(used: Amount, now: Tick) -> Push {
        Push {
            count: 0,
            stores: 0,
            skipped: 0,
            at: now,
            last: used,
            window: Recent::default(),
            weak: Amount::ZERO,
            weak_member: None,
            moved: false,
            after: Amount::ZERO,
            unproven: Amount::ZERO,
            grew: Amount::ZERO,
            silent: false,
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

    /// How many pushes there were, used or not.
    pub(super) fn came(&self) -> u64 {
        self.count + self.skipped
    }

    /// Whether the number waits for a tick.
    pub(super) fn is_unsettled(&self) -> bool {
        self.moved || self.weak != Amount::ZERO
    }

    /// Whether the pushes grew by incoming mail of which `stored` is counted at most; that part of the growth is its own then.
    fn take(&mut self, stored: Amount) -> bool {
        let least = Amount { octets: stored.octets.saturating_sub(ON_TOP), messages: stored.messages };
        let least = self.told(least, Amount::ZERO);
        let holds = self.grew.octets >= least.octets && self.grew.messages >= least.messages;
        if holds {
            self.grew = self.grew.minus(least);
        }
        holds
    }

    /// `amount` where the backend tells it, else `instead`.
    fn told(&self, amount: Amount, instead: Amount) -> Amount {
        let [octets, messages] = self.told;
        Amount {
            octets: if octets { amount.octets } else { instead.octets },
            messages: if messages { amount.messages } else { instead.messages },
        }
    }
}

impl Tally {
    /// The backend tells.
    pub(super) fn pushed(&mut self, octets: Option<u64>, messages: Option<u64>, now: Tick) {
        if octets.is_none() && messages.is_none() {
            return;
        }
        // What is not told is not zero: it is as it was.
        let seen = Amount { octets: octets.unwrap_or(self.used.octets), messages: messages.unwrap_or(self.used.messages) };
        let shifting = self.is_shifting(now);
        let (incoming, members) = (self.handed_incoming > 0, self.handed > self.handed_incoming);
        let (used, recent, exact) = (self.used, self.recent.sum(now), seen == self.used && self.handed_incoming == 0);
        let push = self.push.get_or_insert_with(|| Box::new(Push::new(used, now)));
        push.told = [octets.is_some(), messages.is_some()];
        if shifting {
            return self.pushed_in_shift(seen, now);
        }
        // A push that says what the book says holds everything, or what it lacks is balanced by what is gone.
        push.weak = if exact { Amount::ZERO } else { push.told(recent, Amount::ZERO) };
        push.weak_member = self.by_member.filter(|at| push.weak != Amount::ZERO && now.saturating_sub(*at) < BLUR);
        (push.count, push.moved) = (push.count + 1, false);
        if incoming && !members {
            // What a member stored just before may be new in it; incoming mail was pushed before it was committed.
            let lately = self.by_member.is_some_and(|at| now.saturating_sub(at) < BLUR);
            let known = if lately { used } else { push.window.most().most(push.last).plus(push.after) };
            push.grew = push.grew.plus(seen.minus(known));
        }
        self.late.aged(now, LATE);
        push.unproven = push.told(self.late.total(), Amount::ZERO);
        (push.at, push.last, push.after, push.asked) = (now, seen, push.unproven, false);
        let slot = push.window.slot(now);
        *slot = slot.most(seen);
        self.used = seen.plus(push.weak).plus(push.after);
        self.doubts.pushed(now);
        if octets.is_some() {
            (self.confirmed, self.shrunk) = (Some(now), false);
            // Until it rests, `weak` keeps it from being seen.
            self.wanted &= self.doubts.total().plus(self.late.total()) != Amount::ZERO;
        }
    }

    // Messages on their way may be missing in it. It does not count as a push either: the mail that it may hold is added. But when
    // no session is open any more, the mover's own push was the last.
    fn pushed_in_shift(&mut self, seen: Amount, now: Tick) {
        if seen != self.used {
            self.want();
        }
        let Some(push) = &mut self.push else { return };
        self.used = self.used.most(seen.plus(push.unproven));
        push.skipped += 1;
        (push.at, push.last, push.after, push.moved) = (now, seen, push.unproven, self.wanted);
        push.weak = push.told(self.used.minus(seen.plus(push.after)), Amount::ZERO);
        let slot = push.window.slot(now);
        *slot = slot.most(seen);
    }

    /// A reservation of a mailbox that is pushed is committed.
    pub(super) fn commit_pushed(&mut self, held: &Held, stored: Amount, overlaps: bool, now: Tick) -> Counted {
        let quiet = self.is_unwatched(now);
        let Some(push) = &mut self.push else { return Counted::Once };
        let pushes = push.count.saturating_sub(held.since().pushes);
        let mut under_lock = false;
        if held.way == Origin::Incoming {
            // One of them is its own, unless each belongs to another message that was stored meanwhile, or its own was skipped.
            let skipped = push.skipped != held.since().skipped;
            let own = !skipped && pushes > push.stores.saturating_sub(held.since().stores);
            push.stores += 1;
            if own && quiet {
                push.silent = false;
            } else if pushes == 0 && !skipped {
                push.silent = true;
            }
            let proven = push.take(stored);
            if self.handed_incoming == 0 {
                push.grew = Amount::ZERO;
            }
            if own && proven && !push.silent && !overlaps {
                // With others, its own may have been overtaken.
                if pushes > 1 {
                    push.weak = push.weak.plus(push.told(stored, Amount::ZERO));
                    self.used = self.used.plus(stored);
                } else {
                    let untold = push.told(Amount::ZERO, stored);
                    self.used = self.used.plus(untold);
                }
                return Counted::Once;
            }
            // Dovecot took it while somebody had the INBOX locked, perhaps: then its own push does not have it.
            if own {
                under_lock = true;
                push.unproven = push.unproven.plus(push.told(stored, Amount::ZERO));
            }
        }
        // A push that came since the hand-over may hold it: its own, if the session ended at once.
        let perhaps = pushes > 0 || push.skipped != held.since().skipped;
        let weak = if perhaps && held.way == Origin::Member {
            push.weak_member = Some(now);
            push.told(stored, Amount::ZERO)
        } else {
            Amount::ZERO
        };
        push.weak = push.weak.plus(weak);
        push.after = push.after.plus(stored.minus(weak));
        self.used = self.used.plus(stored);
        if under_lock {
            self.came_late(stored, now);
        }
        self.counted(held.way, overlaps || perhaps)
    }

    /// A tick is over.
    pub(super) fn settle(&mut self, now: Tick) {
        let (unwatched, shifting) = (self.is_unwatched(now), self.is_shifting(now));
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
        let whole = push.told[0] && push.after == Amount::ZERO && (unwatched || !self.shrunk);
        push.counted(most, push.after, push.at);
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

impl Book {
    /// The backend says what is in the mailbox, at the moment when it says so; `None` for what it does not say, which keeps its
    /// value. Never fails and never waits for the disk or a backend; a mailbox that is not in the book is passed over.
    pub fn pushed(&self, mailbox: &Address, octets: Option<u64>, messages: Option<u64>) {
        self.with(mailbox, |tenant, ledger, mailbox| {
            if let Some(number) = ledger.number(mailbox) {
                ledger.change(number, |tally| tally.pushed(octets, messages, tenant.pulse.now()));
                tenant.after(ledger, number);
            }
        });
    }

    /// To be called every 250 ms: the book has no clock. Looks at the mailboxes that wait for it, and at no other.
    pub fn tick(&self) {
        let (now, waiting) = self.pulse.next();
        for (tenant, number) in waiting {
            let Some(tenant) = tenant.upgrade() else { continue };
            let mut ledger = tenant.lock();
            ledger.entry_mut(number).into_iter().for_each(|entry| entry.waits = false);
            ledger.change(number, |tally| tally.settle(now));
            tenant.after(&mut ledger, number);
        }
    }

    /// `usage load`: what the admin read from the backend at most five minutes ago. A mailbox that is not in the book is put
    /// there. What was written in these minutes may be in the number or not: then it only raises what the book says.
    /// False when no association has the domain, or the mailbox would be one too many.
    pub fn load(&self, mailbox: &Address, seen: Amount, today: Day) -> bool {
        let loaded = self.with(mailbox, |tenant, ledger, mailbox| {
            let Ok(number) = ledger.admit(mailbox) else { return false };
            ledger.change(number, |tally| tally.load(seen, tenant.pulse.now()));
            ledger.day = today;
            tenant.after(ledger, number);
            true
        });
        loaded.unwrap_or(false)
    }

    /// Whether the backend pushes this mailbox's usage: a push came since the start.
    pub fn is_pushed(&self, mailbox: &Address) -> bool {
        let pushed = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).is_some_and(|entry| entry.tally.push.is_some())
        });
        pushed.unwrap_or(false)
    }

    /// How many mailboxes those are.
    pub fn pushed_mailboxes(&self) -> usize {
        let tenants = self.tenants();
        tenants.iter().map(|tenant| tenant.lock().entries().filter(|entry| entry.tally.push.is_some()).count()).sum()
    }
}
