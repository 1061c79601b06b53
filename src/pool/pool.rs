//! Logged-in connections to backends that are parked until the same person comes back with the same secret.
//!
//! - A connection in use belongs to exactly one session; parked it belongs to nobody. It is kept with the whole credential
//!   that it was made with, and the whole credential is compared, the secret in constant time: never a hash.
//! - It is reused only within `verify` of its own login. So what is handed out was accepted by the backend, with this very secret,
//!   a few minutes ago at most; there is no other proof that could go stale.
//! - A parked connection must be silent: see [`Parked`].
//! - A [`Lease`] is what a session holds on its connection. Revoked, the connection is never parked (again).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};

use tokio::time::Instant;

use super::lease::{Lease, Owner};
use super::params::Params;
use super::parked::{Parked, lock};
use super::reset::{self, Reset};
use crate::fault::Fault;
use crate::net::buffered::BufferedConn;
use crate::private::{Address, Credential, Secret};
use crate::route::{BackendId, Backends};

/// A parked connection with what it is kept for. Dropped, it closes.
struct ParkedLogin {
    lease: Arc<Lease>,
    parked: Parked,
}

#[derive(Default)]
struct Inner {
    /// By the order in which they were parked.
    parked: BTreeMap<u64, ParkedLogin>,
    /// Of each person, oldest first. Never an empty list.
    of_user: HashMap<Address, Vec<u64>>,
    /// Connections in use.
    in_use: HashMap<Address, Vec<Weak<Lease>>>,
    next: u64,
    closed: bool,
}

/// All parked connections.
pub struct Pool {
    params: Params,
    inner: Mutex<Inner>,
}

impl Pool {
    /// An empty one.
    pub fn new(params: Params) -> Arc<Pool> {
        Arc::new(Pool { params, inner: Mutex::default() })
    }

    /// How many there are now.
    pub fn parked(&self) -> usize {
        lock(&self.inner).parked.len()
    }

    /// A new lease: the backend has just accepted `credential` and told `capabilities`. Whatever the person has under another
    /// secret is revoked, as a new secret that is accepted is a password that was changed.
    pub fn admitted(&self, owner: Owner, credential: &Credential, capabilities: &[u8]) -> Arc<Lease> {
        self.revoke(&owner.user, |lease| !lease.has(&credential.secret));
        let lease = Lease::new(owner, credential, capabilities);
        let mut inner = lock(&self.inner);
        inner.in_use.entry(lease.user().clone()).or_default().push(Arc::downgrade(&lease));
        lease
    }

