//! Batches of changes whose parts come one after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::quota::Batch;

/// How long a part waits for the next. A sync that was killed leaves its parts until somebody asks after that.
const WAITING: Duration = Duration::from_secs(60);

/// The parts that came so far, of one batch: a second sync at the same time makes the first one fail.
#[derive(Default)]
pub struct Staging(Mutex<Option<Staged>>);

pub(super) struct Staged {
    pub(super) batch: String,
    pub(super) parts: u64,
    pub(super) changes: Batch,
    pub(super) since: Instant,
}

impl Staging {
    /// The batch that waits for more; none where there is none, or nothing came of it for long.
    pub(super) fn lock(&self, now: Instant) -> MutexGuard<'_, Option<Staged>> {
        let mut staged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if staged.as_ref().is_some_and(|staged| now.saturating_duration_since(staged.since) > WAITING) {
            *staged = None;
        }
        staged
    }
}
