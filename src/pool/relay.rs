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
use crate::route::BackendId;
use crate::smtp::client::Capabilities;

/// What a relay hears when a connection is not needed any more.
const GOODBYE: &[u8] = b"QUIT\r\n";

struct ParkedRelay {
    number: u64,
    backend: BackendId,
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

    /// Takes the one that was parked last.
    pub fn take(&self, backend: BackendId) -> Option<(BufferedConn, Capabilities)> {
        loop {
            let mut inner = lock(&self.inner);
            let position = inner.parked.iter().rposition(|entry| entry.backend == backend)?;
            let entry = inner.parked.remove(position)?;
            // It may have closed in this very moment.
            if let Some(conn) = entry.parked.take() {
                return Some((conn, entry.capabilities));
            }
        }
    }

    /// Parks one on which nothing is under way; the oldest goes where there are too many. Must run inside the runtime.
    pub fn park(self: &Arc<RelayPool>, backend: BackendId, conn: BufferedConn, capabilities: Capabilities) {
        let mut inner = lock(&self.inner);
        if inner.closed || !conn.input().is_empty() {
            return;
        }
        let number = inner.next;
        inner.next += 1;
        let all = Arc::downgrade(self);
        let gone = move || {
            if let Some(all) = all.upgrade() {
                lock(&all.inner).parked.retain(|entry| entry.number != number);
            }
        };
        let parked = Parked::new(conn, Instant::now() + self.rest, GOODBYE, gone);
        inner.parked.push_back(ParkedRelay { number, backend, capabilities, parked });
        if inner.parked.iter().filter(|entry| entry.backend == backend).count() > self.per_backend {
            inner.release(backend, 1);
        }
    }

    /// Closes the `count` connections to this relay that were parked longest ago: others need the seats.
    pub fn release(&self, backend: BackendId, count: usize) {
        lock(&self.inner).release(backend, count);
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
    use tokio::time::sleep;

    use super::*;
    use crate::fault::Side;
    use crate::net::conn::Conn;

    fn conn() -> (BufferedConn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (BufferedConn::new(Conn::Unix(ours), Side::Backend, Instant::now() + Duration::from_secs(60)), theirs)
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
            let (conn, end) = conn();
            pool.park(HERE, conn, Capabilities { size: Some(size), ..Capabilities::default() });
            ends.push(end);
        }
        assert!(pool.take(BackendId::new(1)).is_none());
        assert!(matches!(ends[0].read(&mut [0; 9]).await, Ok(0) | Err(_)));
        let size = || pool.take(HERE).and_then(|(_, capabilities)| capabilities.size);
        assert_eq!([size(), size(), size()], [Some(2), Some(1), None]);
    }

    #[tokio::test]
    async fn one_that_stirs_is_gone_and_its_time_ends_with_quit() {
        let pool = pool(9, Duration::from_millis(50));
        let (one, mut stirs) = conn();
        let (other, mut rests) = conn();
        pool.park(HERE, one, Capabilities::default());
        pool.park(HERE, other, Capabilities::default());
        stirs.write_all(b"421 4.4.2 idle\r\n").await.unwrap();
        let (mut heard, mut nothing) = (String::new(), String::new());
        rests.read_to_string(&mut heard).await.unwrap();
        let _ = stirs.read_to_string(&mut nothing).await;
        assert_eq!((heard.as_str(), nothing.as_str()), ("QUIT\r\n", ""));
        sleep(Duration::from_millis(10)).await;
        assert!(pool.take(HERE).is_none() && lock(&pool.inner).parked.is_empty());
        pool.close();
        let (late, mut end) = conn();
        pool.park(HERE, late, Capabilities::default());
        assert!(matches!(end.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    }
}
