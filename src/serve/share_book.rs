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
struct Stand {
    /// The last change that was seen in etcd; 0 where there is no book. None before etcd answered.
    seen: Option<u64>,
    /// The last one that is in force here.
    taken: u64,
    /// What it is on each shelf. None: not known, before one is in force.
    digests: Option<Digests>,
    busy: bool,
    /// Since when there is one that is not in force here.
    behind: Option<Millis>,
    trouble: Option<CopyTrouble>,
}

impl Stand {
    fn is_behind(&self) -> bool {
        self.seen.is_some_and(|seen| seen > self.taken)
    }
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

    /// The last change in etcd that was seen; 0 where there is no book. None before etcd answered.
    pub(super) fn seen(&self) -> Option<u64> {
        self.lock().seen
    }

    /// The last change that is in force here, and what is on the shelves by it, where that is known.
    pub(super) fn taken(&self) -> (u64, Option<Digests>) {
        let stand = self.lock();
        (stand.taken, stand.digests.clone())
    }

    /// The last change in etcd is this one. Whether it is to be taken over, by whoever asks: until [`SharedBook::done`] nobody else is.
    pub(super) fn see(&self, number: u64, now: Millis) -> bool {
        let mut stand = self.lock();
        stand.seen = Some(number);
        stand.behind = if stand.is_behind() { stand.behind.or(Some(now)) } else { None };
        let follows = stand.is_behind() && !stand.busy;
        stand.busy |= follows;
        follows
    }

    /// It was tried.
    pub(super) fn done(&self) {
        self.lock().busy = false;
    }

    /// This change is in force here from `now` on.
    pub(super) fn take(&self, number: u64, digests: Option<Digests>, now: Millis) {
        let mut stand = self.lock();
        stand.seen = stand.seen.max(Some(number));
        (stand.taken, stand.digests) = (number, digests);
        // A later one has its own time.
        stand.behind = stand.is_behind().then_some(now);
    }

    /// Whether another node has changed something for longer than it takes to take it over: what this one would grant may be by limits that hold no more.
    pub(super) fn is_left_behind(&self, now: Millis) -> bool {
        self.lock().behind.is_some_and(|since| now >= since.saturating_add(TAKING))
    }

    fn lock(&self) -> MutexGuard<'_, Stand> {
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
        assert!(book.see(9, 0) && !book.see(9, 1), "by one at a time");
        // From when it was seen, whether or not anybody asked since.
        assert!(!book.is_left_behind(TAKING - 1) && book.is_left_behind(TAKING));
        book.take(9, None, TAKING);
        assert!(!book.is_left_behind(2 * TAKING));
        // The next one has its own time, also where it was seen while the one before was taken over.
        book.see(10, 2 * TAKING);
        assert!(!book.is_left_behind(3 * TAKING - 1) && book.is_left_behind(3 * TAKING));
        book.see(11, 3 * TAKING);
        book.take(10, None, 3 * TAKING);
        assert!(!book.is_left_behind(4 * TAKING - 1) && book.is_left_behind(4 * TAKING));
        // What was made here is seen by that.
        book.take(12, None, 4 * TAKING);
        assert_eq!((book.seen(), book.is_left_behind(9 * TAKING)), (Some(12), false));
    }
}
