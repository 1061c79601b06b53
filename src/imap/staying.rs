//! A session that stays behind: its client is gone, and its connection to the backend waits for a moment when all is quiet, so that
//! somebody can count then. `docs/quota.md` says why; only beside pushes, and one session of each mailbox.

use crate::quota::Stay;

/// Looks before it is counted whatever goes on: what is always busy has others who count.
const LOOKS: u8 = 16;

/// A session that stays behind.
pub(super) struct Staying {
    place: Stay,
    looks: u8,
    /// Its client has heard the answer to LOGOUT.
    pub(super) answered: bool,
}

impl Staying {
    pub(super) fn new(place: Stay, answered: bool) -> Box<Staying> {
        Box::new(Staying { place, looks: LOOKS, answered })
    }

    /// Whether it goes on: something is under way.
    pub(super) fn goes_on(&mut self) -> bool {
        self.looks = self.looks.saturating_sub(1);
        self.looks > 0 && self.place.is_restless()
    }
}
