//! Connections to relays that have done with a message and are parked a while for the next one, of whoever.
//!
//! Nobody is logged in on them: what the relay is told is our own name and one whole message after the other, so there is nothing
//! that could pass from one person to another. Where the relay wants a login of each person (`auth = "relay"`), nothing is parked.
//!
//! Absent on purpose: waking one with NOOP. The next MAIL finds out, and a connection that fails there is replaced.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::params::PoolParams;
use super::parked::{Parked, lock};
use crate::net::buffered::BufferedConn;
use crate::route::{BackendId, Backends};
use crate::smtp::client::Capabilities;

/// What a relay hears when a connection is not needed any more.
const GOODBYE: &[u8] = b"QUIT\r\n";

/// How old a connection may become. A relay that has read its settings anew keeps to the old ones on connections that it has, and what it
/// said of itself was said at their beginning. Postfix's own client has the same bound (`smtp_connection_reuse_time_limit`).
const OLDEST: Duration = Duration::from_secs(300);

/// How many messages a connection may carry. Exim takes more, and lets them lie until its next queue run
/// (`smtp_accept_queue_per_connection`, 10 by default); others refuse the hundredth.
const MOST: u32 = 10;

/// A connection on which nothing is under way.
pub struct RelayConn {
    /// Itself.
    pub conn: BufferedConn,
    /// What it has been through.
    pub wear: Wear,
    /// What the relay said of itself then.
    pub capabilities: Capabilities,
}

/// What a connection has been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wear {
    born: Instant,
    messages: u32,
}

impl Wear {
    /// It is made now.
    pub fn none() -> Wear {
        Wear { born: Instant::now(), messages: 0 }
    }

    /// It has carried another message.
    #[must_use]
    pub fn and_a_message(self) -> Wear {
        Wear { messages: self.messages.saturating_add(1), ..self }
    }

    fn is_out(&self) -> bool {
        self.messages >= MOST || self.born.elapsed() >= OLDEST
    }
}

struct ParkedRelay {
    number: u64,
    backend: BackendId,
    wear: Wear,
    capabilities: Capabilities,
    parked: Parked,
}

#[derive(Default)]
struct RelayShelf {
    /// Oldest first.
    parked: VecDeque<ParkedRelay>,
    next: u64,
    closed: bool,
}

/// All parked connections to relays.
pub struct RelayPool {
    per_backend: usize,
    rest: Duration,
    inner: Mutex<RelayShelf>,
}

impl RelayPool {
    /// None yet.
    pub fn new(params: PoolParams) -> Arc<RelayPool> {
        Arc::new(RelayPool { per_backend: params.relays_per_backend, rest: params.relay_rest, inner: Mutex::default() })
    }

    /// Whether any is ever parked.
    pub fn is_used(&self) -> bool {
        self.per_backend > 0
    }

    /// Takes the one that was parked last.
    pub fn take(&self, backend: BackendId) -> Option<RelayConn> {
        loop {
            let mut inner = lock(&self.inner);
            let position = inner.parked.iter().rposition(|entry| entry.backend == backend)?;
            let entry = inner.parked.remove(position)?;
            // It may have closed in this very moment.
            if let Some(conn) = entry.parked.take() {
                return Some(RelayConn { conn, wear: entry.wear, capabilities: entry.capabilities });
            }
        }
    }

    /// Parks one on which nothing is under way; the oldest goes where there are too many. Gives it back to be closed if it is worn out, or
    /// not silent, or nothing is parked any more. Must run inside the runtime.
    pub fn park(self: &Arc<RelayPool>, backend: BackendId, relay: RelayConn) -> Option<BufferedConn> {
        let RelayConn { conn, wear, capabilities } = relay;
        let until = (Instant::now() + self.rest).min(wear.born + OLDEST);
        let mut inner = lock(&self.inner);
        if inner.closed || wear.is_out() || !conn.input().is_empty() {
            return Some(conn);
        }
        let number = inner.next;
        inner.next += 1;
        let all = Arc::downgrade(self);
        let gone = move || {
            if let Some(all) = all.upgrade() {
                lock(&all.inner).parked.retain(|entry| entry.number != number);
            }
        };
        let parked = Parked::new(conn, until, GOODBYE, gone);
        inner.parked.push_back(ParkedRelay { number, backend, wear, capabilities, parked });
        if inner.parked.iter().filter(|entry| entry.backend == backend).count() > self.per_backend {
            inner.release(backend, 1);
        }
        None
    }

