//! LMTP: the loop that does what [`Session`] says. One read buffer per side, nothing else of a message is held.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::today;
use super::listener::Accepted;
use super::{Context, Quota};
use crate::event::{Event, emit};
use crate::fault::{Fault, Side};
use crate::limit::Seat;
use crate::lmtp::{Act, Environment, Params, Peer, Session};
use crate::net::buffered::BufferedConn;
use crate::net::dial::{dial, secure};
use crate::net::min_rate::MinRate;
use crate::net::shutdown::{Phase, Shutdown};
use crate::quota::{Book, Day, OverQuota, Unknown};
use crate::route::{BackendId, Backends, Endpoint, Security};

/// How long a backend may take over a message that it has whole, RFC 5321 4.5.3.2.6. The relay waits as long: less, and a
/// message that is stored after all would be sent again.
const FINAL: Duration = Duration::from_secs(600);
/// How long a backend may take to hear QUIT.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { handshake, seat, stop, .. } = accepted;
    let recipients = context.sizes.recipients.try_into().unwrap_or(usize::MAX);
    let mut session = Session::new(Arc::new(Params { hostname: context.hostname.clone(), recipients }));
    let client = handshake.greet(&session.answers()).await?;
    let backends = context.backends.load_full();
    let (hops, pace, listening) = (Vec::new(), None, true);
    let driver = Driver { client, hops, session, context, backends, _seat: seat, stop, pace, listening };
    driver.run().await
}

/// One session with all it holds.
struct Driver {
    client: BufferedConn,
    /// By slot.
    hops: Vec<Option<BufferedConn>>,
    session: Session,
    context: Arc<Context>,
    /// Those that were in force when the session began.
    backends: Arc<Backends>,
    _seat: Seat,
    stop: Shutdown,
    /// How fast the message comes that is on its way.
    pace: Option<MinRate>,
    /// The client is there.
    listening: bool,
}

impl Driver {
    async fn run(mut self) -> Result<(), Fault> {
        loop {
            let asked = self.session.asks();
            let input = asked.and_then(|slot| self.hops.get(slot)?.as_ref()).map_or(&[][..], BufferedConn::input);
            let rules = LmtpEnv { book: &self.context.book, backends: &self.backends, quota: self.context.quota };
            let step = self.session.step(&rules, self.client.input(), input);
            self.client.consume(step.client);
            if let Some(hop) = asked.and_then(|slot| self.hops.get_mut(slot)?.as_mut()) {
                hop.consume(step.hop);
            }
            self.hops.resize_with(self.session.slots(), || None);
            match step.act {
                Act::Again => {}
                Act::Send => self.send().await?,
                Act::Read(Peer::Client) => self.read_client().await?,
                Act::Read(Peer::Hop(slot)) => self.read_hop(slot).await?,
                Act::Forward(count) => self.forward(count).await?,
                Act::Dial(slot) => self.dial(slot).await,
                Act::Secure(slot) => self.secure(slot).await,
                Act::HangUp(slot, fault) => self.hang_up(slot, fault).await,
                Act::Close => {
                    let sent = self.send().await;
                    self.client.close().await;
                    return sent;
                }
            }
        }
    }

    /// Sends what is gathered for all sides.
    async fn send(&mut self) -> Result<(), Fault> {
        for slot in 0..self.hops.len() {
            let orders = self.session.orders(slot);
            if !orders.is_empty() {
                self.send_to(slot, &orders).await;
            }
        }
        let answers = self.session.answers();
        if answers.is_empty() || !self.listening {
            return Ok(());
        }
        self.client.set_deadline(Instant::now() + self.context.patience.stall);
        let sent = self.client.send(&answers).await;
        // What the backends have, they may store: the book must hear of it, though nobody else listens any more.
        if sent.is_err() && self.session.is_ending() {
            self.listening = false;
            return Ok(());
        }
        sent
    }

    async fn send_to(&mut self, slot: usize, bytes: &[u8]) {
        let Some(hop) = self.hops.get_mut(slot).and_then(Option::as_mut) else { return };
        hop.set_deadline(Instant::now() + self.context.patience.stall);
        if let Err(fault) = hop.send(bytes).await {
            self.lose(slot, fault);
        }
    }

    fn keep(&mut self, slot: usize, link: BufferedConn) {
        if let Some(hop) = self.hops.get_mut(slot) {
            *hop = Some(link);
        }
    }

    fn lose(&mut self, slot: usize, fault: Fault) {
        self.hops.get_mut(slot).map(Option::take);
        self.session.hop_failed(slot, fault);
    }

