//! The conversation with a backend of a protocol that keeps to [`crate::wire::contract`]: until somebody is logged in, or until the
//! backend has said what it can do.

use tokio::time::{Instant, sleep};

use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::secure;
use crate::private::Credential;
use crate::route::{Endpoint, Security};
use crate::serve::Context;
use crate::serve::connect::SLOWED;
use crate::wire::contract::{Approach, Conversation};

/// Talks on `conn`, a connection to `endpoint`, until the end of `conversation`.
///
/// # Errors
/// As [`Conversation::next`], and those of the connection.
pub(super) async fn converse<C: Conversation>(
    context: &Context,
    endpoint: &Endpoint,
    mut conn: BufferedConn,
    conversation: &mut C,
    credential: Option<&Credential>,
) -> Result<BufferedConn, Fault> {
    let patience = context.patience.backend;
    let mut settles = Some(C::SETTLES).filter(|time| endpoint.security == Security::Implicit && !time.is_zero());
    loop {
        match conversation.next(conn.input(), credential)? {
            Approach::Need => drop(conn.fill().await?),
            Approach::Send(taken, bytes) => {
                conn.consume(taken);
                if !bytes.is_empty() {
                    if let Some(time) = settles.take() {
                        sleep(time).await;
                    }
                    conn.set_deadline(Instant::now() + patience + SLOWED);
                    conn.send(&bytes).await?;
                }
            }
            Approach::StartTls => {
                let secured = secure(conn.into_bare(), endpoint, &context.tls, patience).await?;
                conn = BufferedConn::new(secured, Side::Backend, Instant::now() + patience);
            }
            Approach::Done(taken) => {
                conn.consume(taken);
                return Ok(conn);
            }
        }
    }
}

/// Whether `endpoint` is asked for TLS before anything is said.
pub(super) fn asks_for_tls(endpoint: &Endpoint) -> bool {
    endpoint.security == Security::StartTls
}
