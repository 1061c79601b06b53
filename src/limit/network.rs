//! What strangers try on one network: how many passwords were wrong there, and how many tries are being judged.

use std::time::{Duration, Instant};

use super::asker::PseudonymKey;

/// See the head of the file.
#[derive(Clone, Copy)]
pub(super) struct NetworkTries {
    /// When all that was wrong is forgiven.
    full: Instant,
    under_way: u32,
    /// The widest network around it, by which it is known whether something was wrong.
    pub(super) widest: PseudonymKey,
}

impl NetworkTries {
    pub(super) fn new(widest: PseudonymKey, now: Instant) -> NetworkTries {
        NetworkTries { full: now, under_way: 0, widest }
    }

    /// Whether as much was wrong as takes `most` to be forgiven.
    pub(super) fn is_used_up(&self, most: Duration, now: Instant) -> bool {
        self.full.saturating_duration_since(now) >= most
    }

    /// Whether one more may begin, if each that is under way turns out to cost `each`.
    pub(super) fn has_room_beside(&self, each: Duration, most: Duration, now: Instant) -> bool {
        self.full.saturating_duration_since(now) + each * self.under_way < most
    }

    pub(super) fn begin(&mut self) {
        self.under_way += 1;
    }

    pub(super) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// It was wrong, which costs `cost`; in all, no more than what is forgiven within `longest`.
    pub(super) fn charge(&mut self, cost: Duration, longest: Duration, now: Instant) {
        self.full = (self.full.max(now) + cost).min(now + longest);
    }

    /// Nothing is held against anybody; what is being judged still is.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.full = now;
    }

    pub(super) fn matters(&self, now: Instant) -> bool {
        self.under_way > 0 || self.full > now
    }
}
