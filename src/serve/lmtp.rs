//! LMTP: the loop that does what [`LmtpSession`] says. One read buffer per side, nothing else of a message is held.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::accepted::Accepted;
use super::clock::today;
use super::share_cut::Cuts;
use super::upstream::{Destination, Parking, Role, UpstreamConn};
use crate::event::{BackendService, Provoked, count};
use crate::fault::{Fault, Side};
use crate::limit::Seat;
use crate::lmtp::{Awaited, LmtpAct, LmtpEnvironment, LmtpParams, LmtpSession, Slot};
use crate::net::buffered::BufferedConn;
use crate::net::min_rate::MinRate;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::private::Address;
use crate::quota::{Book, Day, OverQuota, Unknown};
use crate::route::{BackendId, Backends};
use crate::smtp::upstream::{ConnAct, Done};

/// How long a backend may take over a message that it has whole, RFC 5321 4.5.3.2.6. The relay waits as long: less, and a
/// message that is stored after all would be sent again.
const FINAL: Duration = Duration::from_secs(600);

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { handshake, seat, stop, .. } = accepted;
    let recipients = context.sizes.recipients.try_into().unwrap_or(usize::MAX);
    let mut session = LmtpSession::new(Arc::new(LmtpParams { hostname: context.hostname.clone(), recipients }));
    let client = handshake.greet(&session.answers()).await?;
    let backends = context.backends.load_full();
    let (conns, pace, listening) = (Vec::new(), None, true);
    let cuts = Cuts::of(&context);
    let driver = LmtpDriver { client, conns, session, context, backends, seat, stop, cuts, pace, listening };
    driver.run().await
}

/// One session with all it holds.
struct LmtpDriver {
    client: BufferedConn,
    /// By slot.
    conns: Vec<UpstreamConn>,
    session: LmtpSession,
    context: Arc<Context>,
    /// Those that were in force when the session began.
    backends: Arc<Backends>,
    seat: Seat,
    stop: Shutdown,
    cuts: Cuts,
    /// How fast the message comes that is on its way.
    pace: Option<MinRate>,
    /// The client is there.
    listening: bool,
}

impl LmtpDriver {
    async fn run(mut self) -> Result<(), Fault> {
        loop {
            if self.cuts.take() && self.session.is_cut() {
                return Err(Fault::Stopping);
            }
            let asked = self.session.asks();
            let input = asked.and_then(|slot| self.conns.get(slot.index())).map_or(&[][..], UpstreamConn::input);
            let rules = LmtpEnv { context: &self.context, backends: &self.backends, by_fellow: self.seat.is_fellow() };
            let step = self.session.step(&rules, self.client.input(), input);
            self.client.consume(step.client);
            if let Some(conn) = asked.and_then(|slot| self.conns.get_mut(slot.index())) {
                conn.consume(step.backend);
            }
            self.conns.resize_with(self.session.slots().count(), || UpstreamConn::new(Role::Store, Parking::Never));
            match step.act {
                LmtpAct::Again => {}
                LmtpAct::Send => self.send().await?,
                LmtpAct::Read(Awaited::Client) => self.read_client().await?,
                LmtpAct::Read(Awaited::Backend(slot)) => self.read_backend(slot).await?,
                LmtpAct::Forward(count) => self.forward(count).await?,
                LmtpAct::Backend(slot, act) => self.backend_act(slot, act).await,
                LmtpAct::Close => {
                    let sent = self.send().await;
                    self.client.close().await;
                    return sent;
                }
            }
        }
    }

    /// Sends what is gathered for all sides.
    async fn send(&mut self) -> Result<(), Fault> {
        for slot in self.session.slots() {
            let commands = self.session.commands(slot);
            self.send_to(slot, &commands).await;
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

    async fn send_to(&mut self, slot: Slot, bytes: &[u8]) {
        let Some(conn) = self.conns.get_mut(slot.index()) else { return };
        if let Err(fault) = conn.send(bytes, self.context.patience.stall).await {
            self.session.backend_is(slot, Done::Failed(fault));
        }
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
        let phase = if in_message { ShutdownPhase::Over } else { ShutdownPhase::Draining };
        let filled = tokio::select! {
            filled = self.client.fill() => filled,
            () = self.stop.reached(phase) => Err(Fault::Stopping),
            () = self.cuts.called() => return Ok(()),
        };
        match (filled, &mut self.pace) {
            (Ok(count), Some(pace)) if in_message => pace.moved(count),
            (Ok(_), _) => self.pace = None,
            (Err(Fault::Gone(side)), _) => return Err(Fault::Gone(side)),
            (Err(fault), _) => self.session.close(fault.code()),
        }
        Ok(())
    }

    async fn read_backend(&mut self, slot: Slot) -> Result<(), Fault> {
        self.send().await?;
        let patience = match (self.session.is_opening(slot), self.session.is_ending()) {
            (true, _) => self.context.patience.backend,
            (_, true) => FINAL,
            _ => self.context.patience.stall,
        };
        let Some(conn) = self.conns.get_mut(slot.index()) else { return Ok(()) };
        let filled = tokio::select! {
            filled = conn.fill(patience) => filled,
            () = self.cuts.called() => return Ok(()),
        };
        if let Err(fault) = filled {
            self.session.backend_is(slot, Done::Failed(fault));
        }
        Ok(())
    }

    async fn forward(&mut self, count: usize) -> Result<(), Fault> {
        self.send().await?;
        for slot in self.session.slots() {
            let Some(conn) = self.conns.get_mut(slot.index()).filter(|_| self.session.takes(slot)) else { continue };
            let bytes = self.client.input().get(..count).unwrap_or_default();
            if let Err(fault) = conn.send(bytes, self.context.patience.stall).await {
                self.session.backend_is(slot, Done::Failed(fault));
            }
        }
        self.client.consume(count);
        Ok(())
    }

    async fn backend_act(&mut self, slot: Slot, act: ConnAct) {
        let to = self.session.backend(slot).map(|backend| Destination { backends: &self.backends, backend });
        let Some(conn) = self.conns.get_mut(slot.index()) else { return };
        if let Some(done) = conn.act(&self.context, to, act).await {
            self.session.backend_is(slot, done);
        }
    }
}

/// What the session asks of the book and the config.
struct LmtpEnv<'a> {
    context: &'a Context,
    backends: &'a Backends,
    /// Another node brings it: it is not sent on once more.
    by_fellow: bool,
}

impl LmtpEnvironment for LmtpEnv<'_> {
    fn book(&self) -> &Book {
        &self.context.book
    }

    fn today(&self) -> Day {
        today()
    }

    fn over(&self) -> OverQuota {
        self.context.quota.over
    }

    fn unknown(&self) -> Unknown {
        count(Provoked::UnknownDomain);
        self.context.quota.unknown
    }

    fn backend(&self, name: Option<&str>) -> Option<BackendId> {
        let backend = self.backends.find(name)?;
        self.backends.at(backend)?.endpoint(BackendService::Lmtp).map(|_| backend)
    }

    fn judge_elsewhere(&self, recipient: &Address) -> Option<Option<BackendId>> {
        if self.by_fellow { None } else { self.context.fellow_of(self.backends, recipient) }
    }
}
