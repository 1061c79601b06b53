//! A session with its peers in memory, for tests and fuzzing: the relay that brings mail, and two backends.

mod environment;

use std::sync::Arc;

use super::backend::Slot;
use super::session::{Awaited, LmtpAct, LmtpParams, LmtpSession};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::upstream::{ConnAct, Done};
use environment::TWO;

pub use environment::LmtpTestEnvironment;

/// Steps after which a session that gets no further input is called stuck.
const STUCK: usize = 100_000;

/// One backend.
#[derive(Default)]
pub struct FakeBackend {
    /// Bytes from it that are not done with.
    input: Vec<u8>,
    /// All that it received and nobody looked at yet.
    pub received: Vec<u8>,
    /// It takes no connections.
    pub is_down: bool,
    /// It is asked for STARTTLS.
    pub starttls: bool,
    /// Where in `received` its connections began, as long as nothing is taken from there.
    pub began: Vec<usize>,
    connected: bool,
    /// It closed, and nobody has noticed yet.
    closed: bool,
}

impl FakeBackend {
    /// Whether a connection to it is open.
    pub fn is_connected(&self) -> bool {
        self.connected
    }
}

/// A session with its peers.
pub struct LmtpPlay {
    session: LmtpSession,
    /// The book and the config.
    pub env: LmtpTestEnvironment,
    client: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// One and two.
    pub backends: [FakeBackend; 2],
    closed: bool,
}

impl LmtpPlay {
    /// A new session.
    pub fn new() -> LmtpPlay {
        let params = LmtpParams { hostname: "mail.nolog.example".into(), recipients: 5 };
        let (client, to_client) = (Vec::new(), Vec::new());
        let (env, backends) = (LmtpTestEnvironment::new(), Default::default());
        LmtpPlay { session: LmtpSession::new(Arc::new(params)), env, client, to_client, backends, closed: false }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Ends the session where it is.
    pub fn into_house(self) -> LmtpTestEnvironment {
        let LmtpPlay { session, env, .. } = self;
        drop(session);
        env
    }

    /// The client sends.
    pub fn client(&mut self, bytes: &[u8]) {
        self.client.extend_from_slice(bytes);
        self.run();
    }

    /// A backend sends.
    pub fn backend(&mut self, number: usize, bytes: &[u8]) {
        if self.backends[number].connected {
            self.backends[number].input.extend_from_slice(bytes);
            self.run();
        }
    }

    /// A backend closes; what it has sent before is still read.
    pub fn backend_closes(&mut self, number: usize) {
        self.backends[number].closed = self.backends[number].connected;
        self.run();
    }

    /// The client was silent for too long.
    pub fn too_slow(&mut self) {
        self.session.close(RefusalCode::TooSlow);
        self.run();
    }

    /// Steps until somebody has to be waited for. Panics when a bound or a rule is broken: this is for tests.
    pub fn run(&mut self) {
        for _ in 0..STUCK {
            if self.closed || !self.turn() {
                return;
            }
        }
        panic!("no progress");
    }

    fn number(&self, slot: Slot) -> usize {
        let backend = self.session.backend(slot).unwrap_or_else(|| unreachable!("a slot without a backend"));
        usize::from(backend == TWO)
    }

    /// One step; whether there is another one at once.
    fn turn(&mut self) -> bool {
        let asked = self.session.asks().map(|slot| self.number(slot));
        let input = asked.map_or(&[][..], |number| &self.backends[number].input);
        let step = self.session.step(&self.env, &self.client, input);
        assert!(step.client <= self.client.len() && step.backend <= input.len());
        self.client.drain(..step.client);
        if let Some(number) = asked {
            self.backends[number].input.drain(..step.backend);
        }
        assert!(self.session.gathered() < 64 * 1024, "more is gathered than any session may hold");
        match step.act {
            LmtpAct::Again => {}
            LmtpAct::Send => self.send(),
            LmtpAct::Read(peer) => return self.wait(peer),
            LmtpAct::Forward(count) => self.forward(count),
            LmtpAct::Backend(slot, act) => self.obey(slot, act),
            LmtpAct::Close => {
                self.send();
                self.closed = true;
            }
        }
        true
    }

    fn obey(&mut self, slot: Slot, act: ConnAct) {
        let number = self.number(slot);
        match act {
            ConnAct::Connect => self.connect(slot),
            ConnAct::Secure => {
                self.backends[number].input.clear();
                self.session.backend_is(slot, Done::Secured);
            }
            ConnAct::HangUp(manner) => {
                if self.backends[number].connected {
                    self.backends[number].received.extend_from_slice(manner.last_words());
                }
                self.cut(number);
            }
            ConnAct::Park(_) => panic!("incoming mail parks nothing"),
        }
    }

    fn cut(&mut self, number: usize) {
        let backend = &mut self.backends[number];
        (backend.connected, backend.closed) = (false, false);
        backend.input.clear();
    }

    fn lose(&mut self, slot: Slot, fault: Fault) {
        let number = self.number(slot);
        self.cut(number);
        self.session.backend_is(slot, Done::Failed(fault));
    }

    fn connect(&mut self, slot: Slot) {
        let number = self.number(slot);
        if self.backends[number].is_down {
            return self.lose(slot, Fault::Down);
        }
        let began = self.backends[number].received.len();
        self.backends[number].began.push(began);
        self.backends[number].connected = true;
        self.session.backend_is(slot, Done::Connected { starttls: self.backends[number].starttls });
    }

    fn wait(&mut self, peer: Awaited) -> bool {
        self.send();
        let Awaited::Backend(slot) = peer else { return false };
        let backend = &self.backends[self.number(slot)];
        if backend.closed || !backend.connected {
            self.lose(slot, Fault::Gone(Side::Backend));
            return true;
        }
        false
    }

    fn forward(&mut self, count: usize) {
        self.send();
        let bytes: Vec<u8> = self.client.drain(..count).collect();
        for slot in self.session.slots() {
            let number = self.number(slot);
            if !self.session.takes(slot) {
                continue;
            }
            match self.backends[number].closed || !self.backends[number].connected {
                true => self.lose(slot, Fault::Gone(Side::Backend)),
                false => self.backends[number].received.extend_from_slice(&bytes),
            }
        }
    }

    fn send(&mut self) {
        self.to_client.extend(self.session.answers());
        for slot in self.session.slots() {
            let (commands, number) = (self.session.commands(slot), self.number(slot));
            if self.backends[number].connected {
                self.backends[number].received.extend_from_slice(&commands);
            }
        }
    }
}

impl Default for LmtpPlay {
    fn default() -> LmtpPlay {
        LmtpPlay::new()
    }
}
