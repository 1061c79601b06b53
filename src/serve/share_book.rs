//! What this node knows of the book's records in etcd: which change was seen, and which is in force here. What is done with it is in `share_register`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;

use super::sealed::CopyKey;
use crate::admin::node::CopyTrouble;
use crate::event::{Event, emit};
use crate::node::Millis;
use crate::private::Domain;
use crate::quota::{Day, Dispute, DisputedAssociation};
use crate::share::Bar;
use crate::store::{Store, is_marked};

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
    /// What stood there has been in force here, once: what a process finds at its start may be older than any limit that holds, or its own.
    caught_up: bool,
    trouble: Option<CopyTrouble>,
    lost: Loss,
    /// This change is not taken over: what is in force here was never that of all nodes, and an admin has to say which is right. And how they differ, where that can be told.
    disputed: Option<(u64, Option<Dispute>)>,
}

/// Whether etcd went back, so that what stands there is older than what is in force here.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Loss {
    #[default]
    None,
    /// It did, and has not been read since.
    Unseen,
    /// This is what stands there, until somebody publishes.
    Stands(u64),
}

impl Stand {
    fn is_behind(&self) -> bool {
        self.lost == Loss::None && self.seen.is_some_and(|seen| seen > self.taken)
    }

    fn is_disputed(&self) -> bool {
        self.in_dispute().is_some()
    }

    /// What stands there has never been in force here, as far as this process knows.
    fn is_untaken(&self) -> bool {
        !self.caught_up && (self.seen.is_none() || self.is_behind())
    }

