//! What the storage holds, and what is on its way into it.

use super::super::{Millis, Tenant};

/// The storage ends a connection on which nothing came for so long.
pub(super) const IDLE: Millis = 20_000;

/// A message on its way through a node into the storage.
#[derive(Clone, Copy)]
pub(super) struct Write {
    pub(super) node: usize,
    pub(super) process: u64,
    pub(super) tenant: Tenant,
    pub(super) tenure: u64,
    pub(super) mailbox: usize,
    pub(super) octets: u64,
    pub(super) due: Millis,
    /// When its node passed something on last.
    pub(super) moved: Millis,
    /// The storage has all of it already, and only takes long.
    pub(super) inside: bool,
}

#[derive(Default)]
pub(super) struct Storage {
    pub(super) stored: Vec<[u64; 2]>,
    pub(super) writes: Vec<Write>,
    /// What each of a tenant's two mailboxes may hold, and both together.
    pub(super) limits: (u64, u64),
}

impl Storage {
    pub(super) fn land(&mut self, write: &Write) {
        self.stored[write.tenant as usize][write.mailbox] += write.octets;
    }

    /// Whether a limit is passed.
    pub(super) fn is_above(&self) -> bool {
        self.stored.iter().any(|[one, two]| one + two > self.limits.1 || *one.max(two) > self.limits.0)
    }
}
