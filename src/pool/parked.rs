//! A connection between two sessions: it belongs to nobody, and must be silent.
//!
//! The first byte, or its end, closes it: what arrives between two sessions is nobody's. When its time is over, or others need its place, the
//! server hears a goodbye: one that writes down who is cut off has nothing to write.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::net::buffered::BufferedConn;

/// How long a server may take to hear that a connection is not needed any more.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A parked connection. Dropped, it says goodbye and closes.
pub(super) struct Parked {
    conn: Arc<Mutex<Option<BufferedConn>>>,
    watcher: AbortHandle,
    goodbye: &'static [u8],
    /// Where it was used last.
    thread: ThreadId,
}

impl Parked {
    /// Parks `conn` `until` then; at that moment the server is told `goodbye`. `gone` is called when it closed by itself.
    /// Must run inside the runtime.
    pub(super) fn new(
        conn: BufferedConn,
        until: Instant,
        goodbye: &'static [u8],
        gone: impl FnOnce() + Send + 'static,
    ) -> Parked {
        let conn = Arc::new(Mutex::new(Some(conn)));
        let watcher = tokio::spawn(watch(conn.clone(), until, goodbye, gone)).abort_handle();
        Parked { conn, watcher, goodbye, thread: thread::current().id() }
    }

    /// Takes the connection up again, unless it has just closed. Sessions stay on the thread that accepted them, so the next one is
    /// often on another than the last: the connection moves along. Saves one in twenty of a click's wake-ups, with two threads.
    pub(super) fn take(self) -> Option<BufferedConn> {
        let conn = lock(&self.conn).take()?;
        if self.thread == thread::current().id() { Some(conn) } else { conn.moved_here().ok() }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.watcher.abort();
        // The task may be slow to end; the connection is not.
        if let Some(conn) = lock(&self.conn).take() {
            conn.try_say(self.goodbye);
        }
    }
}

/// Waits for what must not happen, or for the end of the time; then the connection goes.
async fn watch(conn: Arc<Mutex<Option<BufferedConn>>>, until: Instant, goodbye: &'static [u8], gone: impl FnOnce()) {
    let stirs = poll_fn(|cx| match lock(&conn).as_mut() {
        Some(conn) => conn.poll_stir(cx),
        None => Poll::Ready(()),
    });
    let was_silent = timeout_at(until, stirs).await.is_err();
    let taken = lock(&conn).take();
    if let Some(mut conn) = taken.filter(|_| was_silent) {
        conn.set_deadline(Instant::now() + LAST_WORDS);
        // Nobody waits for the answer.
        let _ = conn.send(goodbye).await;
    }
    // Last of all: it ends this very task.
    gone();
}

/// A panic elsewhere must not close the pool for everybody.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
