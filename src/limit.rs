//! How often and how many: connections, logins and wrong passwords, by pseudonym of the client's network and of the account.
//!
//! All of it is in memory, keyed by 16 bytes of a keyed hash, and forgotten at restart (DESIGN section 5, rule 5).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::fault::Code;
use crate::private::{Pseudonym, Pseudonymiser};

/// The numbers; each can be set in the config file's `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Sessions in all.
    pub sessions: usize,
    /// Sessions from one network (IPv4 /32, IPv6 /64). An association's office is one network.
    pub sessions_per_network: u32,
    /// New connections a minute from one network.
    pub connections_per_minute: u32,
    /// Wrong passwords from one network in a row; one is forgiven every `forgive`.
    pub wrong_per_network: u32,
    /// Wrong passwords for one account in a row; one is forgiven every `forgive`.
    pub wrong_per_account: u32,
    /// How long until a wrong password is forgiven.
    pub forgive: Duration,
}

impl Default for Params {
    /// For 300 associations: a big office behind one address works, a password guesser gets some 3,000 tries a day at most.
    fn default() -> Params {
        Params {
            sessions: 20_000,
            sessions_per_network: 500,
            connections_per_minute: 600,
            wrong_per_network: 30,
            wrong_per_account: 10,
            forgive: Duration::from_secs(30),
        }
    }
}

type Limiter = RateLimiter<[u8; 16], DashMapStateStore<[u8; 16]>, DefaultClock>;

/// All limits in force.
pub struct Limits {
    params: Params,
    pseudonymiser: Pseudonymiser,
    connections: Limiter,
    wrong_networks: Limiter,
    wrong_accounts: Limiter,
    /// Who may not try until when. Small: only guessers are in it.
    barred: Mutex<HashMap<[u8; 16], Instant>>,
    barred_count: AtomicUsize,
    open: Mutex<HashMap<[u8; 16], u32>>,
    sessions: AtomicUsize,
    hints_turned: Mutex<Instant>,
}

/// How long a backend sees one client under one hint.
const HINTS: Duration = Duration::from_secs(3600);

/// One session's place among those allowed; gives it back when dropped.
pub struct Seat {
    limits: Arc<Limits>,
    counted: Counted,
}

/// Under whose name a session is counted.
enum Counted {
    /// The network that it comes from.
    Network(Pseudonym),
    /// It comes from the webmail, as everybody there does: the account counts, as soon as it is known.
    Account(Mutex<Option<Pseudonym>>),
}

impl Limits {
    /// Fresh limits with a fresh key. `None` when the kernel gives no randomness.
    pub fn new(params: Params) -> Option<Arc<Limits>> {
        let rate = |count: u32, per: Duration| {
            let burst = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(per.max(Duration::from_millis(1)))?.allow_burst(burst);
            Some(RateLimiter::keyed(quota))
        };
        let minute = Duration::from_secs(60);
        Some(Arc::new(Limits {
            connections: rate(params.connections_per_minute, minute / params.connections_per_minute.max(1))?,
            wrong_networks: rate(params.wrong_per_network, params.forgive)?,
            wrong_accounts: rate(params.wrong_per_account, params.forgive)?,
            pseudonymiser: Pseudonymiser::new()?,
            barred: Mutex::default(),
            barred_count: AtomicUsize::new(0),
            open: Mutex::default(),
            sessions: AtomicUsize::new(0),
            hints_turned: Mutex::new(Instant::now()),
            params,
        }))
    }

    /// The pseudonyms of this run.
    pub fn pseudonymiser(&self) -> &Pseudonymiser {
        &self.pseudonymiser
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// A place for a new connection from `network`.
    ///
    /// # Errors
    /// `TooManyConnections`: the number in all or from this network is reached; `TooManyTries`: they come too fast.
    pub fn seat(self: &Arc<Limits>, network: Pseudonym) -> Result<Seat, Code> {
        if self.connections.check_key(&network.reveal()).is_err() {
            return Err(Code::TooManyTries);
        }
        self.count(network, self.params.sessions_per_network, true)?;
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { limits: self.clone(), counted: Counted::Network(network) })
    }

