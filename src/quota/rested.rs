//! What is left of a mailbox's numbers when nothing has happened for an hour: what of a [`Tally`] can still matter, in 24 octets.
//!
//! Everything else in it is about what is under way, or about times, and nothing looks further back than [`BELIEVED`]; or it counts, and only
//! differences of it mean anything, to something that is under way. So whoever wakes up goes on as if it had never rested; the random course
//! at the end holds that.

use super::pulse::{BELIEVED, Tick};
use super::push::PushState;
use super::tally::Tally;
use super::{Amount, Turn};

/// See the head of the file.
#[derive(Clone, Copy, Default)]
pub(super) struct Rested {
    used: Amount,
    /// Guests keep it in mind and compare it later, so it goes on.
    renames: u16,
    confirmed: bool,
    wanted: bool,
    shrunk: bool,
    /// Which of octets and messages the backend tells by itself; none where it tells nothing.
    pushed: Option<[bool; 2]>,
}

impl Rested {
    /// Of a mailbox that holds `used` and was not seen since the start.
    pub(super) fn of(used: Amount) -> Rested {
        Rested { used, ..Rested::default() }
    }

    pub(super) fn used(self) -> Amount {
        self.used
    }

    pub(super) fn renames(self) -> u64 {
        self.renames.into()
    }

    pub(super) fn is_confirmed(self) -> bool {
        self.confirmed
    }

    /// [`Tally::is_seen`].
    pub(super) fn is_seen(self) -> bool {
        self.confirmed && !self.wanted
    }

    pub(super) fn is_pushed(self) -> bool {
        self.pushed.is_some()
    }

    /// [`Tally::proven`]: what was counted so long ago is not believed enough.
    pub(super) fn proven(self) -> Amount {
        if self.shrunk || self.pushed.is_none() { Amount::ZERO } else { self.used }
    }

    /// The same, to go on with.
    pub(super) fn tally(self) -> Tally {
        let Rested { used, renames, confirmed, wanted, shrunk, pushed } = self;
        let push = pushed.map(|told| Box::new(PushState::rested(used, told)));
        // When it was confirmed does not matter any more.
        let confirmed = confirmed.then_some(0);
        Tally { used, renames: renames.into(), confirmed, wanted, shrunk, push, ..Tally::default() }
    }
}

/// Whether nothing looks back so far.
fn is_old(at: Option<Tick>, now: Tick) -> bool {
    at.is_none_or(|at| now.saturating_sub(at) >= BELIEVED)
}

impl Tally {
    /// Of one that can rest.
    pub(super) fn rest(&self, now: Tick) -> Option<Rested> {
        #[rustfmt::skip] // by name, all of them, so that nobody adds something and forgets that it can be lost here
        let Tally {
            used, open, doubts, announced, set_aside, handed, handed_incoming, late, recent, by_member, counting, taken, under_way,
            settled_at, renames, confirmed, arrived, wanted, shrunk, deleting, tell, stayed, watched, lingers, push,
            // Only compared, by what is under way.
            committed: _, incoming: _, begun: _, finished: _, counts: _, pushes: _, shifted: _, unseen: _,
        } = self;
        let is_under_way = (*announced, *set_aside, *handed, *handed_incoming, *counting, *watched, *deleting)
            != (0, 0, 0, 0, 0, 0, 0)
            || *under_way != [0; Turn::COUNT]
            || *tell
            || *stayed
            || *lingers > now;
        let in_question = [*open, doubts.total(), late.total()] != [Amount::ZERO; 3];
        let is_new =
            [recent.last(), *by_member, *taken, *settled_at, *confirmed, *arrived].into_iter().any(|at| !is_old(at, now));
        if is_under_way || in_question || is_new {
            return None;
        }
        let pushed = match push {
            None => None,
            Some(push) => Some(push.rest(*used, now)?),
        };
        let renames = u16::try_from(*renames).ok()?;
        Some(Rested { used: *used, renames, confirmed: confirmed.is_some(), wanted: *wanted, shrunk: *shrunk, pushed })
    }
}

impl PushState {
    fn rested(used: Amount, told: [bool; 2]) -> PushState {
        let mut push = PushState { told, ..PushState::new(used, 0) };
        push.counted(used, Amount::ZERO, 0);
        push
    }

    /// Which of octets and messages are told, where nothing else is to be kept.
    fn rest(&self, used: Amount, now: Tick) -> Option<[bool; 2]> {
        #[rustfmt::skip] // as above; what was proved is of a moment
        let PushState {
            at, last, window, weak, weak_member, moved, after, unproven, said, beside, told, asked, proved: _,
        } = self;
        let is_known = [*last, window.most(), *said] == [used; 3] && [*weak, *after, *unproven] == [Amount::ZERO; 3];
        let is_still = weak_member.is_none() && !*moved && !*asked && beside.is_over() && is_old(Some(*at), now);
        (is_known && is_still).then_some(*told)
    }
}

#[cfg(test)]
mod tests;
