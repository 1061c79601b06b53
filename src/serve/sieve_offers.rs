//! What the ManageSieve servers behind said of themselves: mail programs read it before they log in. Each is asked at the start, by
//! [`methods`](super::methods), until it answers, and every login sees its list anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::Context;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::{dial, secure};
use crate::route::{BackendId, Backends, Endpoint, Security};
use crate::sieve::offer::SieveOffer;
use crate::sieve::upstream_login::UpstreamSieveLogin;
use crate::wire::contract::Approach;

/// What is known.
#[derive(Default)]
pub struct SieveOffers {
    known: Mutex<HashMap<BackendId, SieveOffer>>,
}

impl SieveOffers {
    pub(super) fn learn(&self, backend: BackendId, offer: SieveOffer) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(backend, offer);
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|backend, _| backends.at(*backend).is_some());
    }

    /// What can be told of all of `backends` before login, as far as they are known.
    pub(super) fn of_all(&self, backends: &Backends) -> SieveOffer {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let told = backends.iter().filter_map(|(id, _)| known.get(&id)).cloned();
        told.reduce(|all, next| all.shared(&next)).unwrap_or_default()
    }

    fn is_known(&self, backend: BackendId) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&backend)
    }
}

/// Asks those of whom nothing is known.
pub(super) async fn ask_unknown(context: &Context, backends: &Backends) {
    for (id, backend) in backends.iter().filter(|(id, _)| !context.sieve_offers.is_known(*id)) {
        let Some(endpoint) = &backend.sieve else { continue };
        // One that does not answer is asked again.
        let _ = ask(context, id, endpoint).await;
    }
}

/// Asks one: its greeting, and TLS where that comes first; nobody logs in.
async fn ask(context: &Context, backend: BackendId, endpoint: &Endpoint) -> Result<(), Fault> {
    let patience = context.patience.backend;
    let conn = dial(endpoint, &context.tls, patience).await?;
    let mut link = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
    let mut conversation = UpstreamSieveLogin::new(endpoint.security == Security::StartTls);
    loop {
        match conversation.step(link.input(), None)? {
            Approach::Need => drop(link.fill().await?),
            Approach::Send(taken, bytes) => {
                link.consume(taken);
                link.send(&bytes).await?;
            }
            Approach::StartTls => {
                let conn = secure(link.into_bare(), endpoint, &context.tls, patience).await?;
                link = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
            }
            Approach::Done(_) => {
                context.sieve_offers.learn(backend, conversation.into_offer());
                // Its answer is not waited for: it has said what was asked.
                return link.send(b"LOGOUT\r\n").await;
            }
        }
    }
}
