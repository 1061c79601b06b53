//! Space before bytes: what is stored through us is set aside in the book first, and counted when the backend said OK. This part of
//! a session knows when the backend has to be asked for usage; what is set aside is in `held`.
//!
//! When it is asked, and by whom: `docs/quota.md`.

use std::sync::Arc;

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

/// When the backend has to be asked for usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Not for any reason that we know.
    No,
    /// When the session rests or ends.
    AtRest,
    /// Before anything else.
    Now,
}

impl Gate {
    pub(super) fn new(account: Option<Arc<dyn Account>>, ways: Ways) -> Gate {
        let unseen = account.as_ref().is_some_and(|account| !account.is_seen());
        let due = if unseen { Due::Now } else { Due::No };
        Gate { account, held: HeldSpace::default(), due, refused: false, tries: 0, rounded: false, ways }
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
        self.due != Due::No && self.account.is_some()
    }

    /// Whether a count is due before the session ends. A backend that pushes tells by itself, within milliseconds of the
    /// end, unless the book is in doubt.
    pub(super) fn asks_at_end(&self) -> bool {
        self.asks_at_rest() && self.account.as_ref().is_some_and(|account| !account.is_pushed() || !account.is_seen())
    }

    /// The session rests, or is about to end: what is due then is due now.
    pub(super) fn rest(&mut self) -> bool {
        let due = self.due == Due::AtRest;
        if due {
            self.due = Due::Now;
        }
        due
    }

    /// There may be less, or what is known is not exact: a count is due when the session rests, or at once where somebody may
    /// be waiting for the room.
    pub(super) fn wants_count(&mut self) {
        let Some(account) = &self.account else { return };
        let waited_for = !account.is_pushed() && (self.refused || account.is_nearly_full());
        self.due = if waited_for || self.due == Due::Now { Due::Now } else { Due::AtRest };
    }

    /// There may be less in the mailbox. The book hears of it at once: nothing bounces for a number that is too high.
    pub(super) fn shrank(&mut self) {
        (self.tries, self.rounded) = (0, false);
        self.wants_count();
        if let Some(account) = &self.account {
            account.unsee();
        }
    }

    /// The backend told that something is gone, maybe by somebody else. Many of these come in a row.
    pub(super) fn saw_expunge(&mut self) {
        if self.due == Due::No {
            self.shrank();
        }
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
        if let Some(account) = &self.account {
            account.unsee();
        }
    }

    /// It cannot be counted before the client opens another folder; somebody else may do so earlier.
    pub(super) fn put_off(&mut self) {
        self.leave_to_others();
        self.due = Due::AtRest;
    }

    /// The backend has been counted. `Disturbed` and `AtMost` are counted again at rest.
    pub(super) fn counted(&mut self, refreshed: Refreshed) {
        match refreshed {
            Refreshed::Exact | Refreshed::Outdated => (self.refused, self.tries) = (false, 0),
            Refreshed::AtMost | Refreshed::Disturbed | Refreshed::InVain => self.again(),
        }
        // A way to the octet may have failed because a folder went away meanwhile. One that fails again is not had here: without a bound,
        // a backend that has QUOTA and tells no number (Courier) would be asked for ever.
        let fell_back = self.ways.now() == Some(Way::Quota);
        let rounded = self.ways.renew() && fell_back;
        if rounded && !self.rounded {
            self.again();
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
        self.again();
    }

    fn again(&mut self) {
        self.tries += 1;
        if self.tries < TRIES {
            self.due = Due::AtRest;
        } else {
            self.leave_to_others();
        }
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
            self.held.deletion(tag, deletion);
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
            Settled::PerhapsTwice => {
                (self.tries, self.rounded) = (0, false);
                self.wants_count();
            }
            Settled::Doubt => self.shrank(),
        }
    }
}