    /// Closes the `count` connections to this relay that were parked longest ago: others need the seats.
    pub fn release(&self, backend: BackendId, count: usize) {
        lock(&self.inner).release(backend, count);
    }

    /// Closes what is parked at backends that are not among `backends` any more, or were changed.
    pub fn keep(&self, backends: &Backends) {
        lock(&self.inner).parked.retain(|entry| backends.at(entry.backend).is_some());
    }

    /// Closes them, and takes no more.
    pub fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        inner.parked.clear();
    }
}

impl RelayShelf {
    fn release(&mut self, backend: BackendId, mut count: usize) {
        self.parked.retain(|entry| {
            let goes = count > 0 && entry.backend == backend;
            count -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::fault::Side;
    use crate::net::conn::Conn;

    fn relay() -> (RelayConn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let conn = BufferedConn::new(Conn::Unix(ours), Side::Backend, Instant::now() + Duration::from_secs(60));
        (RelayConn { conn, wear: Wear::none(), capabilities: Capabilities::default() }, theirs)
    }

    async fn last_words(mut end: UnixStream) -> String {
        let mut heard = String::new();
        // At once: its time would end it as well.
        timeout(Duration::from_secs(5), end.read_to_string(&mut heard)).await.unwrap().unwrap();
        heard
    }

    const HERE: BackendId = BackendId::new(0);

    fn pool(per_backend: usize, rest: Duration) -> Arc<RelayPool> {
        let params = PoolParams { relays_per_backend: per_backend, relay_rest: rest, ..PoolParams::default() };
        RelayPool::new(params)
    }

    #[tokio::test]
    async fn the_newest_is_taken_once_and_the_oldest_goes() {
        let pool = pool(2, Duration::from_secs(60));
        let mut ends = Vec::new();
        for size in 0..3 {
            let (mut relay, end) = relay();
            relay.capabilities.size = Some(size);
            pool.park(HERE, relay);
            ends.push(end);
        }
        assert!(pool.take(BackendId::new(1)).is_none());
        assert_eq!(last_words(ends.remove(0)).await, "QUIT\r\n");
        let size = || pool.take(HERE).and_then(|relay| relay.capabilities.size);
        assert_eq!([size(), size(), size()], [Some(2), Some(1), None]);
    }

    #[tokio::test]
    async fn one_that_stirs_is_gone_and_its_time_ends_with_quit() {
        let pool = pool(9, Duration::from_millis(50));
        let (one, mut stirs) = relay();
        let (other, rests) = relay();
        pool.park(HERE, one);
        pool.park(HERE, other);
        stirs.write_all(b"421 4.4.2 idle\r\n").await.unwrap();
        let mut nothing = String::new();
        let _ = stirs.read_to_string(&mut nothing).await;
        assert_eq!((last_words(rests).await.as_str(), nothing.as_str()), ("QUIT\r\n", ""));
        sleep(Duration::from_millis(10)).await;
        assert!(pool.take(HERE).is_none() && lock(&pool.inner).parked.is_empty());
        pool.close();
        assert!(pool.park(HERE, relay().0).is_some(), "too late");
    }

    /// It would keep to what the relay had in its settings when it began, and Exim would let an eleventh message lie.
    #[tokio::test]
    async fn none_is_worn_out() {
        let pool = pool(9, Duration::from_secs(60));
        let old = Wear { born: Instant::now().checked_sub(OLDEST).unwrap(), messages: 1 };
        let busy = Wear { messages: MOST, ..Wear::none() };
        for wear in [old, busy] {
            let worn = RelayConn { wear, ..relay().0 };
            assert!(pool.park(HERE, worn).is_some());
        }
        let wear = Wear { born: Instant::now() - OLDEST / 2, messages: MOST - 1 };
        let (good, _end) = relay();
        assert!(pool.park(HERE, RelayConn { wear, ..good }).is_none());
        assert!(pool.take(HERE).is_some_and(|relay| relay.wear == wear), "it is as worn as it was");
    }

    #[tokio::test]
    async fn a_relay_that_is_taken_from_the_file_keeps_none() {
        let pool = pool(9, Duration::from_secs(60));
        let (one, end) = relay();
        pool.park(HERE, one);
        pool.keep(&Backends::default());
        assert_eq!(last_words(end).await, "QUIT\r\n");
    }
}
