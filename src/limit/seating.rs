//! Who gets a place, and among whom.

use std::sync::{Arc, Mutex};

use super::limits::{Limiter, Limits, lock};
use super::params::{FACTORS, LimitParams};
use super::seat::{CountedBy, Seat};
use super::seats::{FreedPlace, NetworkCount, SeatKind};
use crate::fault::RefusalCode;
use crate::private::Networks;

/// One of how many parts of the places for pages a network may have, by how big it is.
const READERS: [usize; 3] = [4, 2, 2];

impl Limits {
    /// A place for a new connection from `networks`: among those who wait, until [`Attempt::right`](super::Attempt::right). Where all of these are taken, the
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
        self.waiting_seat(SeatKind::Onion, circuit, CountedBy::Onion(circuit.map(Box::new), Mutex::default()))
    }

    /// A place for a connection of a load balancer, until it has said where the client is. There always is one, apart from everybody
    /// else's; the one that waits longest may have to go for it.
    pub fn unnamed_seat(self: &Arc<Limits>) -> Seat {
        let place = lock(&self.seats).wait(SeatKind::Unnamed, &self.params);
        self.waits(place, CountedBy::Host)
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
        self.own_seat(SeatKind::Delivery, CountedBy::Host)
    }

    /// A place for the host's relay that asks whether mail would find room.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub fn question_seat(self: &Arc<Limits>) -> Result<Seat, RefusalCode> {
        self.own_seat(SeatKind::Question, CountedBy::Host)
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
}

fn readers(params: &LimitParams, share: usize) -> u32 {
    u32::try_from(params.pages / share).unwrap_or(u32::MAX).max(1)
}
