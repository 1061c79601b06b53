//! Protocols that keep to [`crate::wire::contract`]: one connection to its end, by [`enter`] and then [`carry`]; and what the servers of
//! backends say of themselves before anybody logs in. A new one is a file here, with its lines in [`ServerLists`] and [`ask_unknown`].

mod carry;
mod converse;
mod enter;
pub(super) mod pop3;
pub(super) mod sieve;
mod sieve_lists;

use std::sync::Arc;

use tokio::time::Instant;

use carry::{SessionPair, carry};
use converse::{asks_for_tls, converse};
use enter::{Entered, Entrance, enter};
use sieve_lists::SieveLists;

use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::route::{BackendId, Backends, Endpoint};
use crate::serve::Context;
use crate::serve::accepted::Accepted;
use crate::serve::mailbox::MailboxAccount;
use crate::serve::methods::Methods;
use crate::sieve::forwarding::Forwarding;
use crate::wire::contract::{Carried, Conversation};

/// What the servers said of themselves, which mail programs read before they log in. Every login sees a server's list anew.
pub struct ServerLists {
    /// Which ways to log in POP3 servers know besides passwords.
    pop3: Methods,
    sieve: SieveLists,
}

impl ServerLists {
    /// Nothing is known. `forwarding` is what is done about filters that bring mail out of the house.
    pub fn new(forwarding: Forwarding) -> ServerLists {
        ServerLists { pop3: Methods::default(), sieve: SieveLists::new(forwarding) }
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.pop3.keep(backends);
        self.sieve.keep(backends);
    }
}

/// Asks the servers of whom nothing sure is known.
pub(super) async fn ask_unknown(context: &Context, backends: &Backends) {
    ask_those::<pop3::Pop3>(context, backends).await;
    ask_those::<sieve::ManageSieve>(context, backends).await;
}

async fn ask_those<E: Entrance>(context: &Context, backends: &Backends) {
    for (id, backend) in backends.iter().filter(|(id, _)| E::is_due(&context.lists, *id)) {
        let Some(endpoint) = backend.endpoint(E::SERVICE) else { continue };
        // One that does not answer is asked again.
        let _ = ask::<E>(context, backends, (id, endpoint)).await;
    }
}

/// Asks one: its greeting, TLS where that comes first, and its list; nobody logs in.
async fn ask<E: Entrance>(context: &Context, backends: &Backends, (id, endpoint): (BackendId, &Endpoint)) -> Result<(), Fault> {
    let patience = context.patience.backend;
    let conn = dial(endpoint, &context.tls, patience).await?;
    let conn = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
    let mut conversation = E::Conversation::begin(asks_for_tls(endpoint));
    let mut conn = converse(context, endpoint, conn, &mut conversation, None).await?;
    E::heard(&context.lists, backends, id, conversation);
    // Its answer is not waited for: it has said what was asked.
    conn.send(E::Conversation::GOODBYE).await
}

/// Serves one connection. `before` is what is behind TLS or without it, `session` what begins after the login.
///
/// # Errors
/// Why it ended, if not by its own wish.
async fn serve<E: Entrance, S: Carried>(
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
