//! One session's place, from the connection to its end, and the passwords that are tried on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::asker::{Asker, JudgedBy};
use super::limits::{Limits, lock};
use super::params::FACTORS;
use super::seats::{Queued, SeatKind};
use crate::fault::RefusalCode;
use crate::private::{Networks, Pseudonym, Secret};

/// One session's place among those allowed; gives it back when dropped.
pub struct Seat {
    limits: Arc<Limits>,
    counted: CountedBy,
    state: Mutex<SeatState>,
    crowded: bool,
}

/// Under whose name a session is counted.
pub(super) enum CountedBy {
    /// The network that it comes from.
    Network(Networks),
    /// A browser, or a program that asks how it is to be set up.
    Reader(Networks),
    /// It comes from the webmail, as everybody there does: the account counts, as soon as it is known.
    Account(Mutex<Option<Pseudonym>>),
    /// It comes through the onion listener: its circuit, if that is known, and the account at this listener, once its password was right. Not
    /// before: whoever knows an account's name only could take all that it may have. Boxed: the seats of all others would be
    /// larger for it.
    Onion(Option<Box<Networks>>, Mutex<Option<Pseudonym>>),
    /// It is a reader behind the host's own web server, as all who come that way are.
    Behind,
    /// It is the host's own.
    Host,
    /// It comes by another node, which knows where it is and has applied the limits.
    Fellow,
}

/// The place that is held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SeatState {
    /// Somebody waits there.
    Waiting(Queued),
    Seated(SeatKind),
}

impl Seat {
    /// One of those who wait.
    pub(super) fn waiting(limits: Arc<Limits>, counted: CountedBy, place: Queued, crowded: bool) -> Seat {
        Seat { limits, counted, state: Mutex::new(SeatState::Waiting(place)), crowded }
    }

    /// Any other.
    pub(super) fn of_kind(limits: Arc<Limits>, counted: CountedBy, kind: SeatKind) -> Seat {
        Seat { limits, counted, state: Mutex::new(SeatState::Seated(kind)), crowded: false }
    }

    /// Its place among those who wait; none for the others.
    pub fn place(&self) -> Option<Queued> {
        match *lock(&self.state) {
            SeatState::Waiting(place) => Some(place),
            SeatState::Seated(_) => None,
        }
    }

    /// Whether somebody had to leave for it.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Whom a backend takes for one client: the network; the account itself at the webmail; the account at this listener at the onion's and at
    /// pages behind a web server, so that what strangers do there slows down nobody elsewhere.
    pub fn source(&self, account: Pseudonym) -> Pseudonym {
        let keys = self.limits.pseudonymiser();
        match &self.counted {
            CountedBy::Network(networks) | CountedBy::Reader(networks) => networks.narrow(),
            CountedBy::Onion(..) => keys.pair(keys.onion(), account),
            CountedBy::Behind => keys.pair(keys.web_server(), account),
            CountedBy::Account(_) | CountedBy::Host | CountedBy::Fellow => account,
        }
    }

    /// Whether it comes by another node.
    pub fn is_fellow(&self) -> bool {
        matches!(self.counted, CountedBy::Fellow)
    }

    /// A try of `secret` for `account`, to be judged by a backend, if one may be made now. What it could not judge costs nothing.
    ///
    /// # Errors
    /// `TooManyTries`, for an account that does not exist just the same. At the webmail, where the account counts from here on, also
    /// as [`Limits::seat`], with the numbers of one network.
    pub fn attempt(&self, account: Pseudonym, secret: &Secret) -> Result<Attempt, RefusalCode> {
        self.admit(account)?;
        let keys = self.limits.pseudonymiser();
        let networks = match &self.counted {
            CountedBy::Network(networks) | CountedBy::Reader(networks) => Some(networks),
            CountedBy::Onion(circuit, _) => circuit.as_deref(),
            CountedBy::Account(_) | CountedBy::Behind | CountedBy::Host | CountedBy::Fellow => None,
        };
        let mut sized =
            networks.into_iter().flat_map(Networks::each).zip(FACTORS).map(|(network, factor)| (network.reveal(), factor));
        let networks = std::array::from_fn(|_| sized.next().unwrap_or_default());
        let asker = Asker {
            account: account.reveal(),
            pair: keys.pair(self.source(account), account).reveal(),
            networks,
            own_way: !matches!(self.counted, CountedBy::Network(_) | CountedBy::Reader(_)),
        };
        let begin = || lock(&self.limits.guesses).begin(&asker, Instant::now()).ok_or(RefusalCode::TooManyTries);
        // Counted once: strangers' tries at another node must not keep anybody out here.
        let way = if self.is_fellow() { None } else { Some(begin()?) };
        let trace = keys.trace(account, secret);
        Ok(Attempt { limits: self.limits.clone(), asker, account, way, trace })
    }

