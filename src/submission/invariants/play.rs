//! A session with the mail program and the relay in memory.

use std::sync::Arc;

use super::environment::{SubmissionTestEnvironment, test_params, test_verdict};
use crate::fault::{Fault, Side};
use crate::smtp::client::Capabilities;
use crate::smtp::upstream::{ConnAct, Done};
use crate::submission::{SubmissionAct, SubmissionEnvironment, SubmissionSession};
use crate::wire::protection::Protection;

/// Steps after which a session that gets no further input is called stuck.
const STUCK: usize = 100_000;

/// A session with its two peers in memory.
pub struct SubmissionPlay {
    session: SubmissionSession,
    env: SubmissionTestEnvironment,
    /// Bytes from the client that are not done with.
    client: Vec<u8>,
    /// Bytes from the relay that are not done with.
    relay: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// The same for the relay.
    pub to_relay: Vec<u8>,
    /// Whether the relay takes connections.
    pub relay_up: bool,
    /// Whether the relay is asked for STARTTLS.
    pub relay_starttls: bool,
    /// Where in `to_relay` a connection was ended by us, as long as nothing is taken from there.
    pub cuts: Vec<usize>,
    /// Messages that the relay took over, and those that were refused.
    pub ended: [u32; 2],
    connected: bool,
    /// What a relay could do whose connection is parked.
    parked: Option<Capabilities>,
    closed: bool,
    waits: Option<Side>,
}

impl SubmissionPlay {
    /// A new session, which shares connections to relays with others.
    pub fn new(protection: Protection) -> SubmissionPlay {
        SubmissionPlay {
            session: SubmissionSession::new(Arc::new(test_params()), protection).parking(),
            env: SubmissionTestEnvironment::new(),
            client: Vec::new(),
            relay: Vec::new(),
            to_client: Vec::new(),
            to_relay: Vec::new(),
            relay_up: true,
            relay_starttls: false,
            cuts: Vec::new(),
            ended: [0, 0],
            connected: false,
            parked: None,
            closed: false,
            waits: None,
        }
    }

    /// A new session where no connection rests.
    pub fn without_rest() -> SubmissionPlay {
        let session = SubmissionSession::new(Arc::new(test_params()), Protection::Secure);
        SubmissionPlay { session, ..SubmissionPlay::new(Protection::Secure) }
    }

    /// The next client of the same relay, which finds the connection that is parked, if there is one.
    pub fn next_session(&mut self) {
        let parked = self.parked.take();
        *self = SubmissionPlay { parked, relay_up: self.relay_up, ..SubmissionPlay::new(Protection::Secure) };
        self.run();
    }

    /// Whether a connection to the relay is parked.
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a relay is connected.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The client sends.
    pub fn client(&mut self, bytes: &[u8]) {
        self.client.extend_from_slice(bytes);
        self.run();
    }

    /// The relay sends.
    pub fn relay(&mut self, bytes: &[u8]) {
        if self.connected {
            self.relay.extend_from_slice(bytes);
            self.run();
        }
    }

    /// The relay closes.
    pub fn relay_closes(&mut self) {
        if std::mem::take(&mut self.connected) {
            self.relay.clear();
            if self.waits == Some(Side::Backend) {
                self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend)));
            }
            self.run();
        }
    }

    /// Steps until both sides have to wait. Panics when a bound or a rule is broken: this is for tests.
    pub fn run(&mut self) {
        for _ in 0..STUCK {
            if self.closed {
                return;
            }
            let step = self.session.step(&self.env, &self.client, &self.relay);
            assert!(step.client <= self.client.len() && step.relay <= self.relay.len());
            if let Some(accepted) = self.session.ended() {
                self.ended[usize::from(!accepted)] += 1;
            }
            self.client.drain(..step.client);
            self.relay.drain(..step.relay);
            assert!(self.session.gathered() < 512 * 1024, "more is gathered than any session may hold");
            match step.act {
                SubmissionAct::Again | SubmissionAct::Denied => {}
                SubmissionAct::Send => self.send(),
                SubmissionAct::Read(side) => {
                    self.send();
                    if side == Side::Backend && !self.connected {
                        self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend)));
                        continue;
                    }
                    self.waits = Some(side);
                    return;
                }
                SubmissionAct::Forward(count) => {
                    self.send();
                    let bytes: Vec<u8> = self.client.drain(..count).collect();
                    match self.connected {
                        true => self.to_relay.extend(bytes),
                        false => self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend))),
                    }
                }
                SubmissionAct::StartTls => {
                    self.send();
                    self.client.clear();
                    self.session.tls_started();
                }
                SubmissionAct::Count(recipients) => {
                    self.send();
                    if let Some(user) = self.session.user().cloned() {
                        self.session.counted(self.env.counts(&user, recipients));
                    }
                }
                SubmissionAct::Judge(credential) => self.session.judged(test_verdict(credential)),
                SubmissionAct::Relay(act) => self.obey(act),
                SubmissionAct::Close => {
                    self.send();
                    self.closed = true;
                }
            }
        }
        panic!("no progress");
    }

    fn obey(&mut self, act: ConnAct) {
        let done = match act {
            ConnAct::Connect => match self.parked.take() {
                Some(capabilities) => Done::Reused(capabilities),
                None if self.relay_up => Done::Connected { starttls: self.relay_starttls },
                None => Done::Failed(Fault::Down),
            },
            ConnAct::Secure => {
                self.relay.clear();
                Done::Secured
            }
            ConnAct::Park(capabilities) => {
                assert!(self.connected && self.relay.is_empty());
                self.connected = false;
                self.parked = Some(capabilities);
                return;
            }
            ConnAct::HangUp(manner) => {
                if std::mem::take(&mut self.connected) {
                    self.to_relay.extend_from_slice(manner.last_words());
                    self.cuts.push(self.to_relay.len());
                }
                self.relay.clear();
                return;
            }
        };
        self.connected = !matches!(done, Done::Failed(_));
        self.session.relay_is(done);
    }

    fn send(&mut self) {
        // As the driver does: a final dot is not sent to who is gone.
        if self.session.is_ending() && !self.connected {
            self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend)));
        }
        self.to_client.extend(self.session.answers());
        let commands = self.session.commands();
        if self.connected {
            self.to_relay.extend_from_slice(&commands);
        }
    }
}