    /// A place for a connection of the host's own mail server: only the number of sessions in all counts.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn seat_of_host(self: &Arc<Limits>, network: Pseudonym) -> Result<Seat, Code> {
        self.count(network, u32::MAX, true)?;
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { limits: self.clone(), counted: Counted::Network(network) })
    }

    /// A place for a new connection of the webmail, which brings everybody from one address: [`Seat::admit`] counts it by
    /// account.
    ///
    /// # Errors
    /// `TooManyConnections`: the number in all is reached.
    pub fn webmail_seat(self: &Arc<Limits>) -> Result<Seat, Code> {
        if self.sessions() >= self.params.sessions {
            return Err(Code::TooManyConnections);
        }
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { limits: self.clone(), counted: Counted::Account(Mutex::default()) })
    }

    /// One session more under this name, of `most`; `new`: it counts in the number of all as well.
    fn count(&self, who: Pseudonym, most: u32, new: bool) -> Result<(), Code> {
        let mut open = lock(&self.open);
        let count = open.entry(who.reveal()).or_insert(0);
        if *count >= most || new && self.sessions() >= self.params.sessions {
            if *count == 0 {
                open.remove(&who.reveal());
            }
            return Err(Code::TooManyConnections);
        }
        *count += 1;
        Ok(())
    }

    fn uncount(&self, who: Pseudonym) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&who.reveal()) {
            *count -= 1;
            if *count == 0 {
                open.remove(&who.reveal());
            }
        }
    }

    /// Whether a login of `account` from `network` may be tried now.
    ///
    /// # Errors
    /// `TooManyTries`, for an account that does not exist just the same.
    pub fn may_try(&self, network: Pseudonym, account: Pseudonym) -> Result<(), Code> {
        if self.barred_count.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let (barred, now) = (lock(&self.barred), Instant::now());
        let waits = |who: Pseudonym| barred.get(&who.reveal()).is_some_and(|until| *until > now);
        if waits(network) || waits(account) { Err(Code::TooManyTries) } else { Ok(()) }
    }

    /// Counts a wrong password.
    pub fn wrong(&self, network: Pseudonym, account: Pseudonym) {
        let until = Instant::now() + self.params.forgive;
        for (limiter, who) in [(&self.wrong_networks, network), (&self.wrong_accounts, account)] {
            if limiter.check_key(&who.reveal()).is_err() {
                let mut barred = lock(&self.barred);
                barred.insert(who.reveal(), until);
                self.barred_count.store(barred.len(), Ordering::Relaxed);
            }
        }
    }

    /// Forgets what has no effect any more. To be called every minute: nothing shrinks by itself.
    pub fn sweep(&self) {
        for limiter in [&self.connections, &self.wrong_networks, &self.wrong_accounts] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let (mut barred, now) = (lock(&self.barred), Instant::now());
        barred.retain(|_, until| *until > now);
        barred.shrink_to_fit();
        self.barred_count.store(barred.len(), Ordering::Relaxed);
        lock(&self.open).shrink_to_fit();
        let mut turned = lock(&self.hints_turned);
        if now.duration_since(*turned) >= HINTS {
            self.pseudonymiser.turn_hints();
            *turned = now;
        }
    }
}

impl Seat {
    /// Under whose name wrong passwords for `account` are counted: the network, or the account itself at the webmail.
    pub fn source(&self, account: Pseudonym) -> Pseudonym {
        match &self.counted {
            Counted::Network(network) => *network,
            Counted::Account(_) => account,
        }
    }