    /// How what stands there differs, where that is in dispute.
    fn in_dispute(&self) -> Option<&Option<Dispute>> {
        let (number, how) = self.disputed.as_ref()?;
        (self.is_behind() && self.seen == Some(*number)).then_some(how)
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

    /// Whether what stands in etcd is in force here, as far as was seen.
    pub(super) fn is_current(&self) -> bool {
        let stand = self.lock();
        stand.lost == Loss::None && stand.seen == Some(stand.taken)
    }

    /// etcd was emptied, or put back to an older state: what is in force here stays so until somebody publishes. False where nothing was shared.
    pub(super) fn went_back(&self) -> bool {
        let mut stand = self.lock();
        let was_shared = stand.taken > 0 || stand.lost != Loss::None;
        let (busy, trouble, lost) = (stand.busy, stand.trouble, if was_shared { Loss::Unseen } else { Loss::None });
        // Where nothing was shared, what stands there now was never seen.
        *stand = Stand { busy, trouble, lost, caught_up: stand.caught_up && was_shared, ..Stand::default() };
        was_shared
    }

    /// Whether what stands in etcd is older than what is in force here.
    pub(super) fn is_lost(&self) -> bool {
        self.lock().lost != Loss::None
    }

    /// The number of what is to be replaced by what is in force here; none where nothing was lost, or etcd was not read since.
    pub(super) fn replaces(&self) -> Option<u64> {
        if let Loss::Stands(number) = self.lock().lost { Some(number) } else { None }
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
        stand.lost = match stand.lost {
            Loss::Unseen => Loss::Stands(number),
            Loss::Stands(older) if older != number => Loss::None,
            lost => lost,
        };
        stand.behind = if stand.is_behind() { stand.behind.or(Some(now)) } else { None };
        let follows = stand.is_behind() && !stand.is_disputed() && !stand.busy;
        stand.busy |= follows;
        follows
    }

    /// Whether what another node puts there comes in place of what is in force here, whatever that is: this process had all that stood there, so that one was told to
    /// publish since.
    pub(super) fn may_be_replaced(&self) -> bool {
        self.lock().caught_up
    }

    /// This change is not to be taken over by itself, for so it differs, where that can be told.
    pub(super) fn dispute(&self, number: u64, how: Option<Dispute>) {
        self.lock().disputed = Some((number, how));
    }

    /// Over which associations what stands there and what is here differ, where that is in dispute. Nothing changes here meanwhile.
    pub(super) fn disputed_over(&self) -> Option<Vec<DisputedAssociation>> {
        Some(self.lock().in_dispute()?.as_ref()?.over.clone())
    }

    /// Whether a domain's association is suspended by what stands there, where that is in dispute; none where that cannot be told, or not yet: a node whose own
    /// settings all nodes never had does not know before etcd was read.
    pub(super) fn suspends(&self, domain: &Domain, today: Day) -> Option<bool> {
        let stand = self.lock();
        match stand.in_dispute() {
            Some(how) => how.as_ref().map(|dispute| dispute.suspends(domain, today)),
            None if stand.is_untaken() && !self.were_of_all() => None,
            None => Some(false),
        }
    }

    /// Whether the settings of this node are what all nodes have had.
    fn were_of_all(&self) -> bool {
        self.files.get().is_some_and(|files| is_marked(&**files).unwrap_or(false))
    }

    /// The number of what stands there and is not taken over, for an admin has to say whether it is right.
    pub(super) fn disputed(&self) -> Option<u64> {
        let stand = self.lock();
        stand.seen.filter(|_| stand.is_disputed())
    }

    /// It was tried.
    pub(super) fn done(&self) {
        self.lock().busy = false;
    }

    /// This change is in force here from `now` on.
    pub(super) fn take(&self, number: u64, digests: Option<Digests>, now: Millis) {
        let mut stand = self.lock();
        stand.seen = stand.seen.max(Some(number));
        (stand.taken, stand.digests, stand.lost, stand.disputed) = (number, digests, Loss::None, None);
        // A later one has its own time.
        stand.behind = stand.is_behind().then_some(now);
        stand.caught_up = true;
    }

    /// Whether another node has changed something for longer than it takes to take it over, or before this process began: what this one would grant may be by
    /// limits that hold no more.
    pub(super) fn is_left_behind(&self, now: Millis) -> bool {
        let stand = self.lock();
        stand.behind.is_some_and(|since| !stand.caught_up || now >= since.saturating_add(TAKING))
    }

    /// Why nothing may be judged by the settings that are in force here; none where it may.
    pub(super) fn bar(&self, now: Millis) -> Option<Bar> {
        let bar = if self.disputed().is_some() { Bar::Disputed } else { Bar::Behind };
        self.is_left_behind(now).then_some(bar)
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
    use crate::store::{AsShared, MemoryStore};

    #[test]
    fn who_does_not_take_over_what_others_changed_judges_no_more() {
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        assert!(!book.is_left_behind(0), "nothing was seen yet");
        assert!(book.see(8, 0) && book.is_left_behind(0), "what it has is of before it began, and may be as old as it likes");
        book.take(8, None, 0);
        book.done();
        assert!(!book.is_left_behind(2 * TAKING));
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

    #[test]
    fn what_an_etcd_that_went_back_has_is_taken_over_by_nobody_until_somebody_publishes() {
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        assert!(!book.went_back() && !book.is_lost(), "nothing was shared");
        book.take(9, None, 0);
        assert!(book.went_back() && book.is_lost());
        assert_eq!((book.seen(), book.replaces()), (None, None));
        assert!(!book.see(5, 0) && !book.see(5, 2 * TAKING));
        assert_eq!((book.replaces(), book.is_left_behind(3 * TAKING), book.is_lost()), (Some(5), false, true));
        // Another node has published.
        assert!(book.see(6, 3 * TAKING) && !book.is_lost());
        book.done();
        book.take(6, None, 3 * TAKING);
        // This one does.
        assert!(book.went_back() && !book.see(0, 4 * TAKING));
        assert_eq!(book.replaces(), Some(0));
        book.take(7, None, 4 * TAKING);
        assert_eq!((book.told(), book.is_lost(), book.taken().0), ((Some(true), true), false, 7));
    }

    #[test]
    fn what_is_in_dispute_is_judged_and_taken_over_by_nobody() {
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        assert!(!book.is_current(), "nothing was seen yet");
        assert!(!book.may_be_replaced() && book.see(5, 0));
        book.dispute(5, None);
        book.done();
        assert!(!book.is_current());
        let domain = Domain::parse("velo.example").unwrap();
        assert_eq!(book.suspends(&domain, Day::from_unix(0)), None, "what cannot be told is no yes");
        assert!(!book.see(5, 1), "it was tried");
        assert_eq!((book.disputed(), book.bar(1), book.told()), (Some(5), Some(Bar::Disputed), (Some(true), false)));
        // Something else stands there: that may be what is here.
        assert!(book.see(6, 2));
        assert_eq!((book.disputed(), book.bar(2)), (None, Some(Bar::Behind)));
        assert_eq!(book.suspends(&domain, Day::from_unix(0)), None, "it was not compared yet");
        book.dispute(6, None);
        book.done();
        book.take(7, None, 3);
        assert_eq!((book.disputed(), book.bar(3), book.may_be_replaced()), (None, None, true));
        assert!(book.is_current() && book.see(8, 4) && !book.is_current());
        // etcd was empty, and then somebody publishes, or it is put back to a state with settings.
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        assert!(!book.see(0, 0) && !book.may_be_replaced() && !book.went_back() && !book.may_be_replaced());
        assert!(book.see(4, 1) && book.bar(1) == Some(Bar::Behind));
    }

    #[test]
    fn who_has_settings_of_its_own_lets_nobody_in_before_they_were_compared() {
        let book = SharedBook::new(CopyKey::new(&[7; 32]).unwrap());
        let files: Arc<dyn Store> = Arc::new(MemoryStore::new());
        assert!(book.files.set(files.clone()).is_ok());
        let suspends = || book.suspends(&Domain::parse("velo.example").unwrap(), Day::from_unix(0));
        assert_eq!(suspends(), None, "etcd has not answered");
        book.see(0, 0);
        assert_eq!(suspends(), Some(false), "nothing is shared");
        book.see(5, 1);
        assert_eq!(suspends(), None, "what was published is not read yet");
        assert!(files.transact(&[AsShared { house: "h.1".to_owned(), number: 4 }.record()]).is_ok());
        assert_eq!(suspends(), Some(false), "what it has was that of all nodes");
    }
}
