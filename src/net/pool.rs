//! The shelf: logged-in connections to backends that rest until the same person comes back with the same secret.
//!
//! - A connection in use belongs to exactly one session; on the shelf it belongs to nobody. It is kept with the whole credential
//!   that it was made with, and the whole credential is compared, the secret in constant time: never a hash.
//! - It is reused only within `verify` of its own login. So what is handed out was accepted by the backend, with this very secret,
//!   a few minutes ago at most; there is no other proof that could go stale.
//! - A resting connection must be silent: see [`Rested`].
//! - A [`Loan`] is what a session holds on its connection. Revoked, the connection never comes (back) to the shelf.
//!
//! Absent on purpose: any understanding of what was said. Whether a connection may rest is for `imap::reuse` to say.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::buffered::BufferedConn;
use super::loan::{Loan, Owner};
use super::rested::{Rested, lock};
use crate::private::{Address, Credential, Secret};
use crate::route::{BackendId, Backends};

/// The numbers; each can be set in the config file's `[pool]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Resting connections of one person. Backends count them: Dovecot allows ten for one person from one address.
    pub per_user: usize,
    /// Resting connections to one backend. Each is a process there.
    pub per_backend: usize,
    /// Resting connections in all.
    pub total: usize,
    /// How long a connection rests.
    pub rest: Duration,
    /// How long after its login a connection may be reused.
    pub verify: Duration,
    /// Resting connections to one relay. Each is a process of Postfix, which has 100 by default.
    pub relays_per_backend: usize,
    /// How long they rest. Postfix closes after five minutes, under stress after ten seconds.
    pub relay_rest: Duration,
}

impl Default for Params {
    /// A webmail asks for new mail every minute, so a rest outlives that.
    fn default() -> Params {
        let seconds = Duration::from_secs;
        Params {
            per_user: 3,
            per_backend: 300,
            total: 1000,
            rest: seconds(150),
            verify: seconds(300),
            relays_per_backend: 8,
            relay_rest: seconds(30),
        }
    }
}

/// A connection on the shelf. Dropped, it closes.
struct Entry {
    loan: Arc<Loan>,
    rested: Rested,
}

#[derive(Default)]
struct Inner {
    /// By the order in which they came to rest.
    resting: BTreeMap<u64, Entry>,
    /// Of each person, oldest rest first. Never an empty list.
    of_user: HashMap<Address, Vec<u64>>,
    /// Connections in use.
    in_use: HashMap<Address, Vec<Weak<Loan>>>,
    next: u64,
    closed: bool,
}

/// All resting connections.
pub struct Shelf {
    params: Params,
    inner: Mutex<Inner>,
}

impl Shelf {
    /// An empty one.
    pub fn new(params: Params) -> Arc<Shelf> {
        Arc::new(Shelf { params, inner: Mutex::default() })
    }

    /// Connections that rest now.
    pub fn resting(&self) -> usize {
        lock(&self.inner).resting.len()
    }

    /// A new loan: the backend has just accepted `credential` and told `capabilities`. Whatever the person has under another
    /// secret is revoked, as a new secret that is accepted is a password that was changed.
    pub fn admitted(&self, owner: Owner, credential: &Credential, capabilities: &[u8]) -> Arc<Loan> {
        self.revoke(&owner.user, |loan| !loan.has(&credential.secret));
        let loan = Loan::new(owner, credential, capabilities);
        let mut inner = lock(&self.inner);
        inner.in_use.entry(loan.user().clone()).or_default().push(Arc::downgrade(&loan));
        loan
    }

    /// The backend refused `secret`. If it was good before, the password was changed: everything of the person is revoked. A
    /// guesser, whose secret was never good, closes nothing.
    pub fn refused(&self, user: &Address, secret: &Secret) {
        let mut known = false;
        self.each(user, |loan| known |= loan.has(secret));
        if known {
            self.revoke(user, |_| true);
        }
    }

    /// Takes the newest connection that was made with exactly this login; waits for one that is on its way to rest, if there is no
    /// other.
    pub async fn find(&self, owner: &Owner, credential: &Credential) -> Option<(Arc<Loan>, BufferedConn)> {
        if let Some(found) = self.take(owner, credential) {
            return Some(found);
        }
        let loan = self.on_its_way(owner, credential)?;
        drop(loan.settling().await);
        self.take(owner, credential)
    }