    /// The backend refused `secret`. If it was good before, the password was changed: everything of the person is revoked. A
    /// guesser, whose secret was never good, closes nothing.
    pub fn refused(&self, user: &Address, secret: &Secret) {
        let mut known = false;
        self.each(user, |lease| known |= lease.has(secret));
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
    pub async fn reuse(&self, owner: &Owner, credential: &Credential) -> Option<(Arc<Lease>, BufferedConn)> {
        let (lease, mut conn) = self.find(owner, credential).await?;
        match reset::run(&mut conn, Reset::wake()).await {
            Ok(()) => return Some((lease, conn)),
            // A machine that went away says no goodbye: nobody else shall wait for it.
            Err(Fault::Slow(_)) => self.release(owner.backend, usize::MAX),
            Err(_) => {}
        }
        None
    }

    /// Takes the newest connection that was made with exactly this login; waits for one that is on its way back, if there is no
    /// other.
    async fn find(&self, owner: &Owner, credential: &Credential) -> Option<(Arc<Lease>, BufferedConn)> {
        if let Some(found) = self.take(owner, credential) {
            return Some(found);
        }
        let lease = self.on_its_way(owner, credential)?;
        drop(lease.returning().await);
        self.take(owner, credential)
    }

    fn on_its_way(&self, owner: &Owner, credential: &Credential) -> Option<Arc<Lease>> {
        let inner = lock(&self.inner);
        let mut leases = inner.in_use.get(&owner.user)?.iter().filter_map(Weak::upgrade);
        leases.find(|lease| lease.is(owner, credential) && lease.is_returning())
    }

    fn take(&self, owner: &Owner, credential: &Credential) -> Option<(Arc<Lease>, BufferedConn)> {
        loop {
            let mut inner = lock(&self.inner);
            let numbers = inner.of_user.get(&owner.user)?;
            let fits = |number: &&u64| inner.parked.get(number).is_some_and(|entry| entry.lease.is(owner, credential));
            let number = *numbers.iter().rev().find(fits)?;
            let entry = inner.remove(number)?;
            let lease = entry.lease.clone();
            // The watcher may have closed it in this very moment.
            if let Some(conn) = entry.parked.take().filter(|_| lease.is_fresh(self.params.verify)) {
                inner.in_use.entry(owner.user.clone()).or_default().push(Arc::downgrade(&lease));
                return Some((lease, conn));
            }
        }
    }

    /// Parks a connection, and closes the oldest ones where there are too many. Closes it instead when its lease is
    /// revoked or too old. Must run inside the runtime.
    pub fn park(self: &Arc<Pool>, lease: Arc<Lease>, conn: BufferedConn) {
        let until = (Instant::now() + self.params.rest).min(lease.born() + self.params.verify);
        let mut inner = lock(&self.inner);
        // Looked at under the lock: a revocation that comes later finds it here.
        if inner.closed || lease.is_revoked() || !lease.is_fresh(self.params.verify) {
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
        inner.no_longer_in_use(&lease);
        inner.of_user.entry(lease.user().clone()).or_default().push(number);
        inner.parked.insert(number, ParkedLogin { lease, parked });
        self.bound(&mut inner, number);
    }

    /// Closes the `count` connections to this backend that were parked longest ago: others need the seats.
    pub fn release(&self, backend: BackendId, count: usize) {
        let mut inner = lock(&self.inner);
        let there = inner.parked.iter().filter(|(_, entry)| entry.lease.backend() == backend);
        let numbers: Vec<u64> = there.map(|(number, _)| *number).take(count).collect();
        for number in numbers {
            inner.remove(number);
        }
    }

    /// Closes what is parked at backends that are not among `backends` any more, or were changed.
    pub fn keep(&self, backends: &Backends) {
        self.clear(|entry| backends.at(entry.lease.backend()).is_none());
    }

    /// Closes what is parked, and takes nothing more.
    pub fn close(&self) {
        lock(&self.inner).closed = true;
        self.clear(|_| true);
    }

    /// Wipes the secrets of connections in use that are too old to be parked ever again. To be called every minute.
    pub fn sweep(&self) {
        let mut inner = lock(&self.inner);
        inner.in_use.retain(|_, leases| {
            leases.retain(|lease| {
                let lease = lease.upgrade();
                if let Some(old) = lease.as_ref().filter(|lease| !lease.is_fresh(self.params.verify)) {
                    old.revoke();
                    return false;
                }
                lease.is_some()
            });
            !leases.is_empty()
        });
    }

    fn bound(&self, inner: &mut Inner, newest: u64) {
        let Some((user, backend)) = inner.parked.get(&newest).map(|entry| (entry.lease.user().clone(), entry.lease.backend()))
        else {
            return;
        };
        let of_user = inner.of_user.get(&user).map_or(&[][..], Vec::as_slice);
        let oldest = of_user.first().copied().filter(|_| of_user.len() > self.params.per_user);
        oldest.map(|number| inner.remove(number));
        let there = |entry: &ParkedLogin| entry.lease.backend() == backend;
        if inner.parked.values().filter(|entry| there(entry)).count() > self.params.per_backend {
            let oldest = inner.parked.iter().find(|(_, entry)| there(entry)).map(|(number, _)| *number);
            oldest.map(|number| inner.remove(number));
        }
        if inner.parked.len() > self.params.total {
            let oldest = inner.parked.keys().next().copied();
            oldest.map(|number| inner.remove(number));
        }
    }

    fn each(&self, user: &Address, mut see: impl FnMut(&Lease)) {
        let inner = lock(&self.inner);
        let parked = inner.of_user.get(user).into_iter().flatten().filter_map(|number| inner.parked.get(number));
        parked.for_each(|entry| see(&entry.lease));
        inner.in_use.get(user).into_iter().flatten().filter_map(Weak::upgrade).for_each(|lease| see(&lease));
    }

    fn revoke(&self, user: &Address, which: impl Fn(&Lease) -> bool) {
        self.each(user, |lease| {
            if which(lease) {
                lease.revoke();
            }
        });
        self.clear(|entry| entry.lease.user() == user && entry.lease.is_revoked());
    }

    fn clear(&self, which: impl Fn(&ParkedLogin) -> bool) {
        let mut inner = lock(&self.inner);
        let numbers: Vec<u64> = inner.parked.iter().filter(|(_, entry)| which(entry)).map(|(number, _)| *number).collect();
        for number in numbers {
            inner.remove(number);
        }
    }
}

impl Inner {
    fn remove(&mut self, number: u64) -> Option<ParkedLogin> {
        let entry = self.parked.remove(&number)?;
        let user = entry.lease.user();
        if let Some(numbers) = self.of_user.get_mut(user) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.of_user.remove(user);
            }
        }
        Some(entry)
    }

