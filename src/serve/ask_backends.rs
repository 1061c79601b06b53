//! Asking the mail servers behind what they say of themselves before anybody logs in, at the start and until each answers. Here the one
//! of IMAP, for its ways to log in ([`methods`](super::methods)); the others' protocols know how they are asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::service::ask_unknown;
use crate::fault::{Fault, Side};
use crate::imap::upstream_login::{LoginProgress, UpstreamLogin};
use crate::net::buffered::BufferedConn;
use crate::net::dial::{dial, secure};
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::route::{BackendId, Backends, Security};
use crate::wire::tokens::Tokens;

/// How often those are asked of whom nothing is known yet, or nothing sure.
const AGAIN: Duration = Duration::from_secs(30);

/// Asks whom nothing sure is known of, until the stop.
pub async fn run(context: Arc<Context>, mut stop: Shutdown) {
    loop {
        let backends = context.backends.load_full();
        for (backend, _) in backends.iter().filter(|(backend, _)| context.methods.is_due(*backend)) {
            if let Ok(tokens) = ask(&context, &backends, backend).await {
                context.methods.learn(backend, tokens);
            }
        }
        ask_unknown(&context, &backends).await;
        tokio::select! {
            () = sleep(AGAIN) => {}
            () = stop.reached(ShutdownPhase::Draining) => return,
        }
    }
}

/// Asks one: its greeting, TLS where that comes first, and its list; nobody logs in.
async fn ask(context: &Context, backends: &Backends, backend: BackendId) -> Result<Tokens, Fault> {
    let patience = context.patience.backend;
    let endpoint = &backends.at(backend).ok_or(Fault::Down)?.imap;
    let conn = dial(endpoint, &context.tls, patience).await?;
    let mut link = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
    let mut conversation = UpstreamLogin::new(endpoint.security == Security::StartTls, None);
    loop {
        match conversation.next(link.input(), false, None)? {
            LoginProgress::Need => drop(link.fill().await?),
            LoginProgress::Send(taken, bytes) => {
                link.consume(taken);
                if !bytes.is_empty() {
                    link.send(&bytes).await?;
                }
            }
            LoginProgress::StartTls => {
                let conn = secure(link.into_bare(), endpoint, &context.tls, patience).await?;
                link = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
            }
            LoginProgress::Done(_) => {
                // Its answer is not waited for: it has said what was asked.
                let _ = link.send(b"n5 LOGOUT\r\n").await;
                return conversation.tokens().ok_or(Fault::Garbage(Side::Backend));
            }
        }
    }
}
