//! Connections to relays that have done with a message and rest a while for the next one, of whoever.
//!
//! Nobody is logged in on them: what the relay is told is our own name and one whole message after the other, so there is nothing
//! that could pass from one person to another. Where the relay wants a login of each person (`auth = "relay"`), nothing rests.
//!
//! Absent on purpose: waking one with NOOP. The next MAIL finds out, and a connection that fails there is replaced.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::buffered::BufferedConn;
use super::pool::Params;
use super::rested::{Rested, lock};
use crate::route::BackendId;
use crate::smtp::client::Capabilities;

struct Spare {
    number: u64,
    backend: BackendId,
    capabilities: Capabilities,
    rested: Rested,
}

#[derive(Default)]
struct Inner {
    /// Oldest rest first.
    spares: VecDeque<Spare>,
    next: u64,
    closed: bool,
}

/// All resting connections to relays.
pub struct Spares {
    per_backend: usize,
    rest: Duration,
    inner: Mutex<Inner>,
}

impl Spares {
    /// None yet.
    pub fn new(params: Params) -> Arc<Spares> {
        Arc::new(Spares { per_backend: params.relays_per_backend, rest: params.relay_rest, inner: Mutex::default() })
    }

    /// Takes the one that has rested least.
    pub fn take(&self, backend: BackendId) -> Option<(BufferedConn, Capabilities)> {
        loop {
            let mut inner = lock(&self.inner);
            let position = inner.spares.iter().rposition(|spare| spare.backend == backend)?;
            let spare = inner.spares.remove(position)?;
            // It may have closed in this very moment.
            if let Some(link) = spare.rested.take() {
                return Some((link, spare.capabilities));
            }
        }
    }

    /// Puts one to rest on which nothing is under way; the oldest goes where there are too many. Must run inside the runtime.
    pub fn rest(self: &Arc<Spares>, backend: BackendId, link: BufferedConn, capabilities: Capabilities) {
        let mut inner = lock(&self.inner);
        if inner.closed || !link.input().is_empty() {
            return;
        }
        let number = inner.next;
        inner.next += 1;
        let all = Arc::downgrade(self);
        let gone = move || {
            if let Some(all) = all.upgrade() {
                lock(&all.inner).spares.retain(|spare| spare.number != number);
            }
        };
        let rested = Rested::new(link, Instant::now() + self.rest, b"QUIT\r\n", gone);
        inner.spares.push_back(Spare { number, backend, capabilities, rested });
        if inner.spares.iter().filter(|spare| spare.backend == backend).count() > self.per_backend {
            let oldest = inner.spares.iter().position(|spare| spare.backend == backend);
            oldest.and_then(|position| inner.spares.remove(position));
        }
    }

    /// Closes them, and takes no more.
    pub fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        inner.spares.clear();
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

    fn link() -> (BufferedConn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (BufferedConn::new(Conn::Unix(ours), Side::Backend, Instant::now() + Duration::from_secs(60)), theirs)
    }

    const HERE: BackendId = BackendId::new(0);

    fn spares(per_backend: usize, rest: Duration) -> Arc<Spares> {
        let params = Params { relays_per_backend: per_backend, relay_rest: rest, ..Params::default() };
        Spares::new(params)
    }

    #[tokio::test]
    async fn the_newest_is_taken_once_and_the_oldest_goes() {
        let spares = spares(2, Duration::from_secs(60));
        let mut ends = Vec::new();
        for size in 0..3 {
            let (link, end) = link();
            spares.rest(HERE, link, Capabilities { size: Some(size), ..Capabilities::default() });
            ends.push(end);
        }
        assert!(spares.take(BackendId::new(1)).is_none());
        assert!(matches!(ends[0].read(&mut [0; 9]).await, Ok(0) | Err(_)));
        let size = || spares.take(HERE).and_then(|(_, capabilities)| capabilities.size);
        assert_eq!([size(), size(), size()], [Some(2), Some(1), None]);
    }

    #[tokio::test]
    async fn one_that_stirs_is_gone_and_a_rest_ends_with_quit() {
        let spares = spares(9, Duration::from_millis(50));
        let (one, mut stirs) = link();
        let (other, mut rests) = link();
        spares.rest(HERE, one, Capabilities::default());
        spares.rest(HERE, other, Capabilities::default());
        stirs.write_all(b"421 4.4.2 idle\r\n").await.unwrap();
        let (mut heard, mut nothing) = (String::new(), String::new());
        rests.read_to_string(&mut heard).await.unwrap();
        let _ = stirs.read_to_string(&mut nothing).await;
        assert_eq!((heard.as_str(), nothing.as_str()), ("QUIT\r\n", ""));
        sleep(Duration::from_millis(10)).await;
        assert!(spares.take(HERE).is_none() && lock(&spares.inner).spares.is_empty());
        spares.close();
        let (late, mut end) = link();
        spares.rest(HERE, late, Capabilities::default());
        assert!(matches!(end.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    }
}