    fn no_longer_in_use(&mut self, lease: &Arc<Lease>) {
        let user = lease.user();
        if let Some(leases) = self.in_use.get_mut(user) {
            leases.retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), Arc::as_ptr(lease)));
            if leases.is_empty() {
                self.in_use.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::sleep;

    use super::*;
    use crate::fault::Side;
    use crate::net::conn::Conn;
    use crate::private::{Mechanism, Private};

    struct World {
        pool: Arc<Pool>,
        first: BackendId,
    }

    impl World {
        fn new(params: Params) -> World {
            World { pool: Pool::new(params), first: BackendId::new(0) }
        }

        fn owner(&self, user: &str) -> Owner {
            let backend = if user.starts_with('z') { BackendId::new(1) } else { self.first };
            Owner { user: Address::parse(user).unwrap(), backend }
        }

        fn admit(&self, user: &str, secret: &str) -> Arc<Lease> {
            self.pool.admitted(self.owner(user), &credential(user, secret), b"IMAP4rev1")
        }

        /// Logs in and is parked at once: the backend's end of the connection.
        fn park(&self, user: &str, secret: &str) -> UnixStream {
            let (conn, end) = conn();
            self.pool.park(self.admit(user, secret), conn);
            end
        }

        fn take(&self, user: &str, secret: &str) -> Option<(Arc<Lease>, BufferedConn)> {
            self.pool.take(&self.owner(user), &credential(user, secret))
        }
    }

    fn credential(user: &str, secret: &str) -> Credential {
        Credential { user: Private::new(user.into()), secret: Secret::new(secret.as_bytes()), mechanism: Mechanism::Password }
    }

    fn conn() -> (BufferedConn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (BufferedConn::new(Conn::Unix(ours), Side::Backend, Instant::now() + Duration::from_secs(60)), theirs)
    }

    async fn until(mut done: impl FnMut() -> bool) {
        for _ in 0..500 {
            if done() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not happen");
    }

    #[tokio::test]
    async fn only_the_same_person_with_the_same_secret_and_backends_and_only_once() {
        let mut world = World::new(Params::default());
        let _end = world.park("a@velo.example", "secret");
        for (user, secret) in [
            ("b@velo.example", "secret"),
            ("a@velo.example", "secre"),
            ("a@velo.example", "secret "),
            ("a@velo.example", "Secret"),
            ("a@jardin.example", "secret"),
        ] {
            assert!(world.take(user, secret).is_none());
        }
        let other = credential("A@velo.example", "secret");
        assert!(world.pool.take(&world.owner("a@velo.example"), &other).is_none(), "another spelling is another login");
        let token = Credential { mechanism: Mechanism::XOAuth2, ..credential("a@velo.example", "secret") };
        assert!(world.pool.take(&world.owner("a@velo.example"), &token).is_none());
        let (lease, taken) = world.take("a@velo.example", "secret").unwrap();
        assert!(lease.capabilities() == b"IMAP4rev1" && world.take("a@velo.example", "secret").is_none());
        world.pool.park(lease, taken);
        world.first = BackendId::new(2);
        assert!(world.take("a@velo.example", "secret").is_none(), "it is another backend");
    }

    #[tokio::test]
    async fn who_comes_back_at_once_waits_for_what_is_on_its_way_and_nobody_else_does() {
        let world = World::new(Params::default());
        let find = |user: &str, secret: &str| {
            let (pool, owner, credential) = (world.pool.clone(), world.owner(user), credential(user, secret));
            async move { pool.find(&owner, &credential).await.map(|(lease, _)| lease) }
        };
        let lease = world.admit("a@velo.example", "s");
        assert!(find("a@velo.example", "s").await.is_none(), "it is in use");
        let returning = lease.returning().await;
        assert!(find("a@velo.example", "other").await.is_none() && find("b@velo.example", "s").await.is_none());
        let waiting = [tokio::spawn(find("a@velo.example", "s")), tokio::spawn(find("a@velo.example", "s"))];
        sleep(Duration::from_millis(20)).await;
        assert!(waiting.iter().all(|task| !task.is_finished()));
        let (conn, _end) = conn();
        world.pool.park(lease, conn);
        drop(returning);
        let [one, other] = waiting;
        assert!(one.await.unwrap().is_some() != other.await.unwrap().is_some(), "one connection for one of them");
        // Given up: nobody waits for ever.
        let lease = world.admit("a@velo.example", "s");
        let returning = lease.returning().await;
        let waiting = tokio::spawn(find("a@velo.example", "s"));
        sleep(Duration::from_millis(20)).await;
        drop((lease, returning));
        assert!(waiting.await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_byte_or_the_end_closes_what_is_parked() {
        let world = World::new(Params::default());
        let mut speaks = world.park("a@velo.example", "s");
        let ends = world.park("b@velo.example", "s");
        let _quiet = world.park("c@velo.example", "s");
        tokio::task::yield_now().await;
        speaks.write_all(b"* 4 EXISTS\r\n").await.unwrap();
        drop(ends);
        until(|| world.pool.parked() == 1).await;
        assert!(matches!(speaks.read(&mut [0; 9]).await, Ok(0) | Err(_)));
        assert!(world.take("a@velo.example", "s").is_none() && world.take("b@velo.example", "s").is_none());
        assert!(world.take("c@velo.example", "s").is_some());
        let inner = lock(&world.pool.inner);
        assert!(inner.of_user.is_empty() && inner.parked.is_empty());
    }

    #[tokio::test]
    async fn whoever_is_ended_has_nothing_parked_and_parks_nothing() {
        let world = World::new(Params::default());
        let (_one, _tag) = (world.park("a@velo.example", "s"), world.park("a+tag@velo.example", "s"));
        let _other = world.park("b@velo.example", "s");
        let lease = world.admit("a@velo.example", "s");
        world.pool.end(|user| user.reveal().starts_with('a'));
        world.pool.park(lease, conn().0);
        assert!(world.take("a@velo.example", "s").is_none() && world.take("a+tag@velo.example", "s").is_none());
        assert!(world.take("b@velo.example", "s").is_some() && world.pool.parked() == 0);
    }

    #[tokio::test]
    async fn its_time_ends_with_a_goodbye_and_a_login_gets_too_old() {
        let short = Duration::from_millis(50);
        let world = World::new(Params { rest: short, ..Params::default() });
        let mut end = world.park("a@velo.example", "s");
        let mut heard = String::new();
        end.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "n8 LOGOUT\r\n");
        until(|| world.pool.parked() == 0).await;

        let world = World::new(Params { verify: short, ..Params::default() });
        let lease = world.admit("a@velo.example", "s");
        sleep(short).await;
        world.pool.sweep();
        assert!(lease.is_revoked(), "the secret of a session whose connection comes back too late is kept for nothing");
        world.pool.park(lease, conn().0);
        assert_eq!(world.pool.parked(), 0);
    }

    #[tokio::test]
    async fn the_oldest_go_first() {
        let world = World::new(Params { per_user: 2, per_backend: 3, total: 4, ..Params::default() });
        let mut ends: Vec<_> = (0..3).map(|_| world.park("a@velo.example", "s")).collect();
        assert!(matches!(ends.remove(0).read(&mut [0; 9]).await, Ok(0) | Err(_)));
        assert_eq!(world.pool.parked(), 2);
        ends.extend([world.park("b@velo.example", "s"), world.park("c@velo.example", "s")]);
        assert_eq!(world.pool.parked(), 3);
        ends.extend([world.park("z@velo.example", "s"), world.park("z@velo.example", "s")]);
        assert_eq!(world.pool.parked(), 4);
        let left = ["a", "b", "c", "z", "z"].map(|name| world.take(&format!("{name}@velo.example"), "s").is_some());
        assert_eq!(left, [false, true, true, true, true]);
    }

    #[tokio::test]
    async fn room_is_made_at_one_backend_from_the_oldest() {
        let world = World::new(Params::default());
        let _ends = ["a", "z", "b", "c"].map(|name| world.park(&format!("{name}@velo.example"), "s"));
        world.pool.release(world.first, 2);
        let left = ["a", "b", "c", "z"].map(|name| world.take(&format!("{name}@velo.example"), "s").is_some());
        assert_eq!(left, [false, false, true, true]);
    }

    #[tokio::test]
    async fn a_changed_password_closes_what_is_parked_and_what_would_be() {
        let world = World::new(Params::default());
        let in_use = world.admit("a@velo.example", "old");
        let ends = [world.park("a@velo.example", "old"), world.park("b@velo.example", "old")];
        world.pool.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"guess"));
        assert_eq!(world.pool.parked(), 2, "a guesser closes nothing");
        let _new = world.park("A@velo.example", "new");
        assert!(world.take("a@velo.example", "old").is_none() && world.take("b@velo.example", "old").is_some());
        world.pool.park(in_use, conn().0);
        assert!(world.take("a@velo.example", "old").is_none(), "it was in use under the old password");
        world.pool.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"new"));
        assert!(world.take("A@velo.example", "new").is_none());
        drop(ends);
    }

    #[tokio::test]
    async fn a_closed_shelf_takes_nothing() {
        let world = World::new(Params::default());
        let _ends = [world.park("a@velo.example", "s"), world.park("z@velo.example", "s")];
        world.pool.release(world.first, 9);
        assert_eq!(world.pool.parked(), 1);
        world.pool.close();
        let _end = world.park("a@velo.example", "s");
        assert_eq!(world.pool.parked(), 0);
    }
}
