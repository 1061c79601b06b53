//! The session: what the driver feeds and obeys.

use std::mem;
use std::sync::Arc;

use super::answer;
use super::hop::Hop;
use super::state::{Asked, State, Transaction};
use crate::fault::{Fault, RefusalCode};
use crate::quota::{Book, Day, OverQuota, Unknown};
use crate::route::BackendId;
use crate::smtp::answer as said;
use crate::smtp::client::Opening;
use crate::smtp::line::{Line, Orders};

/// Octets of answers that are gathered for pipelined commands before they are sent.
const GATHERED: usize = 16 * 1024;

/// What does not change during a session.
pub struct Params {
    /// Said in the greeting, and to the backends in LHLO.
    pub hostname: Box<str>,
    /// RCPT commands for one message.
    pub recipients: usize,
}

/// What the session cannot know by itself: the book, the config, the clock.
pub trait Environment {
    /// The book.
    fn book(&self) -> &Book;
    /// The day, for grants that end.
    fn today(&self) -> Day;
    /// What is said where there is no room.
    fn over(&self) -> OverQuota;
    /// What is said of a domain that no association has. Called once for each recipient of that kind.
    fn unknown(&self) -> Unknown;
    /// The backend with this name, or of the default one; none when it takes no mail by LMTP.
    fn backend(&self, name: Option<&str>) -> Option<BackendId>;
}

/// Whose bytes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The relay that brings mail.
    Client,
    /// The backend of this slot.
    Hop(usize),
}

/// One step: forget so many bytes of the inputs, then do what `act` says.
pub struct Step {
    /// Octets of the client's input that are done with.
    pub client: usize,
    /// Octets that are done with of the input of the backend that [`Session::asks`] named before the step.
    pub hop: usize,
    /// What to do.
    pub act: Act,
}

/// What the driver is to do. "Send" means [`Session::orders`] to every backend and [`Session::answers`] to the client.
pub enum Act {
    /// Call [`Session::step`] again.
    Again,
    /// Send, step again.
    Send,
    /// Send, wait for more bytes, step again.
    Read(Peer),
    /// Send, pass this many octets of the client's input to every slot that [`Session::takes`] it, and forget them.
    Forward(usize),
    /// Connect to this slot's backend, call [`Session::dialed`] or [`Session::hop_failed`].
    Dial(usize),
    /// Drop this slot's input, start TLS, call [`Session::secured`] or [`Session::hop_failed`].
    Secure(usize),
    /// Send this slot's orders if the backend takes them, and close. With a fault if it is the backend's.
    HangUp(usize, Option<Fault>),
    /// Send, close all.
    Close,
}

/// The conversations with the relay and the backends.
pub struct Session {
    pub(super) params: Arc<Params>,
    pub(super) state: State,
    pub(super) hops: Vec<Hop>,
    pub(super) answers: Vec<u8>,
}

impl Step {
    pub(super) fn new(client: usize, act: Act) -> Step {
        Step { client, hop: 0, act }
    }

    pub(super) fn of_hop(hop: usize, act: Act) -> Step {
        Step { client: 0, hop, act }
    }
}

impl Session {
    /// A session that begins with the greeting.
    pub fn new(params: Arc<Params>) -> Session {
        let answers = format!("220 {} LMTP\r\n", params.hostname).into_bytes();
        Session { params, state: State::Hello, hops: Vec::new(), answers }
    }

    /// What is to be sent to the client, and forgets it here.
    pub fn answers(&mut self) -> Vec<u8> {
        mem::take(&mut self.answers)
    }

    /// What is to be sent to the backend of `slot`, and forgets it here.
    pub fn orders(&mut self, slot: usize) -> Orders {
        self.hops.get_mut(slot).map(|hop| mem::take(&mut hop.orders)).unwrap_or_default()
    }

    /// How many slots there are. A slot keeps its backend.
    pub fn slots(&self) -> usize {
        self.hops.len()
    }

    /// The backend of `slot`, as [`Environment::backend`] gave it.
    pub fn backend(&self, slot: usize) -> Option<BackendId> {
        self.hops.get(slot).map(|hop| hop.backend)
    }

    /// Octets that wait to be sent, for tests of the bounds.
    pub fn gathered(&self) -> usize {
        self.hops.iter().map(|hop| hop.orders.len()).sum::<usize>() + self.answers.len()
    }

    /// Whether a message is on its way: not to be cut off if there is time.
    pub fn in_message(&self) -> bool {
        matches!(self.state, State::Data(..) | State::Message(..) | State::Verdicts(..) | State::Swallow(..))
    }

