//! Submission: the loop that does what [`SubmissionSession`] says. One read buffer per side, nothing else of a message is held.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::accepted::Accepted;
use super::admission::Authenticated;
use super::environment::SubmissionEnv;
use super::imap_backend::Pooling;
use super::observe::Observer;
use super::sender_watch::SenderWatch;
use super::upstream::{Destination, Parking, Role, UpstreamConn};
use crate::fault::{Fault, Side};
use crate::limit::{Attempt, Seat};
use crate::net::buffered::BufferedConn;
use crate::net::min_rate::MinRate;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::net::tls;
use crate::smtp::upstream::{ConnAct, Done};
use crate::submission::{SubmissionAct, SubmissionLimits, SubmissionParams, SubmissionSession};

/// How long a relay's connection that others cannot have is kept for the next message of a client that says nothing. A Postfix takes 100 at
/// once by default, and mail programs may stay for minutes.
const KEPT: Duration = Duration::from_secs(5);

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { handshake, seat, stop, protection, tls, pooling, default_domain } = accepted;
    let limits = SubmissionLimits {
        message: context.sizes.message,
        recipients: context.sizes.recipients.try_into().unwrap_or(usize::MAX),
        header: context.scrubber.headers().header_limit(),
        ..SubmissionLimits::default()
    };
    let relay = context.relay_capabilities.offer(&context.backends.load());
    let mechanisms = context.methods.for_submission(&context.backends.load());
    let params = Arc::new(SubmissionParams { hostname: context.hostname.clone(), relay, mechanisms, limits });
    let session = SubmissionSession::new(params, protection);
    let (mut session, parking) = match context.relay_pool.is_used() {
        true => (session.parking(), Parking::Any),
        false => (session, Parking::Never),
    };
    // From the first octet: a client that says nothing is waited for in the handshake already.
    let login_by = Instant::now() + context.patience.login;
    let client = handshake.greet(&session.answers()).await?;
    let relay = UpstreamConn::new(Role::Relay, parking);
    let (who, attempt, pace) = (None, None, None);
    let observer = Observer::new(&context, &crate::smtp::steps::DIALECT);
    let driver = SubmissionDriver {
        client,
        relay,
        session,
        context,
        observer,
        seat,
        pooling,
        stop,
        tls,
        who,
        attempt,
        pace,
        login_by,
        learned: false,
        default_domain,
        sender: SenderWatch::default(),
    };
    driver.run().await
}

/// One session with all it holds.
pub(super) struct SubmissionDriver {
    client: BufferedConn,
    relay: UpstreamConn,
    pub(super) session: SubmissionSession,
    pub(super) context: Arc<Context>,
    pub(super) observer: Observer,
    pub(super) seat: Seat,
    pub(super) pooling: Pooling,
    stop: Shutdown,
    tls: Option<tls::TlsServer>,
    pub(super) who: Option<Authenticated>,
    /// The try that the relay is judging.
    pub(super) attempt: Option<Attempt>,
    /// How fast the message comes that is on its way.
    pace: Option<MinRate>,
    login_by: Instant,
    /// What this relay can do is known to all sessions.
    learned: bool,
    /// Of logins that have none.
    pub(super) default_domain: Option<Arc<str>>,
    pub(super) sender: SenderWatch,
}

impl SubmissionDriver {
    async fn run(mut self) -> Result<(), Fault> {
        loop {
            self.dismiss();
            self.learn();
            let env = SubmissionEnv { context: &self.context, who: self.who.as_ref() };
            let relay_input = self.relay.input();
            let command = self.observer.is_on() && self.session.awaits_command();
            let step = self.session.step(&env, self.client.input(), relay_input);
            if command && step.client > 0 {
                self.observer.said(Side::Client, self.client.input());
            }
            if self.observer.is_on() {
                self.observer.smtp_replies(Side::Backend, relay_input.get(..step.relay).unwrap_or_default());
            }
            if let Some(accepted) = self.session.ended() {
                self.context.metrics.counters.message(accepted);
            }
            self.client.consume(step.client);
            self.relay.consume(step.relay);
            if let Some(pace) = &mut self.pace {
                pace.moved(step.client);
            }
            if !matches!(step.act, SubmissionAct::Denied) && !self.session.is_judging() {
                self.relay_judged()?;
            }
            match step.act {
                SubmissionAct::Again => {}
                SubmissionAct::Send => self.send().await?,
                SubmissionAct::Read(Side::Client) => self.read_client().await?,
                SubmissionAct::Read(_) => self.read_relay().await?,
                SubmissionAct::Forward(count) => self.forward(count).await?,
                SubmissionAct::StartTls => {
                    self.send().await?;
                    let tls = self.tls.take().ok_or(Fault::Tls(Side::Us))?;
                    // `into_bare` drops what came in the clear behind STARTTLS.
                    let conn = tls.accept(self.client.into_bare(), b"").await?;
                    self.client = BufferedConn::new(conn, Side::Client, self.login_by);
                    self.session.tls_started();
                }
                SubmissionAct::Judge(credential) => self.judge(credential).await?,
                SubmissionAct::Denied => self.count_wrong(),
                SubmissionAct::Count(recipients) => self.count(recipients).await?,
                SubmissionAct::Relay(act) => self.relay_act(act).await,
                SubmissionAct::Close => {
                    let sent = self.send().await;
                    self.client.close().await;
                    return sent;
                }
            }
        }
    }

