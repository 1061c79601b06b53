//! A connection to a server of a backend, up to its greeting.

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use crate::event::BackendService;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::pool::seats;
use crate::route::{BackendId, Endpoint};

/// How much longer a backend may take to judge a login: Dovecot makes guessers wait for up to 15 seconds.
pub(super) const SLOWED: Duration = Duration::from_secs(20);

/// Connects, and waits for the first octets of the greeting. While they do not come, `release` is called each second, to give up one of
/// the connections that are parked there.
///
/// # Errors
/// As [`dial`]; `Gone(Backend)` or `Slow(Backend)` where it does not greet.
pub(super) async fn connect(
    context: &Context,
    endpoint: &Endpoint,
    (backend, service): (BackendId, BackendService),
    release: impl FnMut(),
) -> Result<BufferedConn, Fault> {
    let patience = context.patience.backend;
    let greeted = async {
        let conn = dial(endpoint, context.tls_to(&context.backends.load(), backend), patience).await?;
        let mut conn = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
        conn.fill().await?;
        Ok(conn)
    };
    let greeted = seats::make_room(greeted, release).await;
    // Not as soon as it takes the connection: the kernel does that for a server that hangs.
    context.healths.of(service).set(&context.backends.load(), backend, greeted.is_ok());
    greeted
}