    /// Whether the backends have the whole message: what they answer now counts, also when the client is gone.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Verdicts(..))
    }

    /// Whether the connection to the backend of `slot` is still being opened.
    pub fn is_opening(&self, slot: usize) -> bool {
        self.hops.get(slot).is_some_and(|hop| matches!(hop.line, Line::Opening(_)))
    }

    /// Whether the backend of `slot` takes the message.
    pub fn takes(&self, slot: usize) -> bool {
        matches!(&self.state, State::Message(transaction, _) if transaction.uses(slot))
    }

    /// The slot whose input the next step looks at.
    pub fn asks(&self) -> Option<usize> {
        match &self.state {
            State::Asked(_, candidate) => Some(candidate.slot),
            State::Data(_, slot) => Some(*slot).filter(|slot| *slot < self.hops.len()),
            State::Verdicts(transaction, next) => transaction.recipients.get(*next).map(|recipient| recipient.slot),
            _ => None,
        }
    }

    /// Decides the next step. `client` are all bytes of the client that are not done with; `hop` those of the backend that
    /// [`Session::asks`] names.
    pub fn step(&mut self, env: &dyn Environment, client: &[u8], hop: &[u8]) -> Step {
        if let Some(step) = self.hang_up() {
            return step;
        }
        if self.answers.len() > GATHERED {
            return Step::new(0, Act::Send);
        }
        match mem::replace(&mut self.state, State::Closed) {
            State::Closed => self.close_hops(),
            State::Asked(transaction, candidate) => self.asked(env, transaction, candidate, hop),
            State::Data(transaction, slot) => self.data(transaction, slot, hop),
            State::Message(transaction, dotted) => self.message(env, transaction, dotted, client),
            State::Verdicts(transaction, next) => self.verdicts(transaction, next, hop),
            State::Swallow(transaction, rest) => self.swallow(transaction, rest, client),
            state => self.command(env, state, client),
        }
    }

    fn hang_up(&mut self) -> Option<Step> {
        let leaving = |hop: &Hop| matches!(hop.line, Line::Leaving(_));
        let slot = self.hops.iter().position(leaving)?;
        match mem::replace(&mut self.hops.get_mut(slot)?.line, Line::Away) {
            Line::Leaving(fault) => Some(Step::new(0, Act::HangUp(slot, fault))),
            _ => None,
        }
    }

    fn close_hops(&mut self) -> Step {
        let open = |hop: &&mut Hop| !matches!(hop.line, Line::Away);
        match self.hops.iter_mut().find(open) {
            // A backend with half a message must not hear another word.
            Some(hop) => {
                let rests = !hop.in_transaction;
                hop.leave(rests, None);
                Step::new(0, Act::Again)
            }
            None => Step::new(0, Act::Close),
        }
    }

    /// The backend of `slot` took the connection; `starttls` if TLS is to be asked for.
    pub fn dialed(&mut self, slot: usize, starttls: bool) {
        if let Some(hop) = self.hops.get_mut(slot) {
            hop.line = Line::Opening(Opening::lmtp(&self.params.hostname, starttls));
        }
    }

    /// TLS with the backend of `slot` is up.
    pub fn secured(&mut self, slot: usize) {
        if let Some(hop) = self.hops.get_mut(slot) {
            hop.line.secured(&mut hop.orders);
        }
    }

    /// The backend of `slot` cannot be reached, is gone, or is too slow. The driver has no connection to it any more.
    pub fn hop_failed(&mut self, slot: usize, fault: Fault) {
        self.leave(slot, false);
        if let Some(hop) = self.hops.get_mut(slot) {
            hop.line = Line::Away;
        }
        self.without_hop(slot, fault);
    }

    /// Drops the backend of `slot` in the middle of something.
    pub(super) fn drop_hop(&mut self, slot: usize, fault: Fault) {
        if let Some(hop) = self.hops.get_mut(slot) {
            hop.leave(false, Some(fault));
        }
        self.without_hop(slot, fault);
    }

    /// See [`Line::leave`].
    pub(super) fn leave(&mut self, slot: usize, polite: bool) {
        if let Some(hop) = self.hops.get_mut(slot) {
            hop.leave(polite, None);
        }
    }

    fn without_hop(&mut self, slot: usize, fault: Fault) {
        let answer = answer::backend(fault);
        match mem::replace(&mut self.state, State::Closed) {
            State::Asked(mut transaction, mut candidate) if candidate.slot == slot => {
                let resting = candidate.asked == Asked::Mail { fresh: false };
                transaction.settle(slot, &answer);
                self.state = if resting {
                    // A connection that rested between two messages may have been closed: that is no failure yet.
                    candidate.asked = Asked::Nothing { fresh: true };
                    State::Asked(transaction, candidate)
                } else {
                    self.answers.extend(answer);
                    State::Open(transaction)
                };
            }
            State::Verdicts(mut transaction, next) => {
                transaction.doubt(slot, &answer);
                self.state = State::Verdicts(transaction, next);
            }
            mut state => {
                if let Some(transaction) = state.transaction() {
                    transaction.settle(slot, &answer);
                }
                self.state = state;
            }
        }
    }

    /// The last words to a client that is too slow, or that we cannot serve any longer.
    pub fn close(&mut self, code: RefusalCode) {
        let line = match code {
            RefusalCode::TooSlow | RefusalCode::Stopping | RefusalCode::LineTooLong => said::refusal(code),
            _ => said::coded("421 4.7.0", "Closing", code),
        };
        self.answers.extend(line);
        self.state = State::Closed;
    }
}

impl State {
    fn transaction(&mut self) -> Option<&mut Transaction> {
        match self {
            State::Open(transaction) | State::Asked(transaction, _) | State::Data(transaction, _) => Some(transaction),
            State::Message(transaction, _) => Some(transaction),
            State::Swallow(transaction, _) => Some(transaction),
            State::Hello | State::Idle | State::Verdicts(..) | State::Closed => None,
        }
    }
}