    /// Counts a session of the webmail under `account`, which is about to log in. Other sessions are counted already.
    pub(super) fn admit(&self, account: Pseudonym) -> Result<(), RefusalCode> {
        let CountedBy::Account(counted) = &self.counted else { return Ok(()) };
        if self.limits.connections[0].check_key(&account.reveal()).is_err() {
            return Err(RefusalCode::TooManyTries);
        }
        let (mut counted, mut seats) = (lock(counted), lock(&self.limits.seats));
        if *counted == Some(account) {
            return Ok(());
        }
        if let Some(other) = counted.take() {
            seats.uncount(other.reveal());
        }
        if !seats.count(account.reveal(), self.limits.params.sessions_per_network) {
            return Err(RefusalCode::TooManyConnections);
        }
        *counted = Some(account);
        Ok(())
    }

    /// Counts a session of the onion listener under the account whose password was right, with the numbers of one network.
    fn count_at_onion(&self, account: Pseudonym) -> Result<(), RefusalCode> {
        let CountedBy::Onion(_, counted) = &self.counted else { return Ok(()) };
        let here = self.source(account);
        if self.limits.connections[0].check_key(&here.reveal()).is_err() {
            return Err(RefusalCode::TooManyTries);
        }
        let (mut counted, mut seats) = (lock(counted), lock(&self.limits.seats));
        if let Some(other) = counted.take() {
            seats.uncount(other.reveal());
        }
        if !seats.count(here.reveal(), self.limits.params.sessions_per_network) {
            return Err(RefusalCode::TooManyConnections);
        }
        *counted = Some(here);
        Ok(())
    }

    /// From among those who wait to the members.
    fn enter(&self, account: Pseudonym) -> Result<(), RefusalCode> {
        let entered = self.count_at_onion(account).and_then(|()| self.take_place());
        if let (Err(_), CountedBy::Onion(_, counted)) = (entered, &self.counted) {
            let counted = lock(counted).take();
            counted.iter().for_each(|account| lock(&self.limits.seats).uncount(account.reveal()));
        }
        entered
    }

    fn take_place(&self) -> Result<(), RefusalCode> {
        // A page is read and over: it has its own places.
        if matches!(self.counted, CountedBy::Reader(_) | CountedBy::Behind) {
            return Ok(());
        }
        let (mut state, mut seats) = (lock(&self.state), lock(&self.limits.seats));
        let SeatState::Waiting(place) = *state else { return Ok(()) };
        if !seats.take(SeatKind::Member, &self.limits.params) {
            return Err(RefusalCode::TooManyConnections);
        }
        if !seats.stop_waiting(place) {
            // Made to leave in this very moment.
            seats.give_back(SeatKind::Member);
            return Err(RefusalCode::TooManyConnections);
        }
        *state = SeatState::Seated(SeatKind::Member);
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = lock(&self.limits.seats);
        let (networks, account) = match &mut self.counted {
            CountedBy::Network(networks) => (Some(*networks), None),
            CountedBy::Account(account) => (None, Some(account)),
            CountedBy::Onion(circuit, account) => (circuit.as_deref().copied(), Some(account)),
            CountedBy::Reader(networks) => {
                networks.each().for_each(|network| seats.uncount_reader(network.reveal()));
                (None, None)
            }
            CountedBy::Behind | CountedBy::Host | CountedBy::Fellow => (None, None),
        };
        networks.iter().flat_map(Networks::each).for_each(|network| seats.uncount(network.reveal()));
        let account = account.and_then(|account| account.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        account.iter().for_each(|account| seats.uncount(account.reveal()));
        match *self.state.get_mut().unwrap_or_else(PoisonError::into_inner) {
            SeatState::Waiting(place) => drop(seats.stop_waiting(place)),
            SeatState::Seated(kind) => seats.give_back(kind),
        }
    }
}

/// A try that a backend is judging. Dropped without a judgement, it counts as wrong: whoever does not wait for it, or is made to leave, may have
/// seen to that.
pub struct Attempt {
    limits: Arc<Limits>,
    asker: Asker,
    account: Pseudonym,
    /// Taken with the judgement.
    way: Option<JudgedBy>,
    trace: u16,
}

impl Attempt {
    /// The backend took it: whoever holds `seat` has a place among the members, and is known here for [`REMEMBERED`](super::guesses::REMEMBERED).
    ///
    /// # Errors
    /// `TooManyConnections`: no such place is free. At the onion listener, where the account counts from here on, also as [`Limits::seat`],
    /// with the numbers of one network.
    pub fn right(mut self, seat: &Seat) -> Result<(), RefusalCode> {
        if let Some(way) = self.way.take() {
            lock(&self.limits.guesses).right(&self.asker, way, Instant::now());
        }
        seat.enter(self.account)
    }

    /// The backend could not judge it: it costs nothing.
    pub fn unjudged(mut self) {
        if let Some(way) = self.way.take() {
            lock(&self.limits.guesses).end(&self.asker, way);
        }
    }

    /// It was wrong.
    pub fn wrong(self) {}
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(way) = self.way.take() {
            lock(&self.limits.guesses).wrong(&self.asker, way, self.trace, Instant::now());
        }
    }
}