    async fn read_client(&mut self) -> Result<(), Fault> {
        self.send().await?;
        if !self.listening {
            return Err(Fault::Gone(Side::Client));
        }
        let in_message = self.session.in_message();
        let patience = self.context.patience;
        let deadline = match in_message {
            true => self.pace.get_or_insert_with(|| MinRate::new(patience.stall, patience.least_rate)).deadline(),
            false => Instant::now() + patience.stall,
        };
        self.client.set_deadline(deadline);
        let phase = if in_message { Phase::Over } else { Phase::Draining };
        let filled = tokio::select! {
            filled = self.client.fill() => filled,
            () = self.stop.reached(phase) => Err(Fault::Stopping),
        };
        match (filled, &mut self.pace) {
            (Ok(count), Some(pace)) if in_message => pace.moved(count),
            (Ok(_), _) => self.pace = None,
            (Err(Fault::Gone(side)), _) => return Err(Fault::Gone(side)),
            (Err(fault), _) => self.session.close(fault.code()),
        }
        Ok(())
    }

    async fn read_hop(&mut self, slot: usize) -> Result<(), Fault> {
        self.send().await?;
        let patience = match (self.session.is_opening(slot), self.session.is_ending()) {
            (true, _) => self.context.patience.backend,
            (_, true) => FINAL,
            _ => self.context.patience.stall,
        };
        // Without a connection here, its loss was told to the session already.
        let Some(hop) = self.hops.get_mut(slot).and_then(Option::as_mut) else { return Ok(()) };
        hop.set_deadline(Instant::now() + patience);
        if let Err(fault) = hop.fill().await {
            self.lose(slot, fault);
        }
        Ok(())
    }

    async fn forward(&mut self, count: usize) -> Result<(), Fault> {
        self.send().await?;
        for slot in 0..self.hops.len() {
            let Some(hop) = self.hops.get_mut(slot).and_then(Option::as_mut) else { continue };
            if !self.session.takes(slot) {
                continue;
            }
            hop.set_deadline(Instant::now() + self.context.patience.stall);
            let bytes = self.client.input().get(..count).unwrap_or_default();
            if let Err(fault) = hop.send(bytes).await {
                self.lose(slot, fault);
            }
        }
        self.client.consume(count);
        Ok(())
    }

    fn endpoint(&self, slot: usize) -> Option<(BackendId, Endpoint)> {
        let backend = self.session.backend(slot)?;
        Some((backend, self.backends.at(backend)?.lmtp.clone()?))
    }

    async fn dial(&mut self, slot: usize) {
        let Some((backend, endpoint)) = self.endpoint(slot) else { return self.lose(slot, Fault::Down) };
        let patience = self.context.patience.backend;
        let conn = dial(&endpoint, &self.context.tls, patience).await;
        self.context.lmtp_health.set(&self.context.backends.load(), backend, conn.is_ok());
        match conn {
            Ok(conn) => {
                self.keep(slot, BufferedConn::new(conn, Side::Backend, Instant::now() + patience));
                self.session.dialed(slot, endpoint.security == Security::StartTls);
            }
            Err(fault) => self.lose(slot, fault),
        }
    }

    async fn secure(&mut self, slot: usize) {
        let link = self.hops.get_mut(slot).and_then(Option::take);
        let (Some(link), Some((_, endpoint))) = (link, self.endpoint(slot)) else { return self.lose(slot, Fault::Down) };
        let patience = self.context.patience.backend;
        // `into_bare` drops what came in the clear.
        match secure(link.into_bare(), &endpoint, &self.context.tls, patience).await {
            Ok(conn) => {
                self.keep(slot, BufferedConn::new(conn, Side::Backend, Instant::now() + patience));
                self.session.secured(slot);
            }
            Err(fault) => self.lose(slot, fault),
        }
    }

    async fn hang_up(&mut self, slot: usize, fault: Option<Fault>) {
        if let (Some(Fault::Garbage(_)), Some(backend)) = (fault, self.session.backend(slot)) {
            self.context.confused(backend);
        }
        let orders = self.session.orders(slot);
        if let Some(mut hop) = self.hops.get_mut(slot).and_then(Option::take) {
            hop.set_deadline(Instant::now() + FAREWELL);
            if !orders.is_empty() && hop.send(&orders).await.is_ok() {
                hop.close().await;
            }
        }
    }
}

/// What the session asks of the book and the config.
struct LmtpEnv<'a> {
    book: &'a Book,
    backends: &'a Backends,
    quota: Quota,
}

impl Environment for LmtpEnv<'_> {
    fn book(&self) -> &Book {
        self.book
    }

    fn today(&self) -> Day {
        today()
    }

    fn over(&self) -> OverQuota {
        self.quota.over
    }

    fn unknown(&self) -> Unknown {
        let times = self.book.note_unknown();
        // Doubled each time, so that a flood makes no flood.
        if times.is_power_of_two() {
            emit(Event::UnknownDomain { times });
        }
        self.quota.unknown
    }

    fn backend(&self, name: Option<&str>) -> Option<BackendId> {
        let backend = self.backends.find(name)?;
        self.backends.at(backend)?.lmtp.as_ref().map(|_| backend)
    }
}
