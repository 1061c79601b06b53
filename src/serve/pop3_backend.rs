//! POP3 to a backend: the conversation until somebody is logged in. Who may log in at all is for [`admission`](super::admission).

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::admission::{Authenticated, Judge, NoLogin, log_in};
use super::connect::connect;
use crate::event::BackendService;
use crate::fault::{Fault, Side};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::dial::secure;
use crate::pop3::upstream_login::{Pop3Progress, UpstreamPop3Login};
use crate::private::{Credential, Pseudonym};
use crate::route::Security;

/// Dovecot makes guessers wait for up to 15 seconds.
const SLOWED: Duration = Duration::from_secs(20);

/// How a backend is asked. It is not told who for: POP3 has no word like IMAP's ID.
struct Pop3<'a>(&'a Context);

impl Judge for Pop3<'_> {
    type Conn = BufferedConn;

    async fn judge(&self, who: &Authenticated, credential: &Credential, _: Pseudonym) -> Result<BufferedConn, Fault> {
        converse(self.0, who, credential).await
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
) -> Result<(Authenticated, BufferedConn), NoLogin> {
    log_in(context, seat, credential, &Pop3(context)).await
}

async fn converse(context: &Context, who: &Authenticated, credential: &Credential) -> Result<BufferedConn, Fault> {
    let patience = context.patience.backend;
    let backend = who.backends.at(who.backend).ok_or(Fault::Down)?;
    let endpoint = backend.pop3.as_ref().ok_or(Fault::Down)?;
    // No connections rest here that could be given up for it.
    let mut conn = connect(context, endpoint, (who.backend, &context.pop3_health), || ()).await?;
    let mut login = UpstreamPop3Login::new(endpoint.security == Security::StartTls);
    loop {
        match login.next(conn.input(), credential) {
            Ok(Pop3Progress::Need) => drop(conn.fill().await?),
            Ok(Pop3Progress::Send(taken, bytes)) => {
                conn.consume(taken);
                if !bytes.is_empty() {
                    conn.set_deadline(Instant::now() + patience + SLOWED);
                    conn.send(&bytes).await?;
                }
            }
            Ok(Pop3Progress::StartTls) => {
                let secured = secure(conn.into_bare(), endpoint, &context.tls, patience).await?;
                conn = BufferedConn::new(secured, Side::Backend, Instant::now() + patience);
            }
            Ok(Pop3Progress::Done(taken)) => {
                conn.consume(taken);
                return Ok(conn);
            }
            Err(fault) => {
                if matches!(fault, Fault::Garbage(Side::Backend) | Fault::Barred(_)) {
                    context.note(who.backend, BackendService::Pop3, fault);
                }
                return Err(fault);
            }
        }
    }
}
