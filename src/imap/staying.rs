//! A session that stays behind: its client is gone, and its connection to the backend waits for a moment to count; one session of each
//! mailbox. `docs/quota.md` says why.

use crate::quota::Stay;

/// Looks before it goes whatever goes on: what is always busy has others who count.
const LOOKS: u8 = 16;

/// A session that stays behind.
pub(super) struct Staying {
    place: Stay,
    looks: u8,
    /// Beside pushes.
    quietly: bool,
    waited: bool,
    /// Its client has heard the answer to LOGOUT.
    pub(super) answered: bool,
}

/// What it does now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StayingStep {
    Wait,
    /// It counts, and stays.
    Count,
    /// It goes, and counts before that if a count is wanted.
    Go,
    /// It goes, and others are to count.
    GiveUp,
}

impl Staying {
    /// `quietly`: it counts once, when all is quiet, as the backend pushes. Else soon, and again until nobody wants a count.
    pub(super) fn new(place: Stay, quietly: bool, answered: bool) -> Box<Staying> {
        Box::new(Staying { place, looks: LOOKS, quietly, waited: false, answered })
    }

    /// To be asked every few hundred milliseconds. `rests`: no count is under way; `well`: the last one told what is there.
    pub(super) fn look(&mut self, rests: bool, well: bool) -> StayingStep {
        if !self.quietly && !rests {
            return StayingStep::Wait;
        }
        self.looks = if well && !self.quietly { LOOKS } else { self.looks.saturating_sub(1) };
        // Those who leave together with it have time to do so.
        let first = !std::mem::replace(&mut self.waited, true);
        match (self.quietly, self.looks) {
            (true, 1..) if self.place.is_restless() => StayingStep::Wait,
            (true, _) => StayingStep::Go,
            (false, _) if first => StayingStep::Wait,
            (false, _) if self.place.leave_if_seen() => StayingStep::Go,
            (false, 0) => StayingStep::GiveUp,
            (false, _) => StayingStep::Count,
        }
    }
}
