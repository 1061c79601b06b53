//! One connection, to its end.

use std::sync::Arc;

use super::carry::{SessionPair, carry};
use super::enter::{Entered, Entrance, enter};
use crate::fault::{Fault, Side};
use crate::serve::Context;
use crate::serve::accepted::Accepted;
use crate::serve::mailbox::MailboxAccount;
use crate::wire::contract::Carried;

/// Serves one connection. `before` is what is behind TLS or without it, `session` what begins after the login.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve_one<E: Entrance, S: Carried>(
    accepted: Accepted,
    context: Arc<Context>,
    before: impl FnOnce(bool) -> E::BeforeLogin,
    session: impl FnOnce(Arc<MailboxAccount>) -> S,
) -> Result<(), Fault> {
    // Boxed, so that what login needs does not stay in the task of a session that idles for long.
    let (entered, seat, stop) = Box::pin(enter::<E>(accepted, &context, before)).await?;
    let Some(Entered { client, who, backend, observer }) = entered else { return Ok(()) };
    let server = who.backend;
    let member = MailboxAccount::new(&context, who);
    let watch = member.watch();
    let mut pair = SessionPair::<_, E::Voice>::new(client, backend, session(member), observer);
    let end = carry(&mut pair, context.patience, stop, watch.as_ref()).await;
    if end == Err(Fault::Garbage(Side::Backend)) {
        context.confused(server, E::SERVICE);
    }
    drop(seat);
    drop(pair);
    if let Some(watch) = watch {
        watch.closed();
    }
    end
}
