//! The monitoring's page: read a request, answer, close. Local, as the config holds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Context;
use super::clock::now;
use crate::fault::{Fault, Side};
use crate::metrics::{Now, respond};
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;
use crate::quota::Permission;

/// Scrapers at once, on each of the threads that serve. More are closed without a word.
const SCRAPERS: usize = 4;
/// From the connection to the end of the response.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves `bound` until the stop. A scraper takes no seat: it is no session, and a flood of sessions must not blind the admins.
pub(super) async fn open(bound: Bound, number: u64, context: Arc<Context>, stop: Shutdown) {
    let seats = Arc::new(Semaphore::new(SCRAPERS));
    let serve = |conn, _| {
        let Ok(seat) = seats.clone().try_acquire_owned() else { return };
        let context = context.clone();
        tokio::spawn(async move {
            let _seat = seat;
            // Nobody is there to be told when the peer is gone.
            let _ = receive(conn, &context).await;
        });
    };
    bound.serve(number, stop, serve).await;
}

async fn receive(conn: Conn, context: &Context) -> Result<(), Fault> {
    let mut link = BufferedConn::new(conn, Side::Client, Instant::now() + PATIENCE);
    let response = loop {
        match respond(link.input(), &context.metrics.page()) {
            Some(response) => break response,
            None => drop(link.fill().await?),
        }
    };
    // All of it: closed with bytes unread, a connection takes our answer back.
    link.consume(link.input().len());
    link.send(&response).await?;
    link.close().await;
    Ok(())
}

/// The minute's work: a new page.
pub fn publish(context: &Context) {
    let backends = context.backends.load();
    context.metrics.publish(Now {
        sessions: context.limits.sessions() as u64,
        reservations_refused: context.book.refused(),
        backends_down: context.healths.iter().map(|health| health.down(&backends)).sum(),
        backend_failures: context.healths.iter().map(|health| health.failures()).sum(),
        takes_mail: context.book.permission().map(|permission| permission == Permission::All),
        certificate_days: context.certificates.as_ref().and_then(|certificates| certificates.fewest_days(now().as_secs())),
    });
}
