//! Usage, written behind: one writer, in batches, never on the way of a reservation.
//!
//! A crash takes back the usage since the last batch; the refresh at first sight finds it again.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::book::AssociationEntry;
use super::{Book, record};
use crate::store::{self, BATCH, StoreError};

/// What was taken out of one ledger to be written.
struct Taken {
    tenant: Arc<AssociationEntry>,
    mailboxes: Vec<u64>,
    mark: bool,
}

impl Book {
    /// Writes the usage that changed since the last call, and returns how many records that were. Blocks on the disk; usage
    /// that could not be written is tried again at the next call.
    pub fn write_usage(&self) -> Result<usize, StoreError> {
        // Also keeps a removal from coming in between: what it erased must not be written again.
        let _turn = self.turn();
        let mut written = 0;
        let (mut batch, mut taken) = (Vec::new(), Vec::new());
        for tenant in self.tenants() {
            collect(&tenant, &mut batch, &mut taken);
            if batch.len() >= BATCH {
                written += self.write_batch(&mut batch, &mut taken)?;
            }
        }
        Ok(written + self.write_batch(&mut batch, &mut taken)?)
    }

    fn write_batch(&self, batch: &mut Vec<store::Change>, taken: &mut Vec<Taken>) -> Result<usize, StoreError> {
        let written = batch.chunks(BATCH).try_for_each(|part| self.store.transact(part));
        if let Err(error) = written {
            taken.drain(..).for_each(give_back);
            batch.clear();
            return Err(error);
        }
        taken.clear();
        Ok(std::mem::take(batch).len())
    }
}

fn collect(tenant: &Arc<AssociationEntry>, batch: &mut Vec<store::Change>, taken: &mut Vec<Taken>) {
    let mut ledger = tenant.lock();
    let mailboxes: Vec<_> = std::mem::take(&mut ledger.dirty).into_iter().collect();
    let mark = std::mem::take(&mut ledger.dirty_mark);
    let entries = mailboxes.iter().filter_map(|number| ledger.entry(*number));
    batch.extend(entries.map(|entry| record::usage(&entry.address, entry.tally.shown(), entry.mark.told())));
    if mark {
        batch.push(record::level(&ledger.association.name, ledger.mark.told()));
    }
    if mark || !mailboxes.is_empty() {
        taken.push(Taken { tenant: tenant.clone(), mailboxes, mark });
    }
}

fn give_back(taken: Taken) {
    let mut ledger = taken.tenant.lock();
    ledger.dirty.extend(taken.mailboxes);
    ledger.dirty_mark |= taken.mark;
}

/// The thread that calls [`Book::write_usage`]. Dropping it writes and syncs what is left.
pub struct UsageWriter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl UsageWriter {
    /// Writes every `period`; 200 to 500 ms lose little and cost nothing. `failed` hears of each batch that failed.
    pub fn start(
        book: Arc<Book>,
        period: Duration,
        failed: impl Fn(StoreError) + Send + 'static,
    ) -> std::io::Result<UsageWriter> {
        let (stop, stopped) = channel();
        let work = move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                // sled's own flusher would sync five times a second, also when nothing was written.
                let written = book.write_usage().and_then(|count| if count > 0 { book.store.sync() } else { Ok(()) });
                written.unwrap_or_else(&failed);
            }
            book.write_usage().and_then(|_| book.store.sync()).unwrap_or_else(&failed);
        };
        let thread = std::thread::Builder::new().name("usage".into()).spawn(work)?;
        Ok(UsageWriter { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for UsageWriter {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread was told by the panic hook already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
