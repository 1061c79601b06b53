//! A session's hold on its connection to a backend: whose it is, with which login it was made, and that it is taken back.
//!
//! Absent on purpose: the connection itself. It is the session's, or it is parked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::parked::lock;
use crate::private::{Address, Credential, Secret};
use crate::route::BackendId;

/// Whose a connection is: as it was when the backend accepted it.
pub struct CheckoutOwner {
    /// The person, in one spelling.
    pub user: Address,
    /// Where. After a reload that changed it, it is another one.
    pub backend: BackendId,
}

/// A session's hold on its connection.
pub struct Checkout {
    owner: CheckoutOwner,
    /// What the backend can do, as it told this connection.
    capabilities: Box<[u8]>,
    born: Instant,
    /// `None`: revoked. The secret is wiped in the same moment.
    credential: Mutex<Option<Credential>>,
    returning: Arc<tokio::sync::Mutex<()>>,
}

/// While this is held, the connection is on its way back.
pub struct Returning(#[allow(dead_code, reason = "held, not looked at")] tokio::sync::OwnedMutexGuard<()>);

impl Checkout {
    /// The backend has just accepted `credential` and told `capabilities`.
    pub(super) fn new(owner: CheckoutOwner, credential: &Credential, capabilities: &[u8]) -> Arc<Checkout> {
        let (born, credential) = (Instant::now(), Mutex::new(Some(credential.clone())));
        Arc::new(Checkout { owner, capabilities: capabilities.into(), born, credential, returning: Arc::default() })
    }

    /// To be held from before its session is over for the client until the connection is parked, or given up: who comes back
    /// meanwhile with the same login waits for that, see [`Pool::find`](super::Pool::find).
    pub async fn returning(&self) -> Returning {
        Returning(self.returning.clone().lock_owned().await)
    }

    /// The backend's capabilities after login.
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    /// Where it leads.
    pub fn backend(&self) -> BackendId {
        self.owner.backend
    }

    /// Whose it is.
    pub(super) fn user(&self) -> &Address {
        &self.owner.user
    }

    /// When the backend accepted the login.
    pub(super) fn born(&self) -> Instant {
        self.born
    }

    /// Whether that is less than `verify` ago.
    pub(super) fn is_fresh(&self, verify: Duration) -> bool {
        self.born.elapsed() < verify
    }

    /// The connection is never parked (again).
    pub(super) fn revoke(&self) {
        *lock(&self.credential) = None;
    }

    pub(super) fn is_revoked(&self) -> bool {
        lock(&self.credential).is_none()
    }

    /// Whether the connection is on its way back.
    pub(super) fn is_returning(&self) -> bool {
        self.returning.try_lock().is_err()
    }

    /// Whether this is the same login in every respect.
    pub(super) fn is(&self, owner: &CheckoutOwner, credential: &Credential) -> bool {
        let same = |own: &Credential| {
            own.secret.same(&credential.secret) && own.user == credential.user && own.mechanism == credential.mechanism
        };
        let place = self.owner.backend == owner.backend && self.owner.user == owner.user;
        place && lock(&self.credential).as_ref().is_some_and(same)
    }

    /// Whether it was made with `secret`. Revoked ones were made with none.
    pub(super) fn has(&self, secret: &Secret) -> bool {
        lock(&self.credential).as_ref().is_some_and(|own| own.secret.same(secret))
    }
}
