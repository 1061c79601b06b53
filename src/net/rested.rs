//! A connection between two sessions: it belongs to nobody, and must be silent.
//!
//! The first byte, or its end, closes it: what arrives between two sessions is nobody's. At the end of its rest the server hears a
//! goodbye.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::buffered::BufferedConn;

/// How long a server may take to hear that a connection is not needed any more.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A resting connection. Dropped, it closes.
pub struct Rested {
    link: Arc<Mutex<Option<BufferedConn>>>,
    watcher: AbortHandle,
    /// Where it was used last.
    thread: ThreadId,
}

impl Rested {
    /// Lays `link` down `until` then; at that moment the server is told `goodbye`. `gone` is called when it closed by itself.
    /// Must run inside the runtime.
    pub fn new(link: BufferedConn, until: Instant, goodbye: &'static [u8], gone: impl FnOnce() + Send + 'static) -> Rested {
        let link = Arc::new(Mutex::new(Some(link)));
        let watcher = tokio::spawn(watch(link.clone(), until, goodbye, gone)).abort_handle();
        Rested { link, watcher, thread: thread::current().id() }
    }

    /// Takes the connection up again, unless it has just closed. Sessions stay on the thread that accepted them, so the next one is
    /// often on another than the last: the connection moves along. Saves one in twenty of a click's wake-ups, with two threads.
    pub fn take(self) -> Option<BufferedConn> {
        let link = lock(&self.link).take()?;
        if self.thread == thread::current().id() { Some(link) } else { link.moved_here().ok() }
    }
}

impl Drop for Rested {
    fn drop(&mut self) {
        self.watcher.abort();
        // The task may be slow to end; the connection is not.
        drop(lock(&self.link).take());
    }
}

/// Waits for what must not happen, or for the end of the rest; then the connection goes.
async fn watch(link: Arc<Mutex<Option<BufferedConn>>>, until: Instant, goodbye: &'static [u8], gone: impl FnOnce()) {
    let stirs = poll_fn(|cx| match lock(&link).as_mut() {
        Some(link) => link.poll_stir(cx),
        None => Poll::Ready(()),
    });
    let rested_well = timeout_at(until, stirs).await.is_err();
    let taken = lock(&link).take();
    if let Some(mut link) = taken.filter(|_| rested_well) {
        link.set_deadline(Instant::now() + LAST_WORDS);
        // Nobody waits for the answer.
        let _ = link.send(goodbye).await;
    }
    // Last of all: it ends this very task.
    gone();
}

/// A panic elsewhere must not close the shelf for everybody.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
