//! What one run of the command line says in several requests, as one is bounded: held between them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest name of a run, in octets.
const NAME: usize = 64;

/// What was said so far, of one run: a second run at the same time makes the first one fail.
pub struct InParts<T>(Mutex<Option<RunInParts<T>>>);

pub(super) struct RunInParts<T> {
    /// A name that the run made up for itself.
    pub(super) name: String,
    pub(super) held: T,
    /// When its last part came.
    pub(super) since: Instant,
}

impl<T> Default for InParts<T> {
    fn default() -> InParts<T> {
        InParts(Mutex::new(None))
    }
}

impl<T> InParts<T> {
    /// The run that goes on; none where there is none, or where no part came for longer than `waiting`: it was killed.
    pub(super) fn lock(&self, now: Instant, waiting: Duration) -> MutexGuard<'_, Option<RunInParts<T>>> {
        let mut run = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if run.as_ref().is_some_and(|run| now.saturating_duration_since(run.since) > waiting) {
            *run = None;
        }
        run
    }
}

/// Whether a run can be named so.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME
}
