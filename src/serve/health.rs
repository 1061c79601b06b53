//! Which backends did not greet on their last connection, so that it is told once, and when they do again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{BackendService, Event, emit};
use crate::route::{BackendId, Backends};

/// Of every service of each backend.
pub struct Healths(Vec<Health>);

impl Default for Healths {
    /// All are well.
    fn default() -> Healths {
        Healths(BackendService::ALL.iter().map(|service| Health::new(*service)).collect())
    }
}

impl Healths {
    /// Of this service.
    pub(super) fn of(&self, service: BackendService) -> &Health {
        &self.0[service as usize]
    }

    /// All of them, in the order in which admins are told of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Health> {
        self.0.iter()
    }
}

/// Of one service of each.
pub(super) struct Health {
    service: BackendService,
    faltering: Mutex<Faltering>,
    failures: AtomicU64,
}

#[derive(Default)]
struct Faltering {
    /// Those that were connected to at all, well or not.
    tried: HashSet<BackendId>,
    down: HashSet<BackendId>,
    /// Those that were told to be down, and not to be up again.
    told: HashSet<BackendId>,
    /// Of whom something was told since [`Health::tell`]: what changes meanwhile waits for the next, so that nobody who can
    /// make a server falter can write a line each time.
    hushed: HashSet<BackendId>,
}

impl Health {
    /// Of this service; all are well.
    fn new(service: BackendService) -> Health {
        Health { service, faltering: Mutex::default(), failures: AtomicU64::new(0) }
    }

    /// This one greeted on a connection, or did not. Told of those in force only: of the others nobody could say which it was.
    pub(super) fn set(&self, backends: &Backends, backend: BackendId, up: bool) {
        if backends.position(backend).is_none() {
            return;
        }
        let mut known = self.lock();
        known.tried.insert(backend);
        let changed = if up { known.down.remove(&backend) } else { known.down.insert(backend) };
        if !changed {
            return;
        }
        if !up {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        if known.hushed.insert(backend) {
            known.say(self.service, backends, backend);
        }
    }

    /// Tells how those are now that changed meanwhile, and lets all be told at once again. At fixed moments.
    pub(super) fn tell(&self, backends: &Backends) {
        let mut known = self.lock();
        known.hushed.clear();
        let changed: Vec<_> = known.down.symmetric_difference(&known.told).copied().collect();
        changed.into_iter().for_each(|backend| known.say(self.service, backends, backend));
    }

    /// Those that are not in force any more are forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        let known = &mut *self.lock();
        [&mut known.tried, &mut known.down, &mut known.told, &mut known.hushed]
            .into_iter()
            .for_each(|set| set.retain(|backend| backends.at(*backend).is_some()));
    }

    /// Whether this one greeted on its last connection; none where there was none yet.
    pub(super) fn is_up(&self, backend: BackendId) -> Option<bool> {
        let known = self.lock();
        known.tried.contains(&backend).then(|| !known.down.contains(&backend))
    }

    /// How many of `backends` do not greet.
    pub(super) fn down(&self, backends: &Backends) -> u64 {
        let known = self.lock();
        backends.iter().filter(|(backend, _)| known.down.contains(backend)).count() as u64
    }

    /// How often one stopped to, since the start.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Faltering> {
        self.faltering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faltering {
    fn say(&mut self, service: BackendService, backends: &Backends, backend: BackendId) {
        let Some(position) = backends.position(backend) else { return };
        let service = service as u64;
        if self.down.contains(&backend) {
            self.told.insert(backend);
            emit(Event::BackendDown { backend: position, service });
        } else {
            self.told.remove(&backend);
            emit(Event::BackendUp { backend: position, service });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Backend, Endpoint};

    #[test]
    fn what_flickers_is_told_once_and_then_as_it_is() {
        let imap = Endpoint::parse("imap://127.0.0.1:143", "imap").unwrap_or_else(|_| unreachable!());
        let backends = Backends::new(vec![Backend::new("one", imap)], 0);
        let healths = Healths::default();
        assert!(BackendService::ALL.iter().all(|service| healths.of(*service).service == *service));
        let (one, health) = (backends.default_id(), healths.of(BackendService::Imap));
        assert_eq!(health.is_up(one), None);
        let state = |health: &Health| (health.down(&backends), health.lock().told.len());
        health.set(&backends, one, false);
        assert_eq!((state(health), health.is_up(one)), ((1, 1), Some(false)), "told at once");
        health.set(&backends, one, true);
        health.set(&backends, one, false);
        health.set(&backends, one, true);
        assert_eq!(state(health), (0, 1), "nothing more is told");
        health.tell(&backends);
        assert_eq!(state(health), (0, 0));
        assert_eq!((health.failures(), health.is_up(one)), (2, Some(true)));
    }
}
