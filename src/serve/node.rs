//! This process as one of two machines (docs/nodes.md): whether it may grant, read anew at each grant, and where copies of the book go. What
//! is said to the witness is in `node_talk`.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::clock::boot_time;
use super::node_state::{CountWord, Fetch, LinkState};
use super::sealed::CopyKey;
use crate::admin::node::{BeginWith, NodeDesk, NodeTold};
use crate::node::{Duty, NodeWord, NotOwnBook};
use crate::quota::{Permission, Permit};
use crate::store::{Copies, Store};

/// For a copy to be on the witness's disk.
const KEEPING: Duration = Duration::from_secs(20);

/// This machine's place in the pair.
pub struct NodeLink {
    // What a grant looks at: no lock.
    pub(super) until: AtomicU64,
    pub(super) permission: AtomicU8,
    pub(super) key: CopyKey,
    /// Where copies go as long as this machine waits.
    pub(super) store: Arc<dyn Store>,
    pub(super) changed: watch::Sender<()>,
    pub(super) held: Mutex<LinkState>,
}

impl Permit for NodeLink {
    fn permission(&self) -> Permission {
        let permission = match self.permission.load(Ordering::Acquire) {
            2 => Permission::All,
            1 => Permission::Confirmed,
            _ => return Permission::Nothing,
        };
        if boot_time() < self.until.load(Ordering::Acquire) { permission } else { Permission::Nothing }
    }
}

impl Copies for NodeLink {
    fn is_newest(&self) -> bool {
        self.lock().node.is_up_to_date()
    }

    fn keep(&self, document: &str) -> bool {
        let mut fresh = [0; 8];
        if rand::fill(&mut fresh).is_err() {
            return false;
        }
        // The witness keeps it behind this one only: what a connection of before brings late is behind another one.
        let (previous, number) = (self.lock().node.newest(), u64::from_le_bytes(fresh).max(1));
        let Some(sealed) = self.key.seal(document, number) else { return false };
        let (kept, answer) = sync_channel(1);
        {
            let mut held = self.lock();
            let Some(term) = held.node.term() else { return false };
            if !held.say(&NodeWord::Put { term, previous, number, octets: sealed.len() as u64 }, &sealed) {
                return false;
            }
            held.puts.push_back(kept);
        }
        match answer.recv_timeout(KEEPING) {
            Ok(Some(named)) if named == number => {
                let mut held = self.lock();
                held.node.took(number);
                held.say_trouble(None);
                true
            }
            Ok(_) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

impl NodeLink {
    /// A machine that waits, with its own store and the key of both.
    pub fn new(store: Arc<dyn Store>, key: CopyKey) -> Arc<NodeLink> {
        let held = Mutex::new(LinkState::default());
        let (changed, _) = watch::channel(());
        Arc::new(NodeLink { until: AtomicU64::new(0), permission: AtomicU8::new(0), key, store, changed, held })
    }

    /// Hears whenever something has changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What this machine is.
    pub fn duty(&self) -> Duty {
        self.lock().node.duty()
    }

    /// It has the lease, and the newest copy, or is to begin with its own book.
    pub fn is_ready(&self) -> bool {
        let held = self.lock();
        held.node.duty() == Duty::Won && held.node.wanted().is_none() && held.fetch == Fetch::Nothing
    }

    /// Whether it may begin: not with an own book that is empty, or cannot be read, where the witness has one. The other machine would take that
    /// over.
    pub fn may_begin(&self) -> bool {
        let needs_book = {
            let held = self.lock();
            held.node.has_own_book() && held.node.is_copied()
        };
        !needs_book || self.has_book()
    }

    /// Whether there is an association in its own store. What cannot be read is no book.
    fn has_book(&self) -> bool {
        self.store.scan("association/").is_ok_and(|found| !found.is_empty())
    }

    /// Whether it must begin with a copy of its own book: nobody could take over by what the witness has.
    pub fn begins_with_a_copy(&self) -> bool {
        !self.lock().node.is_up_to_date()
    }

    /// Whether it judges, and the witness has another copy than its last one.
    pub fn must_copy_anew(&self) -> bool {
        self.lock().node.must_copy_anew()
    }

    /// The lease has not run out.
    pub fn leads(&self) -> bool {
        boot_time() < self.until.load(Ordering::Acquire)
    }

    /// It is to leave, though it has the lease.
    pub fn is_leaving(&self) -> bool {
        self.lock().leaving
    }

    /// The book is open: it judges, as far as mailboxes are counted.
    pub fn judge(&self) {
        self.change(|held| held.node.judge());
    }

    /// The storage told what there is.
    pub fn counted(&self, whole: bool) {
        self.change(|held| held.node.counted(whole));
    }

    /// Asks the storage what mailboxes hold. The answer ends without [`CountWord::Done`] where the connection does; none where there is none.
    pub fn count(&self) -> Option<UnboundedReceiver<CountWord>> {
        let (sender, receiver) = unbounded_channel();
        let mut held = self.lock();
        held.say(&NodeWord::Count, b"").then(|| {
            held.counts = Some(sender);
            receiver
        })
    }

    /// Nothing is granted any more, and the witness hears it. To be called when everything granted has ended.
    pub fn leave(&self) {
        self.change(|held| {
            held.node.end();
            let _ = held.say(&NodeWord::Leave, b"");
        });
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and what a grant looks at with it.
    pub(super) fn change<T>(&self, work: impl FnOnce(&mut LinkState) -> T) -> T {
        let mut held = self.lock();
        let done = work(&mut held);
        let permission = match held.node.duty() {
            Duty::Judging(Permission::All) => 2,
            Duty::Judging(Permission::Confirmed) => 1,
            _ => 0,
        };
        self.permission.store(permission, Ordering::Release);
        self.until.store(held.node.until(), Ordering::Release);
        drop(held);
        self.changed.send_replace(());
        done
    }
}

impl NodeDesk for NodeLink {
    fn told(&self) -> NodeTold {
        let held = self.lock();
        let now = boot_time();
        NodeTold::of(&held.node, now, held.name.clone(), held.trouble)
    }

    fn take_over(&self, book: BeginWith) -> Result<(), &'static str> {
        let own_book = book != BeginWith::NewestCopy;
        let is_empty = own_book && !self.has_book();
        self.change(|held| {
            let (node, now) = (&mut held.node, boot_time());
            match node.duty() {
                Duty::Waiting if is_empty && node.is_copied() => Err("This machine's own book is empty, and the witness has one."),
                Duty::Waiting if is_empty && book != BeginWith::EmptyBook => Err(
                    "This machine's own book is empty: on the one that serves today it is not. For a host that only begins: --empty besides.",
                ),
                Duty::Waiting if own_book => node.take_over_with_own_book(held.trouble.is_none(), now).map_err(|why| match why {
                    NotOwnBook::Unanswered => {
                        "The witness has not answered yet, so it is not known whether it has a book. Try again in a moment."
                    }
                    NotOwnBook::Behind => {
                        "The witness has a newer book than this machine, and it is being taken over. Look with `nologd node show`."
                    }
                }),
                Duty::Waiting => {
                    node.take_over(now);
                    Ok(())
                }
                _ => Err("This machine judges already."),
            }
        })
    }

    fn stand_by(&self) -> bool {
        self.change(|held| {
            let has_lease = held.node.is_closing() || matches!(held.node.duty(), Duty::Won | Duty::Judging(_));
            held.leaving |= has_lease;
            held.node.take_back() || has_lease
        })
    }
}
