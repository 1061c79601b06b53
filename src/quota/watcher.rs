//! What is waiting to be told to one open session, and how it is woken. Locked by nobody else for longer than a moment.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

pub(super) const KICKED: u8 = 1;
pub(super) const RECOUNT: u8 = 2;
/// Something changed that only the ledger tells.
pub(super) const STIRRED: u8 = 4;
pub(super) const ELSEWHERE: u8 = 8;

/// What is waiting to be told to one session.
#[derive(Default)]
pub(super) struct Watcher {
    pub(super) told: AtomicU8,
    pub(super) waker: Mutex<Option<Waker>>,
}

impl Watcher {
    pub(super) fn kick(&self) {
        self.tell(KICKED);
    }

    /// Another node judges.
    pub(super) fn send_elsewhere(&self) {
        self.tell(ELSEWHERE);
    }

    pub(super) fn recount(&self) {
        self.tell(RECOUNT);
    }

    /// Something about the mailbox or its association changed: the session looks by itself.
    pub(super) fn wake(&self) {
        self.tell(STIRRED);
    }

    fn tell(&self, what: u8) {
        self.told.fetch_or(what, Ordering::AcqRel);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn take(&self, what: u8) -> bool {
        self.told.fetch_and(!what, Ordering::AcqRel) & what != 0
    }
}
