//! Logged-in connections to backends that are parked until the same person comes back with the same secret.
//!
//! - A connection in use belongs to exactly one session; parked it belongs to nobody. It is kept with the whole credential
//!   that it was made with, and the whole credential is compared, the secret in constant time: never a hash.
//! - It is reused only within `verify` of its own login. So what is handed out was accepted by the backend, with this very secret,
//!   a few minutes ago at most; there is no other proof that could go stale.
//! - A parked connection must be silent: see [`Parked`].
//! - A [`Checkout`] is what a session holds on its connection. Revoked, the connection is never parked (again).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};

use tokio::time::Instant;

use super::checkout::{Checkout, CheckoutOwner};
use super::params::PoolParams;
use super::parked::{Parked, lock};
use super::reset::{self, Reset};
use crate::fault::Fault;
use crate::net::buffered::BufferedConn;
use crate::private::{Address, Credential, Secret};
use crate::route::{BackendId, Backends};

/// A parked connection with what it is kept for. Dropped, it closes.
struct ParkedLogin {
    checkout: Arc<Checkout>,
    parked: Parked,
}

#[derive(Default)]
struct LoginShelf {
    /// By the order in which they were parked.
    parked: BTreeMap<u64, ParkedLogin>,
    /// Of each person, oldest first. Never an empty list.
    of_user: HashMap<Address, Vec<u64>>,
    /// Connections in use.
    in_use: HashMap<Address, Vec<Weak<Checkout>>>,
    next: u64,
    closed: bool,
}

/// All parked connections.
pub struct Pool {
    params: PoolParams,
    inner: Mutex<LoginShelf>,
}

impl Pool {
    /// An empty one.
    pub fn new(params: PoolParams) -> Arc<Pool> {
        Arc::new(Pool { params, inner: Mutex::default() })
    }

    /// How many there are now.
    pub fn parked(&self) -> usize {
        lock(&self.inner).parked.len()
    }

    /// A new checkout: the backend has just accepted `credential` and told `capabilities`. Whatever the person has under another
    /// secret is revoked, as a new secret that is accepted is a password that was changed.
    pub fn admitted(&self, owner: CheckoutOwner, credential: &Credential, capabilities: &[u8]) -> Arc<Checkout> {
        self.revoke(&owner.user, |checkout| !checkout.has(&credential.secret));
        let checkout = Checkout::new(owner, credential, capabilities);
        let mut inner = lock(&self.inner);
        inner.in_use.entry(checkout.user().clone()).or_default().push(Arc::downgrade(&checkout));
        checkout
    }

    /// The backend refused `secret`. If it was good before, the password was changed: everything of the person is revoked. A
    /// guesser, whose secret was never good, closes nothing.
    pub fn refused(&self, user: &Address, secret: &Secret) {
        let mut known = false;
        self.each(user, |checkout| known |= checkout.has(secret));
        if known {
            self.revoke(user, |_| true);
        }
    }

    /// An admin ends the sessions of whoever `whose` names: nothing of theirs stays parked, and what is in use will not be parked.
    /// Their next login is judged by the backend.
    pub fn end(&self, whose: impl Fn(&Address) -> bool) {
        let users: BTreeSet<Address> = {
            let inner = lock(&self.inner);
            inner.of_user.keys().chain(inner.in_use.keys()).filter(|user| whose(user)).cloned().collect()
        };
        users.iter().for_each(|user| self.revoke(user, |_| true));
    }

    /// A connection that was made with exactly this login and still answers.
    pub async fn reuse(&self, owner: &CheckoutOwner, credential: &Credential) -> Option<(Arc<Checkout>, BufferedConn)> {
        let (checkout, mut conn) = self.find(owner, credential).await?;
        match reset::run(&mut conn, Reset::wake()).await {
            Ok(()) => return Some((checkout, conn)),
            // A machine that went away says no goodbye: nobody else shall wait for it.
            Err(Fault::Slow(_)) => self.release(owner.backend, usize::MAX),
            Err(_) => {}
        }
        None
    }

    /// Takes the newest connection that was made with exactly this login; waits for one that is on its way back, if there is no
    /// other.
    async fn find(&self, owner: &CheckoutOwner, credential: &Credential) -> Option<(Arc<Checkout>, BufferedConn)> {
        if let Some(found) = self.take(owner, credential) {
            return Some(found);
        }
        let checkout = self.on_its_way(owner, credential)?;
        drop(checkout.returning().await);
        self.take(owner, credential)
    }

    fn on_its_way(&self, owner: &CheckoutOwner, credential: &Credential) -> Option<Arc<Checkout>> {
        let inner = lock(&self.inner);
        let mut checkouts = inner.in_use.get(&owner.user)?.iter().filter_map(Weak::upgrade);
        checkouts.find(|checkout| checkout.is(owner, credential) && checkout.is_returning())
    }

    fn take(&self, owner: &CheckoutOwner, credential: &Credential) -> Option<(Arc<Checkout>, BufferedConn)> {
        loop {
            let mut inner = lock(&self.inner);
            let numbers = inner.of_user.get(&owner.user)?;
            let fits = |number: &&u64| inner.parked.get(number).is_some_and(|entry| entry.checkout.is(owner, credential));
            let number = *numbers.iter().rev().find(fits)?;
            let entry = inner.remove(number)?;
            let checkout = entry.checkout.clone();
            // The watcher may have closed it in this very moment.
            if let Some(conn) = entry.parked.take().filter(|_| checkout.is_fresh(self.params.verify)) {
                inner.in_use.entry(owner.user.clone()).or_default().push(Arc::downgrade(&checkout));
                return Some((checkout, conn));
            }
        }
    }

