//! What this node knows of the book's records in etcd: which change was seen, and which is in force here. What is done with it is in `share_register`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;

use super::sealed::CopyKey;
use crate::admin::node::CopyTrouble;
use crate::event::{Event, emit};
use crate::node::Millis;
use crate::store::Store;

/// What is known to stand in etcd, by shelf.
pub(super) type Digests = BTreeMap<u8, Vec<u8>>;

/// How long a node may need for what others have changed, before it judges no more.
const TAKING: Millis = 5000;

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
    /// Since when it is known that there is one that is not in force here.
    behind: Option<Millis>,
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

    /// Whether another node has changed something for longer than it takes to take it over: what this one would grant may be by limits that hold no more.
    pub(super) fn is_left_behind(&self, now: Millis) -> bool {
        let mut stand = self.lock();
        let is_behind = stand.seen.is_some_and(|seen| seen > stand.taken);
        stand.behind = if is_behind { stand.behind.or(Some(now)) } else { None };
        stand.behind.is_some_and(|since| now >= since.saturating_add(TAKING))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_take_over_what_others_changed_judges_no_more() {
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        assert!(!book.is_left_behind(0), "nothing was seen yet");
        book.lock().seen = Some(9);
        assert!(!book.is_left_behind(0) && !book.is_left_behind(TAKING - 1) && book.is_left_behind(TAKING));
        book.lock().taken = 9;
        assert!(!book.is_left_behind(TAKING + 1));
        // The next one has its own time.
        book.lock().seen = Some(10);
        assert!(!book.is_left_behind(2 * TAKING) && book.is_left_behind(3 * TAKING));
    }
}