    fn on_its_way(&self, owner: &Owner, credential: &Credential) -> Option<Arc<Loan>> {
        let inner = lock(&self.inner);
        let mut loans = inner.in_use.get(&owner.user)?.iter().filter_map(Weak::upgrade);
        loans.find(|loan| loan.is(owner, credential) && loan.is_settling())
    }

    fn take(&self, owner: &Owner, credential: &Credential) -> Option<(Arc<Loan>, BufferedConn)> {
        loop {
            let mut inner = lock(&self.inner);
            let numbers = inner.of_user.get(&owner.user)?;
            let fits = |number: &&u64| inner.resting.get(number).is_some_and(|entry| entry.loan.is(owner, credential));
            let number = *numbers.iter().rev().find(fits)?;
            let entry = inner.remove(number)?;
            let loan = entry.loan.clone();
            // The watcher may have closed it in this very moment.
            if let Some(rested) = entry.rested.take().filter(|_| loan.is_fresh(self.params.verify)) {
                inner.in_use.entry(owner.user.clone()).or_default().push(Arc::downgrade(&loan));
                return Some((loan, rested));
            }
        }
    }

    /// Puts a connection to rest, and closes the oldest ones where there are too many. Closes it instead when its loan is
    /// revoked or too old. Must run inside the runtime.
    pub fn rest(self: &Arc<Shelf>, loan: Arc<Loan>, link: BufferedConn) {
        let until = (Instant::now() + self.params.rest).min(loan.born() + self.params.verify);
        let mut inner = lock(&self.inner);
        // Looked at under the lock: a revocation that comes later finds it on the shelf.
        if inner.closed || loan.is_revoked() || !loan.is_fresh(self.params.verify) {
            return;
        }
        let number = inner.next;
        inner.next += 1;
        let shelf = Arc::downgrade(self);
        let gone = move || {
            if let Some(shelf) = shelf.upgrade() {
                drop(lock(&shelf.inner).remove(number));
            }
        };
        let rested = Rested::new(link, until, b"n8 LOGOUT\r\n", gone);
        inner.no_longer_in_use(&loan);
        inner.of_user.entry(loan.user().clone()).or_default().push(number);
        inner.resting.insert(number, Entry { loan, rested });
        self.bound(&mut inner, number);
    }

    /// Closes what rests at one backend: it does not answer as it should.
    pub fn clear_backend(&self, backend: BackendId) {
        self.clear(|entry| entry.loan.backend() == backend);
    }

    /// Closes what rests at backends that are not among `backends` any more, or were changed.
    pub fn keep(&self, backends: &Backends) {
        self.clear(|entry| backends.at(entry.loan.backend()).is_none());
    }

    /// Closes what rests, and takes nothing more.
    pub fn close(&self) {
        lock(&self.inner).closed = true;
        self.clear(|_| true);
    }

    /// Wipes the secrets of connections in use that are too old to rest ever again. To be called every minute.
    pub fn sweep(&self) {
        let mut inner = lock(&self.inner);
        inner.in_use.retain(|_, loans| {
            loans.retain(|loan| {
                let loan = loan.upgrade();
                if let Some(old) = loan.as_ref().filter(|loan| !loan.is_fresh(self.params.verify)) {
                    old.revoke();
                    return false;
                }
                loan.is_some()
            });
            !loans.is_empty()
        });
    }

    fn bound(&self, inner: &mut Inner, newest: u64) {
        let Some((user, backend)) = inner.resting.get(&newest).map(|entry| (entry.loan.user().clone(), entry.loan.backend()))
        else {
            return;
        };
        let of_user = inner.of_user.get(&user).map_or(&[][..], Vec::as_slice);
        let oldest = of_user.first().copied().filter(|_| of_user.len() > self.params.per_user);
        oldest.map(|number| inner.remove(number));
        let there = |entry: &Entry| entry.loan.backend() == backend;
        if inner.resting.values().filter(|entry| there(entry)).count() > self.params.per_backend {
            let oldest = inner.resting.iter().find(|(_, entry)| there(entry)).map(|(number, _)| *number);
            oldest.map(|number| inner.remove(number));
        }
        if inner.resting.len() > self.params.total {
            let oldest = inner.resting.keys().next().copied();
            oldest.map(|number| inner.remove(number));
        }
    }

