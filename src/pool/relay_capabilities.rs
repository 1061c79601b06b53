//! What the sessions learn of the relays, so that EHLO offers no more than they can do.

use std::collections::HashMap;
use std::sync::Mutex;

use super::parked::lock;
use crate::route::{BackendId, Backends};
use crate::smtp::client::Capabilities;

/// What is known of the relays from the sessions so far.
#[derive(Default)]
pub struct RelayCapabilities {
    known: Mutex<HashMap<BackendId, Capabilities>>,
}

impl RelayCapabilities {
    /// What the relays of all `backends` can do, as far as it is known. Before the first message: all that is ever offered; a relay
    /// that cannot do it refuses the parameter itself.
    pub fn offer(&self, backends: &Backends) -> Capabilities {
        let known = lock(&self.known);
        let relays = backends.iter().filter_map(|(backend, _)| known.get(&backend));
        relays.fold(Capabilities::all(), |offer, relay| offer.and(relay))
    }

    /// A relay has said what it can do.
    pub fn learn(&self, backend: BackendId, capabilities: Capabilities) {
        lock(&self.known).insert(backend, capabilities);
    }

    /// Those that are not in force any more are forgotten.
    pub fn keep(&self, backends: &Backends) {
        lock(&self.known).retain(|backend, _| backends.at(*backend).is_some());
    }
}