impl Drop for Gate {
    // A session that ended before it rested: the next one asks. What was handed over stays in doubt by itself.
    fn drop(&mut self) {
        // A move without an answer may have copied, and not removed.
        self.held.fail();
        if let (true, Some(account)) = (self.asks_at_end(), &self.account) {
            account.unsee();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stand_ins::Alice;
    use super::super::tag::tag;
    use super::*;
    use crate::quota::Amount;

    fn octets(account: &Arc<dyn Account>) -> u128 {
        account.roots().map_or(0, |[mailbox, _]| mailbox.octets)
    }

    /// How often it is counted, by the ways that there are; each but the last one tells no number.
    fn counts(ways: [Option<Way>; 3]) -> usize {
        let mut gate = Gate::new(Some(Alice::account(1000, true)), Ways::new(ways));
        gate.wants_count();
        let last = ways.into_iter().flatten().last();
        let mut counts = 0;
        while counts < 50 && (gate.rest() || gate.asks_now()) {
            if gate.begin() == last {
                gate.counted(Refreshed::Exact);
                counts += 1;
            } else {
                gate.not_counted();
            }
        }
        counts
    }

    #[test]
    fn a_way_that_never_tells_a_number_is_not_asked_for_ever() {
        let (octets, quota, sizes) = (Some(Way::ListStatus), Some(Way::Quota), Some(Way::Sizes { unselect: false }));
        assert_eq!(counts([octets, None, None]), 1);
        // As Courier: what the last one tells is exact.
        assert_eq!(counts([None, quota, sizes]), 1);
        assert_eq!(counts([octets, quota, sizes]), 1);
        // What is rounded is asked once more.
        assert_eq!(counts([octets, quota, None]), 2);
    }

    /// The message may be in the folder, under its new name.
    #[test]
    fn a_no_to_what_was_stored_while_folders_were_renamed_is_not_believed() {
        let ways = || Ways::new([Some(Way::ListStatus), None, None]);
        for (turn, left) in [(Turn::Rename, 100), (Turn::Delete, 100), (Turn::Move, 0)] {
            // It begins and ends within the command, begins or ends within it, or goes on all along.
            for (begins, ends) in [(1, 2), (1, 9), (0, 2), (0, 9)] {
                let account = Alice::account(1000, true);
                let (mut gate, mut other) = (Gate::new(Some(account.clone()), ways()), Gate::new(Some(account.clone()), ways()));
                for at in 0..3 {
                    if at == begins {
                        other.shift(&tag(b"b"), turn);
                    }
                    match (at, account.reserve(Amount::message(100))) {
                        (0, Ok(reservation)) => gate.held.space(&tag(b"a"), reservation, Amount::message(100)),
                        (1, _) => gate.held.handed_over(&tag(b"a")),
                        _ => {}
                    }
                    if at == ends {
                        other.settle(&tag(b"b"), Status::Ok);
                    }
                }
                gate.settle(&tag(b"a"), Status::No);
                let seen = (octets(&account), gate.asks_at_rest());
                assert_eq!(seen, (left, left > 0), "{turn:?} from {begins} to {ends}");
            }
        }
    }

    /// Messages may be there twice after a move that did not end by OK: in the mailbox of whoever owns the folders.
    #[test]
    fn a_move_that_failed_is_counted_by_its_owner() {
        for (owner, status, [alice, bob]) in [
            ("bob", Some(Status::Ok), [true, true]),
            ("bob", Some(Status::No), [true, false]),
            ("bob", None, [true, false]),
            ("alice", Some(Status::Ok), [true, true]),
            ("alice", Some(Status::No), [false, true]),
            ("alice", None, [false, true]),
        ] {
            let pair = Arc::new(Alice::new(1000, true).unwrap());
            let mut gate = Gate::new(Some(pair.clone()), Ways::new([Some(Way::ListStatus), None, None]));
            let begun = match owner {
                "bob" => gate.shift_for(&tag(b"a"), b"bob", Turn::Move),
                _ => gate.shift_alone(&tag(b"a"), Turn::Move),
            };
            assert_eq!(begun, Ok(()));
            status.into_iter().for_each(|status| gate.settle(&tag(b"a"), status));
            drop(gate);
            assert_eq!(pair.seen(), [alice, bob], "{owner} {status:?}");
        }
    }

    /// Who renames a folder of somebody else's has renamed none of his own, and is in the way of its owner alone.
    #[test]
    fn a_rename_belongs_to_whoever_owns_the_folder() {
        let account = Alice::account(1000, true);
        let gate = || Gate::new(Some(account.clone()), Ways::new([None; 3]));
        let (mut guest, mut other) = (gate(), gate());
        let before = guest.renames();
        assert_eq!(guest.shift_for(&tag(b"a"), b"bob", Turn::Rename), Ok(()));
        assert_eq!((guest.renames(), other.renames()), (before, before));
        assert_eq!(other.shift_for(&tag(b"a"), b"bob", Turn::Move), Err(NoShift::Busy));
        assert_eq!(other.shift_alone(&tag(b"b"), Turn::Move), Ok(()));
        guest.settle(&tag(b"a"), Status::Ok);
        assert_eq!((guest.renames(), other.shift_for(&tag(b"c"), b"bob", Turn::Move)), (before, Ok(())));
        // A deletion is in nobody's way, nor is anybody in its.
        assert_eq!(guest.shift_for(&tag(b"d"), b"bob", Turn::Delete), Ok(()));
    }
}
