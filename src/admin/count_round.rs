//! Counts of all mailboxes that wait for what the backend says.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::quota::WantedCounts;

/// How long a part waits for the next. A command that was killed leaves its counts for so long, or until another one begins.
pub(super) const WAITING: Duration = Duration::from_secs(180);

/// The counts that wait for the backend's answer, of one round: a second command at the same time makes the first one fail.
#[derive(Default)]
pub struct CountRound(Mutex<Option<Counting>>);

pub(super) struct Counting {
    pub(super) round: String,
    pub(super) counts: WantedCounts,
    pub(super) since: Instant,
}

impl CountRound {
    /// The round that goes on; none where there is none, or nothing came of it for long.
    pub(super) fn lock(&self, now: Instant) -> MutexGuard<'_, Option<Counting>> {
        let mut counting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counting.as_ref().is_some_and(|counting| now.saturating_duration_since(counting.since) > WAITING) {
            *counting = None;
        }
        counting
    }
}
