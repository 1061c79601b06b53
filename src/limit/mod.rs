//! How often and how many: connections, logins and wrong passwords, by pseudonym of the client's network and of the account.
//!
//! | | |
//! |---|---|
//! | `params` | the numbers, and what they cost |
//! | `seats` | how many sessions of each kind |
//! | `seat` | one session's place, and its tries |
//! | `guesses`, `bucket` | who may try a password |
//!
//! All of it is in memory, keyed by 16 bytes of a keyed hash, and forgotten at restart (docs/keys.md).

mod asker;
mod bucket;
mod guesses;
mod network;
mod params;
mod seat;
mod seats;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::fault::RefusalCode;
use crate::private::{Networks, Pseudonymiser};
use guesses::Guesses;
use seat::CountedBy;
use seats::{FreedPlace, NetworkCount, SeatKind, Seats};

pub use guesses::{REMEMBERED, Slowed};
pub use params::{House, LimitParams};
pub use seat::{Attempt, Seat};
pub use seats::Queued;

type Limiter = RateLimiter<[u8; 16], DashMapStateStore<[u8; 16]>, DefaultClock>;

/// All limits in force.
pub struct Limits {
    params: LimitParams,
    pseudonymiser: Pseudonymiser,
    /// By how big the networks are.
    connections: [Limiter; 3],
    /// Of pages: any page of the web can make a browser come here, and must not keep its owner's mail program out.
    page_connections: [Limiter; 3],
    guesses: Mutex<Guesses>,
    seats: Mutex<Seats>,
    hints_turned: Mutex<Instant>,
}

/// How long a backend sees one client under one hint.
const HINTS: Duration = Duration::from_secs(3600);

/// How much more than an IPv6 /64 its /56 and its /48 may do. A phone company gives each customer a /64, and many a /48.
const FACTORS: [u32; 3] = [1, 4, 16];

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

    /// A place for a new connection from `networks`: among those who wait, until [`Attempt::right`]. Where all of these are taken, the
    /// one that waits longest is made to leave.
    ///
    /// # Errors
    /// `TooManyConnections`: the number from this network is reached; `TooManyTries`: they come too fast.
    pub fn seat(self: &Arc<Limits>, networks: Networks) -> Result<Seat, RefusalCode> {
        self.waiting_seat(SeatKind::Waiting, Some(networks), CountedBy::Network(networks))
    }

    /// The same for a connection through the onion listener, where nobody has an address. `circuit` stands for a network, where Tor tells it:
    /// the numbers of one network hold for each circuit. In all, and apart from everybody else's, there are [`LimitParams::onion`] places.
    ///
    /// # Errors
    /// As [`Limits::seat`], for the circuit.
    pub fn onion_seat(self: &Arc<Limits>, circuit: Option<Networks>) -> Result<Seat, RefusalCode> {
        self.waiting_seat(SeatKind::Onion, circuit, CountedBy::Onion(circuit, Mutex::default()))
    }

    /// A place for a connection of a load balancer, until it has said where the client is. There always is one, apart from everybody
    /// else's; the one that waits longest may have to go for it.
    pub fn unnamed_seat(self: &Arc<Limits>) -> Seat {
        let place = lock(&self.seats).wait(SeatKind::Unnamed, &self.params);
        self.waits(place, CountedBy::House)
    }

    fn waiting_seat(
        self: &Arc<Limits>,
        kind: SeatKind,
        networks: Option<Networks>,
        counted: CountedBy,
    ) -> Result<Seat, RefusalCode> {
        let most = FACTORS.map(|factor| self.params.sessions_per_network.saturating_mul(factor));
        let place = self.enter(kind, networks, &self.connections, (NetworkCount::Session, most))?;
        Ok(self.waits(place, counted))
    }

    /// A place among those of `kind` who wait, for one more connection from `networks`, which is counted there.
    fn enter(
        &self,
        kind: SeatKind,
        networks: Option<Networks>,
        rates: &[Limiter; 3],
        (what, most): (NetworkCount, [u32; 3]),
    ) -> Result<FreedPlace, RefusalCode> {
        let keys: Vec<_> = networks.iter().flat_map(Networks::each).map(|network| network.reveal()).collect();
        if !keys.iter().zip(rates).all(|(network, limiter)| limiter.check_key(network).is_ok()) {
            return Err(RefusalCode::TooManyTries);
        }
        let counted: Vec<_> = keys.into_iter().zip(most).collect();
        let mut seats = lock(&self.seats);
        if !seats.count_each(what, &counted) {
            return Err(RefusalCode::TooManyConnections);
        }
        Ok(seats.wait(kind, &self.params))
    }

    fn waits(self: &Arc<Limits>, place: FreedPlace, counted: CountedBy) -> Seat {
        let crowded = place.displaced.is_some();
        if let Some(Some(leave)) = place.displaced {
            leave();
        }
        Seat::waiting(self.clone(), counted, place.queued, crowded)
    }

    /// A place for the host's relay that brings mail.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn delivery_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Delivery, CountedBy::House)
    }

    /// A place for the host's relay that asks whether mail would find room.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn question_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Question, CountedBy::House)
    }

    /// A place for a new connection of the webmail, which brings everybody from one address: [`Seat::attempt`] counts it by
    /// account.
    ///
    /// # Errors
    /// `TooManyConnections`: the number in all is reached.
    pub fn webmail_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Webmail, CountedBy::Account(Mutex::default()))
    }

    /// A place for a session that another node brings. It is one of those that [`Limits::webmail_seat`] has.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn fellow_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Webmail, CountedBy::Fellow)
    }

    /// A place for mail that another node brings. It is one of those that [`Limits::delivery_seat`] has.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn fellow_delivery_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Delivery, CountedBy::Fellow)
    }

    /// A place for a browser, or for a program that asks how it is to be set up: from one network a quarter of them at most, from an IPv6
    /// /56 or /48 a half, as often as all its other connections may come, and counted apart from them. Where all are taken, the one that is
    /// there longest leaves: they are short. `None` for the host's own web server, which brings everybody from one address, and as many as
    /// there are places: there too nobody keeps one by staying.
    ///
    /// # Errors
    /// As [`Limits::seat`].
    pub fn page_seat(self: &Arc<Limits>, networks: Option<Networks>) -> Result<Seat, RefusalCode> {
        let Some(networks) = networks else {
            let place = lock(&self.seats).wait(SeatKind::Page, &self.params);
            return Ok(self.waits(place, CountedBy::Behind));
        };
        let most = READERS.map(|share| readers(&self.params, share));
        let place = self.enter(SeatKind::Page, Some(networks), &self.page_connections, (NetworkCount::Reader, most))?;
        Ok(self.waits(place, CountedBy::Reader(networks)))
    }

    fn own_seat(self: &Arc<Limits>, kind: SeatKind, counted: CountedBy) -> Result<Seat, RefusalCode> {
        if !lock(&self.seats).take(kind, &self.params) {
            return Err(RefusalCode::TooManyConnections);
        }
        Ok(Seat::of_kind(self.clone(), counted, kind))
    }

    /// How the connection that waits at `place` (see [`Seat::place`]) is made to leave, when somebody else needs its place.
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

impl Slowed {
    /// How many accounts: those that are in no book as well.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }
}

/// One of how many parts of the places for pages a network may have, by how big it is.
const READERS: [usize; 3] = [4, 2, 2];

fn readers(params: &LimitParams, share: usize) -> u32 {
    u32::try_from(params.pages / share).unwrap_or(u32::MAX).max(1)
}

// A panic elsewhere must not close the door for everybody.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
