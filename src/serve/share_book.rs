//! What this node knows of the book's records in etcd: which change was seen, and which is in force here. What is done with it is in `share_register`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;

use super::sealed::CopyKey;
use crate::admin::node::CopyTrouble;
use crate::event::{Event, emit};
use crate::store::Store;

/// What is known to stand in etcd, by shelf.
pub(super) type Digests = BTreeMap<u8, Vec<u8>>;

/// This node's side of it.
pub(super) struct SharedBook {
    pub(super) seal: CopyKey,
    /// Where this node keeps its own.
    pub(super) files: OnceLock<Arc<dyn Store>>,
    pub(super) handle: OnceLock<Handle>,
    stand: Mutex<Stand>,
}

#[derive(Default)]
pub(super) struct Stand {
    /// The last change that was seen in etcd; 0 where there is no book. None before etcd answered.
    pub(super) seen: Option<u64>,
    /// The last one that is in force here.
    pub(super) taken: u64,
    pub(super) digests: Digests,
    pub(super) busy: bool,
    trouble: Option<CopyTrouble>,
}

impl SharedBook {
    pub(super) fn new(seal: CopyKey) -> SharedBook {
        SharedBook { seal, files: OnceLock::new(), handle: OnceLock::new(), stand: Mutex::default() }
    }

    pub(super) fn run_on(&self, handle: Handle) {
        let _ = self.handle.set(handle);
    }

    /// How it stands, for admins: whether there is a book for all, and whether it is in force here.
    pub(super) fn told(&self) -> (Option<bool>, bool) {
        let stand = self.lock();
        (stand.seen.map(|seen| seen > 0), stand.seen == Some(stand.taken))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with it now; told where that is new.
    pub(super) fn say_trouble(&self, trouble: Option<CopyTrouble>) {
        let before = std::mem::replace(&mut self.lock().trouble, trouble);
        if let Some(why) = trouble.filter(|why| before != Some(*why)) {
            emit(Event::CopyUnusable { why: why as u64 });
        }
    }
}
