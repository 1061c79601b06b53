//! Which backends did not take their last connection, so that it is told once, and when they do again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{Event, emit};
use crate::route::{BackendId, Backends};

/// Of one service of each.
#[derive(Default)]
pub struct Health {
    down: Mutex<HashSet<BackendId>>,
    failures: AtomicU64,
}

impl Health {
    /// This one took a connection, or did not. Told of those in force only: of the others nobody could say which it was.
    pub(super) fn set(&self, backends: &Backends, backend: BackendId, up: bool) {
        let Some(position) = backends.position(backend) else { return };
        let changed = if up { self.lock().remove(&backend) } else { self.lock().insert(backend) };
        match (changed, up) {
            (true, true) => emit(Event::BackendUp { backend: position }),
            (true, false) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                emit(Event::BackendDown { backend: position });
            }
            (false, _) => {}
        }
    }

    /// Those that are not in force any more are forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.lock().retain(|backend| backends.at(*backend).is_some());
    }

    /// How many of `backends` do not take connections.
    pub(super) fn down(&self, backends: &Backends) -> u64 {
        let down = self.lock();
        backends.iter().filter(|(backend, _)| down.contains(backend)).count() as u64
    }

    /// How often one stopped to, since the start.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<BackendId>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