    /// Parks a connection, and closes the oldest ones where there are too many. Closes it instead when its checkout is
    /// revoked or too old. Must run inside the runtime.
    pub fn park(self: &Arc<Pool>, checkout: Arc<Checkout>, conn: BufferedConn) {
        let until = (Instant::now() + self.params.rest).min(checkout.born() + self.params.verify);
        let mut inner = lock(&self.inner);
        // Looked at under the lock: a revocation that comes later finds it here.
        if inner.closed || checkout.is_revoked() || !checkout.is_fresh(self.params.verify) {
            return;
        }
        let number = inner.next;
        inner.next += 1;
        let pool = Arc::downgrade(self);
        let gone = move || {
            if let Some(pool) = pool.upgrade() {
                drop(lock(&pool.inner).remove(number));
            }
        };
        let parked = Parked::new(conn, until, reset::GOODBYE, gone);
        inner.no_longer_in_use(&checkout);
        inner.of_user.entry(checkout.user().clone()).or_default().push(number);
        inner.parked.insert(number, ParkedLogin { checkout, parked });
        self.bound(&mut inner, number);
    }

    /// Closes the `count` connections to this backend that were parked longest ago: others need the seats.
    pub fn release(&self, backend: BackendId, count: usize) {
        let mut inner = lock(&self.inner);
        let there = inner.parked.iter().filter(|(_, entry)| entry.checkout.backend() == backend);
        let numbers: Vec<u64> = there.map(|(number, _)| *number).take(count).collect();
        for number in numbers {
            inner.remove(number);
        }
    }

    /// Closes what is parked at backends that are not among `backends` any more, or were changed.
    pub fn keep(&self, backends: &Backends) {
        self.clear(|entry| backends.at(entry.checkout.backend()).is_none());
    }

    /// Closes what is parked, and takes nothing more.
    pub fn close(&self) {
        lock(&self.inner).closed = true;
        self.clear(|_| true);
    }

    /// Wipes the secrets of connections in use that are too old to be parked ever again. To be called every minute.
    pub fn sweep(&self) {
        let mut inner = lock(&self.inner);
        inner.in_use.retain(|_, checkouts| {
            checkouts.retain(|checkout| {
                let checkout = checkout.upgrade();
                if let Some(old) = checkout.as_ref().filter(|checkout| !checkout.is_fresh(self.params.verify)) {
                    old.revoke();
                    return false;
                }
                checkout.is_some()
            });
            !checkouts.is_empty()
        });
    }

    fn bound(&self, inner: &mut LoginShelf, newest: u64) {
        let Some((user, backend)) =
            inner.parked.get(&newest).map(|entry| (entry.checkout.user().clone(), entry.checkout.backend()))
        else {
            return;
        };
        let of_user = inner.of_user.get(&user).map_or(&[][..], Vec::as_slice);
        let oldest = of_user.first().copied().filter(|_| of_user.len() > self.params.per_user);
        oldest.map(|number| inner.remove(number));
        let there = |entry: &ParkedLogin| entry.checkout.backend() == backend;
        if inner.parked.values().filter(|entry| there(entry)).count() > self.params.per_backend {
            let oldest = inner.parked.iter().find(|(_, entry)| there(entry)).map(|(number, _)| *number);
            oldest.map(|number| inner.remove(number));
        }
        if inner.parked.len() > self.params.total {
            let oldest = inner.parked.keys().next().copied();
            oldest.map(|number| inner.remove(number));
        }
    }

    fn each(&self, user: &Address, mut see: impl FnMut(&Checkout)) {
        let inner = lock(&self.inner);
        let parked = inner.of_user.get(user).into_iter().flatten().filter_map(|number| inner.parked.get(number));
        parked.for_each(|entry| see(&entry.checkout));
        inner.in_use.get(user).into_iter().flatten().filter_map(Weak::upgrade).for_each(|checkout| see(&checkout));
    }

    fn revoke(&self, user: &Address, which: impl Fn(&Checkout) -> bool) {
        self.each(user, |checkout| {
            if which(checkout) {
                checkout.revoke();
            }
        });
        self.clear(|entry| entry.checkout.user() == user && entry.checkout.is_revoked());
    }

    fn clear(&self, which: impl Fn(&ParkedLogin) -> bool) {
        let mut inner = lock(&self.inner);
        let numbers: Vec<u64> = inner.parked.iter().filter(|(_, entry)| which(entry)).map(|(number, _)| *number).collect();
        for number in numbers {
            inner.remove(number);
        }
    }
}

impl LoginShelf {
    fn remove(&mut self, number: u64) -> Option<ParkedLogin> {
        let entry = self.parked.remove(&number)?;
        let user = entry.checkout.user();
        if let Some(numbers) = self.of_user.get_mut(user) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.of_user.remove(user);
            }
        }
        Some(entry)
    }

    fn no_longer_in_use(&mut self, checkout: &Arc<Checkout>) {
        let user = checkout.user();
        if let Some(checkouts) = self.in_use.get_mut(user) {
            checkouts.retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), Arc::as_ptr(checkout)));
            if checkouts.is_empty() {
                self.in_use.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests;
