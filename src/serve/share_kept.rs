//! Connections to other nodes that rest between two questions (docs/many-nodes.md): a message that another node is to count costs a round trip, and no handshake.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::net::buffered::BufferedConn;
use crate::route::Endpoint;

/// How long one rests here. The other end waits longer, so that hardly ever a question meets an end.
const RESTS: Duration = Duration::from_secs(30);
/// How long the other end waits for one more.
pub(super) const WAITS: Duration = Duration::from_secs(60);
/// As many as rest, to all nodes together. More were under way at once, and are not kept.
const MOST: usize = 16;

/// See the head of the file.
#[derive(Default)]
pub(super) struct KeptTalks(Mutex<Vec<KeptTalk>>);

struct KeptTalk {
    listener: Endpoint,
    conn: BufferedConn,
    since: Instant,
}

impl KeptTalks {
    /// One to this listener, for a question that ends by `deadline`.
    pub(super) fn take(&self, listener: &Endpoint, deadline: Instant) -> Option<BufferedConn> {
        let mut kept = self.lock();
        kept.retain_mut(|talk| talk.since.elapsed() < RESTS && !talk.conn.is_gone());
        // The one that was used last: others come to their end.
        let at = kept.iter().rposition(|talk| talk.listener == *listener)?;
        let KeptTalk { conn, .. } = kept.remove(at);
        drop(kept);
        // It may have been made by another thread's runtime.
        let mut conn = conn.moved_here().ok().filter(|conn| conn.input().is_empty())?;
        conn.set_deadline(deadline);
        Some(conn)
    }

    /// What was asked on it was answered, and nothing else was said.
    pub(super) fn keep(&self, listener: &Endpoint, conn: BufferedConn) {
        let mut kept = self.lock();
        if kept.len() < MOST && conn.input().is_empty() {
            kept.push(KeptTalk { listener: listener.clone(), conn, since: Instant::now() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<KeptTalk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
