//! IMAP to a backend: the conversation until somebody is logged in, on a new connection or on one that was parked, and the end that
//! parks it. Who may log in at all is for [`admission`](super::admission).

use std::sync::Arc;

use tokio::time::Instant;

use super::Context;
use super::admission::{Authenticated, Judge, NoLogin, log_in};
use super::connect::{SLOWED, connect};
use super::proxy::Left;
use super::silence::LAST_WORDS;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::capability;
use crate::imap::upstream_login::{LoginProgress, UpstreamLogin};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::dial::secure;
use crate::pool::reset::{self, Reset};
use crate::pool::{Checkout, CheckoutOwner};
use crate::private::{Credential, Pseudonym};
use crate::route::{ClientHint, Security};

/// A connection on which somebody is logged in.
pub struct ImapConn {
    /// To the backend.
    pub conn: BufferedConn,
    /// The backend's capabilities after login.
    pub capabilities: Vec<u8>,
    /// The session's hold on a connection that may be parked when it is over.
    pub checkout: Option<Arc<Checkout>>,
}

/// Whether a login may be given a connection that was parked, and park its own later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// A connection of its own.
    Off,
    /// Of the pool.
    On,
}

/// How a backend is asked.
struct Imap<'a> {
    context: &'a Context,
    pooling: Pooling,
    /// Whether the node that judges the association serves the session.
    at_the_judge: bool,
}

impl Judge for Imap<'_> {
    type Conn = ImapConn;

    async fn judge(&self, who: &Authenticated, credential: &Credential, source: Pseudonym) -> Result<ImapConn, Fault> {
        match self.pooling {
            Pooling::Off => converse(self.context, who, credential, source).await,
            Pooling::On => pooled(self.context, who, credential, source).await,
        }
    }

    fn is_for_the_judge(&self) -> bool {
        self.at_the_judge
    }
}

/// Logs in, within the limits.
///
/// # Errors
/// What the person is told.
pub(super) async fn login(
    context: &Context,
    seat: &Seat,
    credential: &Credential,
    pooling: Pooling,
) -> Result<(Authenticated, ImapConn), NoLogin> {
    log_in(context, seat, credential, &Imap { context, pooling, at_the_judge: true }).await
}

/// Whether the backend accepts `credential`: a login and a logout, or a connection that is parked. For submission.
///
/// # Errors
/// As [`login`].
pub(super) async fn verify(
    context: &Context,
    seat: &Seat,
    credential: &Credential,
    pooling: Pooling,
) -> Result<Authenticated, NoLogin> {
    // Nothing is stored by it: whoever judges need not hear of it.
    let judge = Imap { context, pooling, at_the_judge: false };
    let (who, ImapConn { mut conn, checkout, .. }) = log_in(context, seat, credential, &judge).await?;
    match checkout {
        // The last word was the backend's answer to our own command, so nothing is under way, and there is nothing to ask.
        Some(checkout) if conn.input().is_empty() => context.pool.park(checkout, conn),
        Some(_) => {}
        // The answer is not waited for: the backend has said what we asked.
        None => drop(conn.send(b"n5 LOGOUT\r\n").await),
    }
    Ok(who)
}

/// A parked connection, if one was made with exactly this login and still answers; a new one otherwise.
async fn pooled(context: &Context, who: &Authenticated, credential: &Credential, source: Pseudonym) -> Result<ImapConn, Fault> {
    let owner = CheckoutOwner { user: who.user.clone(), backend: who.backend };
    if let Some((checkout, conn)) = context.pool.reuse(&owner, credential).await {
        context.metrics.counters.reused();
        return Ok(ImapConn { conn, capabilities: checkout.capabilities().to_vec(), checkout: Some(checkout) });
    }
    let mut fresh = converse(context, who, credential, source).await?;
    let checkout = context.pool.admitted(owner, credential, &fresh.capabilities);
    fresh.checkout = Some(checkout).filter(|_| capability::can_unselect(&fresh.capabilities));
    Ok(fresh)
}

/// Logs in on a new connection. `source` is who wrong passwords are counted for.
async fn converse(context: &Context, who: &Authenticated, credential: &Credential, source: Pseudonym) -> Result<ImapConn, Fault> {
    if !context.methods.is_worth_asking(who.backend, credential.mechanism) {
        return Err(Fault::Barred(RefusalCode::LoginMethod));
    }
    let patience = context.patience.backend;
    let backend = who.backends.at(who.backend).ok_or(Fault::Down)?;
    let endpoint = &backend.imap;
    let hint = (backend.hint == ClientHint::Pseudonym).then(|| context.limits.pseudonymiser().hint(source));
    let release = || context.pool.release(who.backend, 1);
    let mut conn = connect(context, endpoint, (who.backend, BackendService::Imap), release).await?;
    let mut login = UpstreamLogin::new(endpoint.security == Security::StartTls, hint);
    loop {
        let progress = login.next(conn.input(), false, Some(credential));
        if let Some(tokens) = login.tokens() {
            context.methods.learn(who.backend, tokens);
        }
        match progress {
            Ok(LoginProgress::Need) => drop(conn.fill().await?),
            Ok(LoginProgress::Send(taken, bytes)) => {
                conn.consume(taken);
                if !bytes.is_empty() {
                    // Judging a password may take long: backends slow down guessers.
                    conn.set_deadline(Instant::now() + patience + SLOWED);
                    conn.send(&bytes).await?;
                }
            }
            Ok(LoginProgress::StartTls) => {
                let tls = context.tls_to(&who.backends, who.backend);
                let secured = secure(conn.into_bare(), endpoint, tls, patience).await?;
                conn = BufferedConn::new(secured, Side::Backend, Instant::now() + patience);
            }
            Ok(LoginProgress::Done(taken)) => {
                conn.consume(taken);
                return Ok(ImapConn { conn, capabilities: login.capabilities().to_vec(), checkout: None });
            }
            Err(fault) => {
                if matches!(fault, Fault::Garbage(Side::Backend) | Fault::Barred(_)) {
                    context.note(who.backend, BackendService::Imap, fault);
                }
                return Err(fault);
            }
        }
    }
}

/// After a session that ended well: the client hears its goodbye, and the backend's connection is parked. The client does not
/// wait for the backend to leave the mailbox; a webmail that comes back before that waits for the connection instead of
/// making a new one.
pub(super) async fn leave(context: &Context, left: Left, checkout: Arc<Checkout>) {
    let returning = checkout.returning().await;
    let farewell = async {
        if let Some(words) = left.goodbye {
            let mut client = BufferedConn::from_parts(left.client, Side::Client, Instant::now() + LAST_WORDS);
            let _ = client.send(&words).await;
            client.close().await;
        }
    };
    let park = async {
        if let Some((parts, leaves)) = left.backend {
            let mut conn = BufferedConn::from_parts(parts, Side::Backend, Instant::now());
            match reset::run(&mut conn, Reset::after(leaves)).await {
                Ok(()) => context.pool.park(checkout, conn),
                Err(Fault::Garbage(_)) => context.confused(checkout.backend(), BackendService::Imap),
                Err(_) => {}
            }
        }
        // A client that is slow to hear its goodbye holds up nobody else.
        drop(returning);
    };
    tokio::join!(farewell, park);
}
