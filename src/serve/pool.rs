//! IMAP sessions on connections that are parked in between: the login that may find one, and the end that gives it back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::backend::{Authenticated, LoggedIn, converse};
use super::proxy::Left;
use crate::fault::{Fault, Side};
use crate::imap::capability;
use crate::net::buffered::BufferedConn;
use crate::pool::reset::{self, Reset};
use crate::pool::{Lease, Owner};
use crate::private::{Credential, Pseudonym};

/// How long a client may take to hear the answer to its LOGOUT.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A parked connection, if one was made with exactly this login and still answers; a new one otherwise.
///
/// # Errors
/// As the backend's own judgement.
pub(super) async fn login(
    context: &Context,
    who: Authenticated,
    credential: &Credential,
    source: Pseudonym,
) -> Result<LoggedIn, Fault> {
    let owner = Owner { user: who.user.clone(), backend: who.backend };
    if let Some((lease, link)) = context.pool.reuse(&owner, credential).await {
        context.metrics.counters.reused();
        let capabilities = lease.capabilities().to_vec();
        let non_sync = capability::non_sync(&capabilities);
        return Ok(LoggedIn { link, capabilities, non_sync, who, lease: Some(lease) });
    }
    let mut fresh = converse(context, who, credential, source).await?;
    let lease = context.pool.admitted(owner, credential, &fresh.capabilities);
    fresh.lease = Some(lease).filter(|_| capability::can_unselect(&fresh.capabilities));
    Ok(fresh)
}

/// After a login that only had to prove a secret: the connection is parked. The last word on it was the backend's answer to our
/// own command, so nothing is under way, and there is nothing to ask.
pub(super) fn give_back(context: &Context, link: BufferedConn, lease: Arc<Lease>) {
    if link.input().is_empty() {
        context.pool.park(lease, link);
    }
}

/// After a session that ended well: the client hears its goodbye, and the backend's connection is parked. The client does not
/// wait for the backend to leave the mailbox; a webmail that comes back before that waits for the connection instead of
/// making a new one.
pub(super) async fn leave(context: &Context, left: Left, lease: Arc<Lease>) {
    let returning = lease.returning().await;
    let farewell = async {
        if let Some(words) = left.goodbye {
            let mut client = BufferedConn::from_parts(left.client, Side::Client, Instant::now() + LAST_WORDS);
            let _ = client.send(&words).await;
            client.close().await;
        }
    };
    let park = async {
        if let Some((parts, leaves)) = left.backend {
            let mut link = BufferedConn::from_parts(parts, Side::Backend, Instant::now());
            match reset::run(&mut link, Reset::after(leaves)).await {
                Ok(()) => context.pool.park(lease, link),
                Err(Fault::Garbage(_)) => context.confused(lease.backend()),
                Err(_) => {}
            }
        }
        // A client that is slow to hear its goodbye holds up nobody else.
        drop(returning);
    };
    tokio::join!(farewell, park);
}
