//! The session: what is known of both sides, and what each part says and does to them. The next step is found in `step`.

use std::mem;
use std::sync::Arc;

use super::answer;
use super::backend::{BackendConn, Slot};
use super::state::{LmtpState, Outstanding, Transaction};
use crate::fault::{Fault, RefusalCode};
use crate::route::BackendId;
use crate::smtp::answer as said;
use crate::smtp::upstream::{Commands, ConnAct, Done, Manner};

/// What does not change during a session.
pub struct LmtpParams {
    /// Said in the greeting, and to the backends in LHLO.
    pub hostname: Box<str>,
    /// RCPT commands for one message.
    pub recipients: usize,
}

/// Whose bytes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The relay that brings mail.
    Client,
    /// The backend of this slot.
    Backend(Slot),
}

/// One step: forget so many bytes of the inputs, then do what `act` says.
pub struct LmtpStep {
    /// Octets of the client's input that are done with.
    pub client: usize,
    /// Octets that are done with of the input of the backend that [`LmtpSession::asks`] named before the step.
    pub backend: usize,
    /// What to do.
    pub act: LmtpAct,
}

/// What the driver is to do. "Send" means [`LmtpSession::commands`] to every backend and [`LmtpSession::answers`] to the client.
pub enum LmtpAct {
    /// Call [`LmtpSession::step`] again.
    Again,
    /// Send, step again.
    Send,
    /// Send, wait for more bytes, step again.
    Read(Awaited),
    /// Send, pass this many octets of the client's input to every slot that [`LmtpSession::takes`] it, and forget them.
    Forward(usize),
    /// Do this with the connection to this slot's backend, tell [`LmtpSession::backend_is`] what came of it, step again.
    Backend(Slot, ConnAct),
    /// Send, close all.
    Close,
}

/// The conversations with the relay and the backends.
pub struct LmtpSession {
    pub(super) params: Arc<LmtpParams>,
    pub(super) state: LmtpState,
    /// By slot.
    pub(super) backends: Vec<BackendConn>,
    pub(super) answers: Vec<u8>,
}

impl LmtpStep {
    pub(super) fn new(client: usize, act: LmtpAct) -> LmtpStep {
        LmtpStep { client, backend: 0, act }
    }

    pub(super) fn of_backend(backend: usize, act: LmtpAct) -> LmtpStep {
        LmtpStep { client: 0, backend, act }
    }
}

impl LmtpSession {
    /// A session that begins with the greeting.
    pub fn new(params: Arc<LmtpParams>) -> LmtpSession {
        let answers = format!("220 {} LMTP\r\n", params.hostname).into_bytes();
        LmtpSession { params, state: LmtpState::Hello, backends: Vec::new(), answers }
    }

    /// What is to be sent to the client, and forgets it here.
    pub fn answers(&mut self) -> Vec<u8> {
        mem::take(&mut self.answers)
    }

    /// What is to be sent to the backend of `slot`, and forgets it here.
    pub fn commands(&mut self, slot: Slot) -> Commands {
        self.backend_mut(slot).map(|backend| backend.upstream.commands()).unwrap_or_default()
    }

