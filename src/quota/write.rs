//! Usage, written behind: the whole book at once, whatever changed, rounded up, never on the way of a reservation.
//!
//! So the file holds the present numbers and nothing else: no older ones, and no order in which members did something. When it is written is
//! the caller's to say; docs/quota.md tells why at full hours.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{AdminError, Book, Name, record};
use crate::private::Address;
use crate::store::{RecordChange, StoreError};

/// What a change removes: an association's own record (no address), or one of its mailboxes.
pub(super) type Goes<'a> = &'a dyn Fn(&Name, Option<&Address>) -> bool;

impl Book {
    /// Writes the usage of the whole book. Blocks on the disk.
    pub fn write_usage(&self) -> Result<(), StoreError> {
        // Also keeps a removal from coming in between: what it erased must not be written again.
        let _turn = self.turn();
        let written = self.write_usage_without(&|_, _| false);
        match written {
            // A moment that is the same for everybody: what the last changes left out is written too.
            Ok(()) | Err(StoreError::Residue) => written.and(self.heard(self.store.rest())),
            // That there was nothing left to do would say that the disk takes something.
            failed => failed,
        }
    }

    /// Makes changes durable; old values are in the files no more. Says whether there is a residue.
    pub(super) fn write(&self, changes: &[RecordChange]) -> Result<bool, AdminError> {
        is_residue(self.heard(self.store.transact(changes)))
    }

    /// The same for usage, without what goes. The caller has the turn.
    pub(super) fn write_without(&self, goes: Goes<'_>) -> Result<bool, AdminError> {
        is_residue(self.write_usage_without(goes))
    }

    /// The usage of the whole book, without what goes. The caller has the turn.
    pub(super) fn write_usage_without(&self, goes: Goes<'_>) -> Result<(), StoreError> {
        let (mut levels, mut mailboxes) = (Vec::new(), Vec::new());
        for tenant in self.tenants() {
            let ledger = tenant.lock();
            let name = &ledger.association.name;
            let entries = ledger.living().filter(|entry| !goes(name, Some(&entry.address)));
            mailboxes.extend(entries.map(|entry| (entry.address.clone(), entry.shown(), entry.mark().told())));
            levels.extend((!goes(name, None)).then(|| (name.clone(), ledger.mark.told())));
        }
        // In the order of the keys; associations are already. Each record is made when it is written: there may be a million.
        mailboxes.sort_unstable_by(|(one, ..), (two, ..)| one.cmp_as_text(two));
        let levels = levels.iter().map(|(name, told)| record::level(name, *told));
        let mut records = levels.chain(mailboxes.iter().map(|(address, used, told)| record::usage(address, *used, *told)));
        self.heard(self.store.write_usage_of(&mut records))
    }

    /// Whether the disk took nothing at the last try; mail goes on, and admins' changes are refused.
    pub fn is_unwritable(&self) -> bool {
        self.unwritable.load(Ordering::Relaxed)
    }

    /// To be called at the start when the store was found so.
    pub fn set_unwritable(&self) {
        self.unwritable.store(true, Ordering::Relaxed);
    }

    /// Takes note of whether the disk did it.
    pub(super) fn heard<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match &done {
            Ok(_) | Err(StoreError::Residue) => self.unwritable.store(false, Ordering::Relaxed),
            Err(StoreError::Io(_) | StoreError::Closed | StoreError::Damaged) => self.set_unwritable(),
            // These are about the change.
            Err(
                StoreError::Conflict
                | StoreError::InUse
                | StoreError::Newer(_)
                | StoreError::TooLarge
                | StoreError::Uncopied
                | StoreError::Outrun
                | StoreError::Disputed
                | StoreError::Unshared,
            ) => {}
        }
        done
    }
}

fn is_residue(written: Result<(), StoreError>) -> Result<bool, AdminError> {
    match written {
        Ok(()) => Ok(false),
        Err(StoreError::Residue) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// How soon a disk that did not take an admin's change is tried again, though nothing is due.
const AGAIN: Duration = Duration::from_secs(60);

/// The thread that calls [`Book::write_usage`]. Dropping it writes once more.
pub struct UsageWriter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl UsageWriter {
    /// `wait` hears how each write ended, and says how long until the next; it is asked with `Ok` at the start, when nothing is written yet.
    pub fn start(
        book: Arc<Book>,
        mut wait: impl FnMut(Result<(), StoreError>) -> Duration + Send + 'static,
    ) -> std::io::Result<UsageWriter> {
        let (stop, stopped) = channel();
        let work = move || write_until(&book, &stopped, AGAIN, &mut wait);
        let thread = std::thread::Builder::new().name("usage".into()).spawn(work)?;
        Ok(UsageWriter { stop: Some(stop), thread: Some(thread) })
    }
}

/// Writes when it is due, and each `again` while the disk takes nothing; once more when it is stopped.
fn write_until(book: &Book, stopped: &Receiver<()>, again: Duration, wait: &mut impl FnMut(Result<(), StoreError>) -> Duration) {
    let mut due = Instant::now() + wait(Ok(()));
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(left.min(again)) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        if left <= again || book.is_unwritable() {
            due = Instant::now() + wait(book.write_usage());
        }
    }
    wait(book.write_usage());
}

impl Drop for UsageWriter {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread was told by the panic hook already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::super::BookParams;
    use super::*;
    use crate::store::MemoryStore;

    /// An admin's change was refused, and the disk has room again: nobody waits for the full hour to hear of it.
    #[test]
    fn a_disk_that_took_no_change_is_tried_again_before_usage_is_due() {
        const HOUR: Duration = Duration::from_secs(3600);
        let book = Arc::new(Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap());
        book.set_unwritable();
        let (stop, stopped) = channel();
        let (told, written) = channel();
        let mut wait = move |done: Result<(), StoreError>| {
            let _ = told.send(done);
            HOUR
        };
        let writer = {
            let book = book.clone();
            std::thread::spawn(move || write_until(&book, &stopped, Duration::from_millis(1), &mut wait))
        };
        // The first is the question when to begin.
        let heard = [(); 2].map(|()| written.recv_timeout(Duration::from_secs(20)));
        let rests = written.recv_timeout(Duration::from_millis(50));
        drop(stop);
        writer.join().unwrap();
        assert_eq!(heard, [Ok(Ok(())); 2]);
        assert!(!book.is_unwritable() && rests.is_err(), "and once is enough");
    }
}
