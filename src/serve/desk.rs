//! What a reader's connection has with it when somebody logs in on it: its seat, and what is being judged.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Context;
use super::admission::{Authenticated, NoLogin};
use super::imap_backend::{Pooling, verify};
use crate::limit::Seat;
use crate::private::Credential;

/// How long a reader waits for a judgement. Dovecot lets guessers wait for up to 15 seconds; and a connection has no more left at its end.
const JUDGED: Duration = Duration::from_secs(19);

/// One connection's.
pub(super) struct Desk {
    seat: Arc<Seat>,
    /// Of logins that have none: [`Credential::completed`].
    pub(super) default_domain: Option<Arc<str>>,
    judging: Mutex<JoinSet<()>>,
}

impl Desk {
    pub(super) fn new(seat: Seat, default_domain: Option<Arc<str>>) -> Desk {
        Desk { seat: Arc::new(seat), default_domain, judging: Mutex::default() }
    }

    /// Tries `credential` as every mail protocol does ([`verify`]). It is judged, and counted, also where the reader does not wait for it: no
    /// wrong password is free. None: there is no judgement yet.
    pub(super) async fn judge(&self, context: &Arc<Context>, credential: Credential) -> Option<Result<Authenticated, NoLogin>> {
        let (tell, told) = oneshot::channel();
        let (context, seat) = (context.clone(), self.seat.clone());
        self.lock().spawn(async move {
            // Nobody may be there any more to hear it.
            let _ = tell.send(verify(&context, &seat, &credential, Pooling::Off).await);
        });
        timeout(JUDGED, told).await.ok()?.ok()
    }

    /// Waits for what is being judged. Who is made to leave for others does not come so far: then it is judged no more, and
    /// counts as wrong.
    pub(super) async fn finish(&self) {
        let mut judging = mem::take(&mut *self.lock());
        while judging.join_next().await.is_some() {}
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.judging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
