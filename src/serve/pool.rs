//! Sessions on connections that rest in between: taking one from the shelf, and giving it back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::backend::{Authenticated, LoggedIn, converse};
use super::proxy::Left;
use crate::fault::{Fault, Side};
use crate::imap::capability;
use crate::imap::reuse::{Settle, Settling};
use crate::net::buffered::BufferedConn;
use crate::net::loan::{Loan, Owner};
use crate::private::{Credential, Pseudonym};

/// How long a backend may take to answer UNSELECT or NOOP. Somebody may wait for it, and a login anew takes no longer.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a client may take to hear the answer to its LOGOUT.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection of the shelf, if one was made with exactly this login and still answers; a new one otherwise.
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
    if let Some((loan, mut link)) = context.shelf.find(&owner, credential).await {
        match settle(&mut link, Settle::wake()).await {
            Ok(()) => {
                context.metrics.counters.reused();
                let capabilities = loan.capabilities().to_vec();
                let non_sync = capability::non_sync(&capabilities);
                return Ok(LoggedIn { link, capabilities, non_sync, who, loan: Some(loan) });
            }
            // A machine that went away says no goodbye: nobody else shall wait for it.
            Err(Fault::Slow(_)) => context.shelf.clear_backend(who.backend),
            Err(_) => {}
        }
    }
    let mut fresh = converse(context, who, credential, source).await?;
    let loan = context.shelf.admitted(owner, credential, &fresh.capabilities);
    fresh.loan = Some(loan).filter(|_| capability::can_unselect(&fresh.capabilities));
    Ok(fresh)
}

/// After a login that only had to prove a secret: the connection goes to rest. The last word on it was the backend's answer to our
/// own command, so nothing is under way, and there is nothing to ask.
pub(super) fn give_back(context: &Context, link: BufferedConn, loan: Arc<Loan>) {
    if link.input().is_empty() {
        context.shelf.rest(loan, link);
    }
}

/// After a session that ended well: the client hears its goodbye, and the backend's connection goes to rest. The client does not
/// wait for the backend to leave the mailbox; a webmail that comes back before that waits for the connection instead of
/// making a new one.
pub(super) async fn leave(context: &Context, left: Left, loan: Arc<Loan>) {
    let settling = loan.settling().await;
    let farewell = async {
        if let Some(words) = left.goodbye {
            let mut client = BufferedConn::from_parts(left.client, Side::Client, Instant::now() + LAST_WORDS);
            let _ = client.send(&words).await;
            client.close().await;
        }
    };
    let rest = async {
        if let Some((parts, conversation)) = left.backend {
            let mut link = BufferedConn::from_parts(parts, Side::Backend, Instant::now() + SETTLE);
            match settle(&mut link, conversation).await {
                Ok(()) => context.shelf.rest(loan, link),
                Err(Fault::Garbage(_)) => context.confused(loan.backend()),
                Err(_) => {}
            }
        }
        // A client that is slow to hear its goodbye holds up nobody else.
        drop(settling);
    };
    tokio::join!(farewell, rest);
}

/// Holds one [`Settle`] conversation. Afterwards nothing is under way, and nothing was said too much.
async fn settle(link: &mut BufferedConn, mut conversation: Settle) -> Result<(), Fault> {
    link.set_deadline(Instant::now() + SETTLE);
    link.send(conversation.command()).await?;
    loop {
        match conversation.next(link.input(), false)? {
            Settling::Need => drop(link.fill().await?),
            Settling::Drop(count) => link.consume(count),
            Settling::Done(count) => {
                link.consume(count);
                return if link.input().is_empty() { Ok(()) } else { Err(Fault::Garbage(Side::Backend)) };
            }
        }
    }
}
