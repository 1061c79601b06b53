//! What the sessions learn of the relays, so that EHLO offers no more than they can do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::health::Health;
use crate::route::{BackendId, Backends};
use crate::smtp::client::Capabilities;

/// What is known of the relays from the sessions so far.
#[derive(Default)]
pub struct Relays {
    known: Mutex<HashMap<BackendId, Capabilities>>,
    pub(super) health: Health,
}

impl Relays {
    /// What the relays of all `backends` can do, as far as it is known. Before the first message: all that is ever offered; a relay that
    /// cannot do it refuses the parameter itself.
    pub(super) fn offer(&self, backends: &Backends) -> Capabilities {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let relays = backends.iter().filter_map(|(backend, _)| known.get(&backend));
        relays.fold(Capabilities::all(), |offer, relay| offer.and(relay))
    }

    /// Those that are not in force any more are forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|backend, _| backends.at(*backend).is_some());
        self.health.keep(backends);
    }

    pub(super) fn learn(&self, backend: BackendId, capabilities: Capabilities) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(backend, capabilities);
    }
}