    /// Ends the session where the book has said so, and no message is coming in.
    fn dismiss(&mut self) {
        if let Some(user) = self.session.user().filter(|_| self.session.is_at_rest()) {
            self.sender.begin(&self.context.book, user);
        }
        self.sender.look();
        if let Some(code) = self.sender.why().filter(|_| self.session.is_between_messages()) {
            self.session.close(code);
        }
    }

    /// Sends what is gathered for both sides.
    pub(super) async fn send(&mut self) -> Result<(), Fault> {
        if self.session.is_ending() && self.relay.is_gone() {
            self.lose_relay(Fault::Gone(Side::Backend));
        }
        if !self.relay_spoke_early() {
            let commands = self.session.commands();
            if let Err(fault) = self.relay.send(&commands, self.context.patience.stall).await {
                self.lose_relay(fault);
            }
        }
        let answers = self.session.answers();
        if self.observer.is_on() {
            self.observer.smtp_replies(Side::Us, &answers);
        }
        if !answers.is_empty() {
            self.client.set_deadline(Instant::now() + self.context.patience.stall);
            self.client.send(&answers).await?;
        }
        Ok(())
    }

    /// Whether the relay has said something before it was sent the end of the message, as far as is known by now: that judges nothing, so the end
    /// stays here, and the session sees what it was.
    fn relay_spoke_early(&self) -> bool {
        self.session.is_ending() && !self.relay.input().is_empty()
    }

    async fn read_client(&mut self) -> Result<(), Fault> {
        let had_relay = self.relay.is_open();
        self.send().await?;
        self.observer.look();
        if had_relay && !self.relay.is_open() {
            return Ok(());
        }
        if let Some(code) = self.sender.late() {
            self.session.close(code);
            return Ok(());
        }
        let busy = self.session.in_transaction();
        let rests = !busy && had_relay;
        let deadline = if rests { Instant::now() + KEPT } else { self.deadline(busy) };
        self.client.set_deadline(self.sender.deadline(deadline));
        let phase = if busy { ShutdownPhase::Over } else { ShutdownPhase::Draining };
        let filled = tokio::select! {
            filled = self.client.fill() => filled,
            () = self.stop.reached(phase) => Err(Fault::Stopping),
            // Where it can end, it does so in the next turn.
            () = self.sender.told() => return Ok(()),
        };
        match filled {
            Ok(_) => {}
            Err(Fault::Slow(_)) if rests => self.session.release_relay(),
            Err(Fault::Gone(side)) => return Err(Fault::Gone(side)),
            Err(fault) => self.session.close(self.sender.why().unwrap_or(fault.code())),
        }
        Ok(())
    }

    /// Another node counts what this member sends.
    async fn count(&mut self, recipients: usize) -> Result<(), Fault> {
        self.send().await?;
        let counts = match self.session.user().cloned() {
            Some(user) => self.context.count_elsewhere(&user, recipients as u64).await,
            None => return Ok(()),
        };
        self.session.counted(counts);
        Ok(())
    }

    fn deadline(&mut self, busy: bool) -> Instant {
        let patience = self.context.patience;
        if self.session.user().is_none() {
            return self.login_by;
        }
        if busy {
            return self.pace.get_or_insert_with(|| MinRate::new(patience.stall, patience.least_rate)).deadline();
        }
        self.pace = None;
        // RFC 5321 4.5.3.2.7: at least five minutes.
        Instant::now() + patience.stall
    }

    async fn read_relay(&mut self) -> Result<(), Fault> {
        self.send().await?;
        if self.relay_spoke_early() {
            return Ok(());
        }
        let opening = self.session.relay_capabilities().is_none() || self.session.is_waking();
        let patience = if opening { self.context.patience.backend } else { self.context.patience.stall };
        if let Err(fault) = self.relay.fill(patience).await {
            if let (Fault::Slow(_), true, Some(who)) = (fault, self.session.is_waking(), &self.who) {
                // A machine that went away says no goodbye: nobody else shall wait for it.
                self.context.relay_pool.release(who.backend, usize::MAX);
            }
            self.lose_relay(fault);
        }
        Ok(())
    }

    // Once for each connection.
    fn learn(&mut self) {
        if let (false, Some(capabilities), Some(who)) = (self.learned, self.session.relay_capabilities(), &self.who) {
            self.context.relay_capabilities.learn(who.backend, capabilities);
            self.learned = true;
        }
    }

    async fn forward(&mut self, count: usize) -> Result<(), Fault> {
        self.send().await?;
        if let Some(pace) = &mut self.pace {
            pace.moved(count);
        }
        let bytes = self.client.input().get(..count).unwrap_or_default();
        let sent = self.relay.send(bytes, self.context.patience.stall).await;
        self.client.consume(count);
        if let Err(fault) = sent {
            self.lose_relay(fault);
        }
        Ok(())
    }

    fn lose_relay(&mut self, fault: Fault) {
        self.session.relay_is(Done::Failed(fault));
    }

    async fn relay_act(&mut self, act: ConnAct) {
        let to = self.who.as_ref().map(|who| Destination { backends: &who.backends, backend: who.backend });
        let Some(done) = self.relay.act(&self.context, to, act).await else { return };
        match done {
            Done::Connected { .. } => self.learned = false,
            Done::Reused(_) => self.learned = true,
            Done::Secured | Done::Failed(_) => {}
        }
        self.session.relay_is(done);
    }
}
