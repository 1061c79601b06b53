//! All limits in force, and what is held under them. How places are given is in `seating`.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::guesses::{Guesses, Slowed};
use super::params::{FACTORS, LimitParams};
use super::seats::{Queued, Seats};
use crate::private::Pseudonymiser;

pub(super) type Limiter = RateLimiter<[u8; 16], DashMapStateStore<[u8; 16]>, DefaultClock>;

/// All limits in force.
pub struct Limits {
    pub(super) params: LimitParams,
    pseudonymiser: Pseudonymiser,
    /// By how big the networks are.
    pub(super) connections: [Limiter; 3],
    /// Of pages: any page of the web can make a browser come here, and must not keep its owner's mail program out.
    pub(super) page_connections: [Limiter; 3],
    pub(super) guesses: Mutex<Guesses>,
    pub(super) seats: Mutex<Seats>,
    hints_turned: Mutex<Instant>,
}

/// How long a backend sees one client under one hint.
const HINTS: Duration = Duration::from_secs(3600);

impl Limits {
    /// Fresh limits with a fresh key. `None` when the kernel gives no randomness.
    pub fn new(params: LimitParams) -> Option<Arc<Limits>> {
        let rate = |factor: u32| {
            let count = NonZeroU32::new(params.connections_per_minute.saturating_mul(factor)).unwrap_or(NonZeroU32::MIN);
            let each = (Duration::from_secs(60) / count.get()).max(Duration::from_micros(1));
            Some(RateLimiter::keyed(Quota::with_period(each)?.allow_burst(count)))
        };
        Some(Arc::new(Limits {
            connections: [rate(FACTORS[0])?, rate(FACTORS[1])?, rate(FACTORS[2])?],
            page_connections: [rate(FACTORS[0])?, rate(FACTORS[1])?, rate(FACTORS[2])?],
            pseudonymiser: Pseudonymiser::new()?,
            guesses: Mutex::new(Guesses::new(params.wrong_per_account, params.wrong_per_network, params.forgive)),
            seats: Mutex::default(),
            hints_turned: Mutex::new(Instant::now()),
            params,
        }))
    }

    /// The pseudonyms of this run.
    pub fn pseudonymiser(&self) -> &Pseudonymiser {
        &self.pseudonymiser
    }

    /// Sessions that are open now, of all kinds.
    pub fn sessions(&self) -> usize {
        lock(&self.seats).sum()
    }

    /// How many connections there may be at each socket that the storage tells usage to. These are no sessions, and have their places
    /// at their own listener.
    pub fn usage(&self) -> usize {
        self.params.usage.max(1)
    }

    /// How the connection that waits at `place` (see [`Seat::place`](super::Seat::place)) is made to leave, when somebody else needs its place.
    pub fn may_leave(&self, place: Queued, leave: impl FnOnce() + Send + 'static) {
        let gone = lock(&self.seats).may_leave(place, Box::new(leave));
        // Either it has left by itself or logged in, and this does nothing to it; or its place was wanted before this was said.
        drop(gone);
    }

    /// What is slowed now. Networks are a number.
    pub fn slowed(&self) -> Slowed {
        lock(&self.guesses).slowed(Instant::now())
    }

    /// Whether `account` is among them.
    pub fn is_slowed(&self, slowed: &Slowed, account: &str) -> bool {
        slowed.accounts.binary_search(&self.pseudonymiser.account(account).reveal()).is_ok()
    }

    /// What is held about `account`: from how many networks it is known (the webmail is one), and whether it is slowed.
    pub fn about(&self, account: &str) -> (usize, bool) {
        lock(&self.guesses).about(self.pseudonymiser.account(account).reveal(), Instant::now())
    }

    /// Forgets wrong passwords: of one account, or of all accounts and networks.
    pub fn lift(&self, account: Option<&str>) {
        lock(&self.guesses).lift(account.map(|account| self.pseudonymiser.account(account).reveal()), Instant::now());
    }

    /// Forgets what has no effect any more. To be called every minute: nothing shrinks by itself.
    pub fn sweep(&self) {
        for limiter in self.connections.iter().chain(&self.page_connections) {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        lock(&self.guesses).sweep(Instant::now());
        lock(&self.seats).sweep();
        let mut turned = lock(&self.hints_turned);
        if turned.elapsed() >= HINTS {
            self.pseudonymiser.turn_hints();
            *turned = Instant::now();
        }
    }
}

// A panic elsewhere must not close the door for everybody.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