    /// Counts a session of the webmail under `account`, which is about to log in. Other sessions are counted already.
    ///
    /// # Errors
    /// As [`Limits::seat`], with the numbers of one network.
    pub fn admit(&self, account: Pseudonym) -> Result<(), Code> {
        let Counted::Account(counted) = &self.counted else { return Ok(()) };
        if self.limits.connections.check_key(&account.reveal()).is_err() {
            return Err(Code::TooManyTries);
        }
        let mut counted = lock(counted);
        if *counted == Some(account) {
            return Ok(());
        }
        if let Some(other) = counted.take() {
            self.limits.uncount(other);
        }
        self.limits.count(account, self.limits.params.sessions_per_network, false)?;
        *counted = Some(account);
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let who = match &mut self.counted {
            Counted::Network(network) => Some(*network),
            Counted::Account(account) => account.get_mut().unwrap_or_else(PoisonError::into_inner).take(),
        };
        if let Some(who) = who {
            self.limits.uncount(who);
        }
        self.limits.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

// A panic elsewhere must not close the door for everybody.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(limits: &Limits, name: &str) -> Pseudonym {
        limits.pseudonymiser().account(name)
    }

    #[test]
    fn seats_are_counted_and_given_back() {
        let limits = Limits::new(Params { sessions: 3, sessions_per_network: 2, ..Params::default() }).unwrap();
        let (one, two) = (who(&limits, "one"), who(&limits, "two"));
        let first = limits.seat(one).ok().unwrap();
        let _second = limits.seat(one).ok().unwrap();
        assert_eq!(limits.seat(one).err(), Some(Code::TooManyConnections));
        let _third = limits.seat(two).ok().unwrap();
        assert_eq!(limits.seat(two).err(), Some(Code::TooManyConnections));
        drop(first);
        assert!(limits.seat(one).is_ok());
        assert_eq!(limits.sessions(), 2);
    }

    #[test]
    fn connections_that_come_too_fast_are_refused() {
        let limits = Limits::new(Params { connections_per_minute: 5, ..Params::default() }).unwrap();
        let one = who(&limits, "one");
        assert_eq!((0..8).filter(|_| limits.seat(one).is_ok()).count(), 5);
        assert!(limits.seat(who(&limits, "two")).is_ok());
    }

    #[test]
    fn guessers_are_barred_by_account_and_by_network_and_nobody_else_is() {
        let params = Params { wrong_per_network: 4, wrong_per_account: 2, ..Params::default() };
        let limits = Limits::new(params).unwrap();
        let (network, other) = (who(&limits, "network"), who(&limits, "other"));
        let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
        for _ in 0..2 {
            limits.wrong(network, alice);
            assert!(limits.may_try(network, alice).is_ok());
        }
        limits.wrong(network, alice);
        assert_eq!(limits.may_try(other, alice), Err(Code::TooManyTries));
        assert!(limits.may_try(network, bob).is_ok());
        limits.wrong(network, bob);
        limits.wrong(network, bob);
        assert_eq!(limits.may_try(network, who(&limits, "eve")), Err(Code::TooManyTries));
        assert!(limits.may_try(other, bob).is_ok());
        limits.sweep();
        assert_eq!(limits.may_try(other, alice), Err(Code::TooManyTries));
    }

    #[test]
    fn the_webmail_is_counted_by_account_and_its_address_does_not_matter() {
        let params =
            Params { sessions: 5, sessions_per_network: 2, wrong_per_network: 1, wrong_per_account: 1, ..Params::default() };
        let limits = Limits::new(params).unwrap();
        let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
        let seats: Vec<_> = (0..5).filter_map(|_| limits.webmail_seat().ok()).collect();
        assert_eq!((seats.len(), limits.webmail_seat().err()), (5, Some(Code::TooManyConnections)));
        assert!(seats[0].admit(alice).is_ok() && seats[0].admit(alice).is_ok() && seats[1].admit(alice).is_ok());
        assert_eq!(seats[2].admit(alice), Err(Code::TooManyConnections));
        assert!(seats[2].admit(bob).is_ok() && seats[3].admit(bob).is_ok());
        assert!(seats[1].admit(bob).is_err() && seats[2].admit(alice).is_ok());
        for _ in 0..3 {
            limits.wrong(seats[0].source(alice), alice);
        }
        assert_eq!(limits.may_try(seats[0].source(alice), alice), Err(Code::TooManyTries));
        assert!(limits.may_try(seats[2].source(bob), bob).is_ok());
        drop(seats);
        assert!(limits.sessions() == 0 && lock(&limits.open).is_empty());
    }
}
