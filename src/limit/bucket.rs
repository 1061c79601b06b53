//! A bucket of tries at passwords: what a wrong one takes out, and how it comes back with time. `guesses` says whose bucket it is.

use std::time::{Duration, Instant};

/// Tries of one bucket that are being judged in the same moment.
pub(super) const AT_ONCE: u16 = 32;
/// How many times the same wrong password costs what another one costs.
pub(super) const WHOLE: u32 = 8;

/// Tries that come back with time.
#[derive(Clone, Copy, Default)]
pub(super) struct Bucket {
    /// When all of them are back. `None`: they are.
    full: Option<Instant>,
    in_flight: u16,
    /// The last wrong passwords, by 16 bits of a keyed hash: enough to know one again, too little to learn it from.
    recent: [u16; 4],
}

impl Bucket {
    /// Whether one more try may be judged, where all of them take `most` to come back.
    pub(super) fn is_free(&self, most: Duration, now: Instant) -> bool {
        self.in_flight < AT_ONCE && self.has_room(most, now)
    }

    pub(super) fn has_room(&self, most: Duration, now: Instant) -> bool {
        self.full.is_none_or(|full| full.saturating_duration_since(now) < most)
    }

    /// A try is being judged.
    pub(super) fn begin(&mut self) {
        self.in_flight += 1;
    }

    /// It is judged.
    pub(super) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Nothing is held against anybody; what is being judged still is.
    pub(super) fn empty(&mut self) {
        *self = Bucket { in_flight: self.in_flight, ..Bucket::default() };
    }

    /// A wrong password, which costs `each`, or less if it was wrong before. Whether it was.
    pub(super) fn charge(&mut self, trace: u16, each: Duration, now: Instant) -> bool {
        let known = self.recent.contains(&trace);
        if !known {
            self.recent.rotate_right(1);
            self.recent[0] = trace;
        }
        let cost = if known { each / WHOLE } else { each };
        self.full = Some(self.full.map_or(now, |full| full.max(now)) + cost);
        known
    }

    pub(super) fn matters(&self, now: Instant) -> bool {
        self.in_flight > 0 || self.full.is_some_and(|full| full > now)
    }
}
