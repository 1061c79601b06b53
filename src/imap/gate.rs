//! Space before bytes: what is stored through us is set aside in the book first, and counted when the backend said OK. This part of
//! a session knows when the backend has to be asked for usage; what is set aside is in `held`.
//!
//! When it is asked, and by whom: `docs/quota.md`.

use std::sync::Arc;

use super::due::Due;
use super::held::{HeldSpace, Settled, Whose};
use super::space::Account;
use super::status::Status;
use super::tag::Tag;
use super::way::{Way, Ways};
use crate::quota::{NoShift, Refreshed, Turn};

/// Counts of one mailbox in a row that others disturbed, after which the next session goes on.
const TRIES: u8 = 10;

/// What a session has to do with the book.
pub(super) struct Gate {
    account: Option<Arc<dyn Account>>,
    /// What waits for an answer of the backend.
    pub(super) held: HeldSpace,
    due: Due,
    /// Somebody found no room in this session since the last count.
    refused: bool,
    tries: u8,
    /// The last count fell back on a rounded number, and no better one was to be had since.
    rounded: bool,
    ways: Ways,
}

impl Gate {
    pub(super) fn new(account: Option<Arc<dyn Account>>, ways: Ways) -> Gate {
        let mut gate = Gate { account, held: HeldSpace::default(), due: Due::No, refused: false, tries: 0, rounded: false, ways };
        match &gate.account {
            Some(account) if !account.is_known() => gate.due = Due::Now,
            Some(account) if !account.is_seen() => gate.wants(Due::IfWanted),
            _ => {}
        }
        gate
    }

    pub(super) fn account(&self) -> Option<&Arc<dyn Account>> {
        self.account.as_ref()
    }

    /// Whether a count is due at once.
    pub(super) fn asks_now(&self) -> bool {
        self.due == Due::Now && self.account.is_some()
    }

    /// Whether a count is due before the session rests or ends.
    pub(super) fn asks_at_rest(&self) -> bool {
        let Some(account) = &self.account else { return false };
        match self.due {
            Due::No => false,
            Due::WhileOpen | Due::IfWanted => !account.is_seen(),
            Due::AtRest | Due::Now => true,
        }
    }

    /// Whether a count may be due when the session rests; costs no look into the book.
    pub(super) fn may_ask_at_rest(&self) -> bool {
        !matches!(self.due, Due::No | Due::Now) && self.account.is_some()
    }

    /// Whether a count is due before the session ends. A backend that pushes tells by itself, within milliseconds of the
    /// end, unless the book is in doubt.
    pub(super) fn asks_at_end(&self) -> bool {
        let owes = self.due > Due::WhileOpen && self.asks_at_rest();
        owes && self.account.as_ref().is_some_and(|account| !account.is_pushed() || !account.is_seen())
    }

    /// The session is about to end: what is due then is due now.
    pub(super) fn end(&mut self) {
        self.due = if self.due > Due::WhileOpen && self.asks_at_rest() { Due::Now } else { Due::No };
    }

    /// The session rests: what is due then is due now. Of several that wait for the same, one counts, and the others look again when they have rested
    /// once more.
    pub(super) fn rest(&mut self) {
        let takes = || self.account.as_ref().is_some_and(|account| account.takes_count());
        self.due = match self.due {
            _ if !self.asks_at_rest() => Due::No,
            due @ (Due::WhileOpen | Due::IfWanted) if !takes() => due,
            _ => Due::Now,
        };
    }

    /// What is known is not exact: a count is due when the session rests, or at once where somebody may be waiting for the room.
    pub(super) fn wants_count(&mut self) {
        self.wants(Due::AtRest);
    }

    /// The same, if by then the mailbox is not seen: it is not now.
    fn wants_to_see(&mut self) {
        (self.tries, self.rounded) = (0, false);
        self.wants(Due::IfWanted);
    }

    fn wants(&mut self, due: Due) {
        let Some(account) = &self.account else { return };
        let waited_for = !account.is_pushed() && (self.refused || account.is_nearly_full());
        self.due = self.due.max(if waited_for { Due::Now } else { due });
    }

    /// Messages of the person's own go until `tag` is answered. The book hears of it at once, as nothing bounces for a number that is too high;
    /// and again when they are gone, as a count that began before does not answer for it.
    pub(super) fn shrinks(&mut self, tag: &Tag<'_>) {
        if let Some(deletion) = self.account.as_ref().and_then(|account| account.own_deletion()) {
            self.held.deletion(tag, deletion, Whose::Own);
        }
        self.wants_to_see();
    }

    /// There is less in the mailbox, or perhaps.
    fn shrank(&mut self) {
        self.wants_to_see();
        self.account.iter().for_each(|account| account.unsee());
    }

    /// The backend told that something is gone, maybe by somebody else. Many of these come in a row; who counts anyway need not say each.
    /// `idles`: all that idle hear of it.
    pub(super) fn saw_expunge(&mut self, idles: bool) {
        if self.due <= Due::IfWanted {
            (self.tries, self.rounded) = (0, false);
            if idles {
                self.heard()
            } else {
                self.wants_to_see()
            }
            self.account.iter().for_each(|account| account.unsee());
        }
    }

    /// Somebody else changed the mailbox. Of the sessions that hear of it one counts: so it waits until they rest, however full it is.
    pub(super) fn heard(&mut self) {
        self.due = self.due.max(Due::IfWanted);
    }

    /// A count is due at once.
    pub(super) fn now(&mut self) {
        self.due = Due::Now;
    }

    /// The way to ask that is left.
    pub(super) fn way(&self) -> Option<Way> {
        self.ways.now()
    }