    fn each(&self, user: &Address, mut see: impl FnMut(&Loan)) {
        let inner = lock(&self.inner);
        let resting = inner.of_user.get(user).into_iter().flatten().filter_map(|number| inner.resting.get(number));
        resting.for_each(|entry| see(&entry.loan));
        inner.in_use.get(user).into_iter().flatten().filter_map(Weak::upgrade).for_each(|loan| see(&loan));
    }

    fn revoke(&self, user: &Address, which: impl Fn(&Loan) -> bool) {
        self.each(user, |loan| {
            if which(loan) {
                loan.revoke();
            }
        });
        self.clear(|entry| entry.loan.user() == user && entry.loan.is_revoked());
    }

    fn clear(&self, which: impl Fn(&Entry) -> bool) {
        let mut inner = lock(&self.inner);
        let numbers: Vec<u64> = inner.resting.iter().filter(|(_, entry)| which(entry)).map(|(number, _)| *number).collect();
        for number in numbers {
            inner.remove(number);
        }
    }
}

impl Inner {
    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.resting.remove(&number)?;
        let user = entry.loan.user();
        if let Some(numbers) = self.of_user.get_mut(user) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.of_user.remove(user);
            }
        }
        Some(entry)
    }

    fn no_longer_in_use(&mut self, loan: &Arc<Loan>) {
        let user = loan.user();
        if let Some(loans) = self.in_use.get_mut(user) {
            loans.retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), Arc::as_ptr(loan)));
            if loans.is_empty() {
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
        shelf: Arc<Shelf>,
        first: BackendId,
    }

    impl World {
        fn new(params: Params) -> World {
            World { shelf: Shelf::new(params), first: BackendId::new(0) }
        }

        fn owner(&self, user: &str) -> Owner {
            let backend = if user.starts_with('z') { BackendId::new(1) } else { self.first };
            Owner { user: Address::parse(user).unwrap(), backend }
        }

        fn admit(&self, user: &str, secret: &str) -> Arc<Loan> {
            self.shelf.admitted(self.owner(user), &credential(user, secret), b"IMAP4rev1")
        }

        /// Logs in and rests at once: the backend's end of the connection.
        fn rest(&self, user: &str, secret: &str) -> UnixStream {
            let (link, end) = link();
            self.shelf.rest(self.admit(user, secret), link);
            end
        }

        fn take(&self, user: &str, secret: &str) -> Option<(Arc<Loan>, BufferedConn)> {
            self.shelf.take(&self.owner(user), &credential(user, secret))
        }
    }

    fn credential(user: &str, secret: &str) -> Credential {
        Credential { user: Private::new(user.into()), secret: Secret::new(secret.as_bytes()), mechanism: Mechanism::Password }
    }

    fn link() -> (BufferedConn, UnixStream) {
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
        let _end = world.rest("a@velo.example", "secret");
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
        assert!(world.shelf.take(&world.owner("a@velo.example"), &other).is_none(), "another spelling is another login");
        let token = Credential { mechanism: Mechanism::XOAuth2, ..credential("a@velo.example", "secret") };
        assert!(world.shelf.take(&world.owner("a@velo.example"), &token).is_none());
        let (loan, taken) = world.take("a@velo.example", "secret").unwrap();
        assert!(loan.capabilities() == b"IMAP4rev1" && world.take("a@velo.example", "secret").is_none());
        world.shelf.rest(loan, taken);
        world.first = BackendId::new(2);
        assert!(world.take("a@velo.example", "secret").is_none(), "it is another backend");
    }

    #[tokio::test]
    async fn who_comes_back_at_once_waits_for_what_is_on_its_way_and_nobody_else_does() {
        let world = World::new(Params::default());
        let find = |user: &str, secret: &str| {
            let (shelf, owner, credential) = (world.shelf.clone(), world.owner(user), credential(user, secret));
            async move { shelf.find(&owner, &credential).await.map(|(loan, _)| loan) }
        };
        let loan = world.admit("a@velo.example", "s");
        assert!(find("a@velo.example", "s").await.is_none(), "it is in use");
        let settling = loan.settling().await;
        assert!(find("a@velo.example", "other").await.is_none() && find("b@velo.example", "s").await.is_none());
        let waiting = [tokio::spawn(find("a@velo.example", "s")), tokio::spawn(find("a@velo.example", "s"))];
        sleep(Duration::from_millis(20)).await;
        assert!(waiting.iter().all(|task| !task.is_finished()));
        let (link, _end) = link();
        world.shelf.rest(loan, link);
        drop(settling);
        let [one, other] = waiting;
        assert!(one.await.unwrap().is_some() != other.await.unwrap().is_some(), "one connection for one of them");
        // Given up: nobody waits for ever.
        let loan = world.admit("a@velo.example", "s");
        let settling = loan.settling().await;
        let waiting = tokio::spawn(find("a@velo.example", "s"));
        sleep(Duration::from_millis(20)).await;
        drop((loan, settling));
        assert!(waiting.await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_byte_or_the_end_closes_what_rests() {
        let world = World::new(Params::default());
        let mut speaks = world.rest("a@velo.example", "s");
        let ends = world.rest("b@velo.example", "s");
        let _quiet = world.rest("c@velo.example", "s");
        tokio::task::yield_now().await;
        speaks.write_all(b"* 4 EXISTS\r\n").await.unwrap();
        drop(ends);
        until(|| world.shelf.resting() == 1).await;
        assert!(matches!(speaks.read(&mut [0; 9]).await, Ok(0) | Err(_)));
        assert!(world.take("a@velo.example", "s").is_none() && world.take("b@velo.example", "s").is_none());
        assert!(world.take("c@velo.example", "s").is_some());
        let inner = lock(&world.shelf.inner);
        assert!(inner.of_user.is_empty() && inner.resting.is_empty());
    }

    #[tokio::test]
    async fn a_rest_ends_with_a_goodbye_and_a_login_gets_too_old() {
        let short = Duration::from_millis(50);
        let world = World::new(Params { rest: short, ..Params::default() });
        let mut end = world.rest("a@velo.example", "s");
        let mut heard = String::new();
        end.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "n8 LOGOUT\r\n");
        until(|| world.shelf.resting() == 0).await;

        let world = World::new(Params { verify: short, ..Params::default() });
        let loan = world.admit("a@velo.example", "s");
        sleep(short).await;
        world.shelf.sweep();
        assert!(loan.is_revoked(), "the secret of a session that cannot rest is kept for nothing");
        world.shelf.rest(loan, link().0);
        assert_eq!(world.shelf.resting(), 0);
    }

    #[tokio::test]
    async fn oldest_rests_go_first() {
        let world = World::new(Params { per_user: 2, per_backend: 3, total: 4, ..Params::default() });
        let mut ends: Vec<_> = (0..3).map(|_| world.rest("a@velo.example", "s")).collect();
        assert!(matches!(ends.remove(0).read(&mut [0; 9]).await, Ok(0) | Err(_)));
        assert_eq!(world.shelf.resting(), 2);
        ends.extend([world.rest("b@velo.example", "s"), world.rest("c@velo.example", "s")]);
        assert_eq!(world.shelf.resting(), 3);
        ends.extend([world.rest("z@velo.example", "s"), world.rest("z@velo.example", "s")]);
        assert_eq!(world.shelf.resting(), 4);
        let left = ["a", "b", "c", "z", "z"].map(|name| world.take(&format!("{name}@velo.example"), "s").is_some());
        assert_eq!(left, [false, true, true, true, true]);
    }

    #[tokio::test]
    async fn a_changed_password_closes_what_rests_and_what_will() {
        let world = World::new(Params::default());
        let in_use = world.admit("a@velo.example", "old");
        let ends = [world.rest("a@velo.example", "old"), world.rest("b@velo.example", "old")];
        world.shelf.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"guess"));
        assert_eq!(world.shelf.resting(), 2, "a guesser closes nothing");
        let _new = world.rest("A@velo.example", "new");
        assert!(world.take("a@velo.example", "old").is_none() && world.take("b@velo.example", "old").is_some());
        world.shelf.rest(in_use, link().0);
        assert!(world.take("a@velo.example", "old").is_none(), "it was in use under the old password");
        world.shelf.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"new"));
        assert!(world.take("A@velo.example", "new").is_none());
        drop(ends);
    }

    #[tokio::test]
    async fn a_closed_shelf_takes_nothing() {
        let world = World::new(Params::default());
        let _ends = [world.rest("a@velo.example", "s"), world.rest("z@velo.example", "s")];
        world.shelf.clear_backend(world.first);
        assert_eq!(world.shelf.resting(), 1);
        world.shelf.close();
        let _end = world.rest("a@velo.example", "s");
        assert_eq!(world.shelf.resting(), 0);
    }
}
