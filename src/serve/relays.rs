//! What the sessions learn of the relays, so that EHLO offers no more than they can do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::backend::Health;
use crate::smtp::client::Capabilities;

/// What is known of the relays from the sessions so far.
#[derive(Default)]
pub struct Relays {
    known: Mutex<HashMap<usize, Capabilities>>,
    pub(super) health: Health,
}

impl Relays {
    /// What all relays can do, as far as it is known. Before the first message: all that is ever offered; a relay that
    /// cannot do it refuses the parameter itself.
    pub(super) fn offer(&self) -> Capabilities {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().fold(Capabilities::all(), |offer, relay| offer.and(relay))
    }

    pub(super) fn learn(&self, backend: usize, capabilities: Capabilities) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(backend, capabilities);
    }
}