    /// A count begins, in this way.
    pub(super) fn begin(&mut self) -> Option<Way> {
        self.due = Due::No;
        self.ways.now()
    }

    /// Nothing can be asked here: the next session is to.
    pub(super) fn leave_to_others(&mut self) {
        self.due = Due::No;
        self.account.iter().for_each(|account| account.unsee());
    }

    /// Its client is silent amid a command: others that are open are to ask, if anything is due. It does so too, when it rests.
    pub(super) fn pass_on(&self) {
        if let (true, Some(account)) = (self.asks_at_rest(), &self.account) {
            account.leave_count();
        }
    }

    /// The session ends, and another one that stays behind counts what the book knows to be wanted.
    pub(super) fn leave_to_the_other(&mut self) {
        if self.due <= Due::IfWanted {
            self.due = Due::No;
        }
    }

    /// It cannot be counted before the client opens another folder; somebody else may do so earlier.
    pub(super) fn put_off(&mut self) {
        self.leave_to_others();
        self.due = Due::AtRest;
    }

    /// The backend has been counted. What was disturbed, or came twice, is counted again at rest.
    pub(super) fn counted(&mut self, refreshed: Refreshed) {
        match refreshed {
            Refreshed::Exact | Refreshed::Outdated => (self.refused, self.tries) = (false, 0),
            Refreshed::Overlapped => self.again(Due::WhileOpen),
            Refreshed::AtMost | Refreshed::Disturbed | Refreshed::InVain => self.again(Due::AtRest),
        }
        // A way to the octet may have failed because a folder went away meanwhile. One that fails again is not had here: without a bound,
        // a backend that has QUOTA and tells no number (Courier) would be asked for ever.
        let fell_back = self.ways.now() == Some(Way::Quota);
        let rounded = self.ways.renew() && fell_back;
        if rounded && !self.rounded {
            self.again(Due::AtRest);
        }
        self.rounded = rounded;
    }

    /// The backend could not be counted in that way; the next one is tried at once.
    pub(super) fn not_counted(&mut self) {
        if self.ways.next() {
            self.due = Due::Now;
            return;
        }
        self.ways.renew();
        self.again(Due::AtRest);
    }

    fn again(&mut self, due: Due) {
        self.tries += 1;
        if self.tries < TRIES {
            // What the count itself was shown is due as well.
            self.due = self.due.max(due);
        } else {
            self.leave_to_others();
        }
    }

    /// Whether the last count told what is there, if there was one since something shrank.
    pub(super) fn counted_well(&self) -> bool {
        self.tries == 0
    }

    /// Takes note of a refusal: who makes room from now on is counted at once.
    pub(super) fn refused(&mut self) {
        self.refused = true;
    }

    /// Messages or folders change until `tag` is answered, with nobody else in the way.
    ///
    /// # Errors
    /// Somebody is, or the mailbox is not in the book any more.
    pub(super) fn shift_alone(&mut self, tag: &Tag<'_>, turn: Turn) -> Result<(), NoShift> {
        let shift = self.account.as_ref().ok_or(NoShift::Unknown)?.shift_alone(turn)?;
        self.held.shift(tag, shift, turn, Whose::Own);
        Ok(())
    }

    /// The same among the folders of somebody else.
    ///
    /// # Errors
    /// As [`Gate::shift_alone`].
    pub(super) fn shift_for(&mut self, tag: &Tag<'_>, owner: &[u8], turn: Turn) -> Result<(), NoShift> {
        let account = self.account.as_ref().ok_or(NoShift::Unknown)?;
        let (shift, own) = (account.shift_for(owner, turn)?, account.is_self(owner));
        self.held.shift(tag, shift, turn, if own { Whose::Own } else { Whose::SomebodyElses });
        Ok(())
    }

    /// Messages of somebody else's go until `tag` is answered: then their owner is counted.
    pub(super) fn deletion_for(&mut self, tag: &Tag<'_>, owner: &[u8]) {
        if let Some(deletion) = self.account.as_ref().and_then(|account| account.deletion_for(owner)) {
            self.held.deletion(tag, deletion, Whose::SomebodyElses);
        }
    }

    /// Messages or folders change until `tag` is answered, whoever else changes some.
    pub(super) fn shift(&mut self, tag: &Tag<'_>, turn: Turn) {
        if let Some(shift) = self.account.as_ref().and_then(|account| account.shift(turn)) {
            self.held.shift(tag, shift, turn, Whose::Own);
        }
    }

    /// How often other sessions of this mailbox began or ended to rename or delete a folder.
    pub(super) fn renames(&self) -> u64 {
        self.account.as_ref().map_or(0, |account| account.renames()).saturating_sub(self.held.renames())
    }

    /// The backend has answered `tag`: what was set aside is counted, or given back.
    pub(super) fn settle(&mut self, tag: &Tag<'_>, status: Status) {
        match self.held.settle(tag, status) {
            Settled::Sure => {}
            Settled::PerhapsLeft => self.heard(),
            Settled::PerhapsTwice => self.wants_to_see(),
            Settled::Less | Settled::Doubt => self.shrank(),
        }
    }
}

impl Drop for Gate {
    // A session that ended before it rested: another one asks, or the next. What was handed over stays in doubt by itself.
    fn drop(&mut self) {
        let asks = self.asks_at_end();
        // A move without an answer may have copied, and not removed.
        self.held.fail();
        if let (true, Some(account)) = (asks, &self.account) {
            account.leave_count();
        }
    }
}

#[cfg(test)]
mod tests;