    /// All slots.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.backends.len()).map(Slot)
    }

    /// The backend of `slot`, as [`LmtpEnvironment::backend`](super::LmtpEnvironment::backend) gave it.
    pub fn backend(&self, slot: Slot) -> Option<BackendId> {
        self.backends.get(slot.0).map(|backend| backend.backend)
    }

    pub(super) fn backend_mut(&mut self, slot: Slot) -> Option<&mut BackendConn> {
        self.backends.get_mut(slot.0)
    }

    /// Octets that wait to be sent, for tests of the bounds.
    pub fn gathered(&self) -> usize {
        self.backends.iter().map(|backend| backend.upstream.gathered()).sum::<usize>() + self.answers.len()
    }

    /// Whether a message is on its way: not to be cut off if there is time.
    pub fn in_message(&self) -> bool {
        matches!(self.state, LmtpState::Data(..) | LmtpState::Message(..) | LmtpState::Verdicts(..) | LmtpState::Swallow(..))
    }

    /// Whether the backends have the whole message: what they answer now counts, also when the client is gone.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, LmtpState::Verdicts(..))
    }

    /// Whether another node judges a recipient by now: whatever is under way is to be given up.
    pub fn is_cut(&self) -> bool {
        match &self.state {
            LmtpState::Asked(transaction, candidate) => transaction.is_cut() || candidate.room.is_cut(),
            LmtpState::Open(transaction)
            | LmtpState::Data(transaction, _)
            | LmtpState::Message(transaction, _)
            | LmtpState::Verdicts(transaction, _)
            | LmtpState::Swallow(transaction, _) => transaction.is_cut(),
            LmtpState::Hello | LmtpState::Idle | LmtpState::Closed => false,
        }
    }

    /// Whether the connection to the backend of `slot` is still being opened.
    pub fn is_opening(&self, slot: Slot) -> bool {
        self.backends.get(slot.0).is_some_and(|backend| backend.upstream.is_opening())
    }

    /// Whether the backend of `slot` takes the message.
    pub fn takes(&self, slot: Slot) -> bool {
        matches!(&self.state, LmtpState::Message(transaction, _) if transaction.uses(slot))
    }

    /// The slot whose input the next step looks at.
    pub fn asks(&self) -> Option<Slot> {
        match &self.state {
            LmtpState::Asked(_, candidate) => Some(candidate.slot),
            LmtpState::Data(_, slot) => Some(*slot).filter(|slot| slot.0 < self.backends.len()),
            LmtpState::Verdicts(transaction, next) => transaction.recipients.get(*next).map(|recipient| recipient.slot),
            _ => None,
        }
    }

    /// What came of [`LmtpAct::Backend`], or of the connection to the backend of `slot` at any time.
    pub fn backend_is(&mut self, slot: Slot, done: Done) {
        let params = self.params.clone();
        let lost = self.backend_mut(slot).and_then(|backend| backend.is(done, &params.hostname));
        if let Some(fault) = lost {
            self.without_backend(slot, fault);
        }
    }

    /// Drops the backend of `slot` in the middle of something.
    pub(super) fn drop_backend(&mut self, slot: Slot, fault: Fault) {
        self.leave(slot, Manner::For(fault));
        self.without_backend(slot, fault);
    }

    /// See [`Upstream::leave`](crate::smtp::upstream::Upstream::leave).
    pub(super) fn leave(&mut self, slot: Slot, manner: Manner) {
        if let Some(backend) = self.backend_mut(slot) {
            backend.leave(manner);
        }
    }

    fn without_backend(&mut self, slot: Slot, fault: Fault) {
        let answer = answer::backend(fault);
        match mem::replace(&mut self.state, LmtpState::Closed) {
            LmtpState::Asked(mut transaction, mut candidate) if candidate.slot == slot => {
                let resting = candidate.asked == Outstanding::Mail { fresh: false };
                transaction.settle(slot, &answer);
                self.state = if resting {
                    // A connection that rested between two messages may have been closed: that is no failure yet.
                    candidate.asked = Outstanding::Nothing { fresh: true };
                    LmtpState::Asked(transaction, candidate)
                } else {
                    self.answers.extend(answer);
                    LmtpState::Open(transaction)
                };
            }
            LmtpState::Verdicts(mut transaction, next) => {
                transaction.doubt(slot, &answer);
                self.state = LmtpState::Verdicts(transaction, next);
            }
            mut state => {
                if let Some(transaction) = state.transaction() {
                    transaction.settle(slot, &answer);
                }
                self.state = state;
            }
        }
    }

    pub(super) fn say(&mut self, state: LmtpState, answer: Vec<u8>) {
        self.answers.extend(answer);
        self.state = state;
    }

    /// The last words to a client that is too slow, or that we cannot serve any longer.
    pub fn close(&mut self, code: RefusalCode) {
        self.answers.extend(said::farewell(code));
        self.state = LmtpState::Closed;
    }
}

impl LmtpState {
    fn transaction(&mut self) -> Option<&mut Transaction> {
        match self {
            LmtpState::Open(transaction) | LmtpState::Asked(transaction, _) | LmtpState::Data(transaction, _) => {
                Some(transaction)
            }
            LmtpState::Message(transaction, _) => Some(transaction),
            LmtpState::Swallow(transaction, _) => Some(transaction),
            LmtpState::Hello | LmtpState::Idle | LmtpState::Verdicts(..) | LmtpState::Closed => None,
        }
    }
}
