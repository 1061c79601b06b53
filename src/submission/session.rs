//! The session: what the driver feeds and obeys.

use std::mem;
use std::sync::Arc;

use super::state::{Ask, Mail, Rest, State, User};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Address, Credential};
use crate::scrub::Scrubbed;
use crate::smtp::answer;
use crate::smtp::client::{Capabilities, Opening};
use crate::smtp::upstream::{Commands, ConnAct, Done, Manner, Reuse, Upstream};
use crate::wire::sasl;

/// Octets of answers that are gathered for pipelined commands before they are sent.
const GATHERED: usize = 16 * 1024;

/// What does not change during a session.
pub struct Params {
    /// Said in the greeting, in answers to EHLO, and to the relay in EHLO.
    pub hostname: Box<str>,
    /// What the relays can do, as far as all of them can.
    pub relay: Capabilities,
    /// Offered in EHLO. Mechanisms that no backend has must not be here.
    pub mechanisms: Vec<sasl::Name>,
    /// The bounds.
    pub limits: Limits,
}

/// Bounds on what a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a message; said as SIZE, lower if the relay's is lower.
    pub message: u64,
    /// Octets of its header block.
    pub header: usize,
    /// RCPT commands for one message.
    pub recipients: usize,
    /// Login attempts in one session.
    pub tries: u8,
    /// Patience with commands that lead nowhere: an unreadable one costs 10, a NOOP 1. A sent message restores it.
    pub patience: u16,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { message: 50 << 20, header: 256 << 10, recipients: 1000, tries: 3, patience: 100 }
    }
}

/// How the client's connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// TLS, or a socket that never leaves this machine.
    Secure,
    /// STARTTLS is offered, and credentials are refused until it is used.
    StartTls,
}

/// What the session cannot know by itself: the book, the rules, the clock.
pub trait Environment {
    /// Whether `user` may write as `sender`.
    fn owns(&self, user: &Address, sender: &Address) -> bool;
    /// Whether `user` may send a message now; asked once for each MAIL.
    ///
    /// # Errors
    /// The code word of the refusal.
    fn admits(&self, user: &Address) -> Result<(), RefusalCode>;
    /// Counts one message of `user` to `recipients` addressees in the sending limits; asked once for each message.
    ///
    /// # Errors
    /// The code word of the refusal: a limit is reached.
    fn counts(&self, user: &Address, recipients: usize) -> Result<(), RefusalCode>;
    /// What the relay is told in place of the envelope's identifier `old` (ENVID, decoded): at most 100 octets of xtext.
    fn envelope_id(&self, user: &Address, old: &[u8]) -> String;
    /// Whether [`Environment::scrub`] wants to see the start of the body.
    fn needs_body_start(&self, header: &[u8]) -> bool;
    /// The header block as it may leave. `header` comes with its blank line, if it has one.
    ///
    /// # Errors
    /// The code word of the refusal.
    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, RefusalCode>;
}

/// One step: forget so many bytes of either input, then do what `act` says.
pub struct Step {
    /// Octets of the client's input that are done with.
    pub client: usize,
    /// Octets of the relay's input that are done with.
    pub relay: usize,
    /// What to do.
    pub act: Act,
}

/// What the driver is to do. "Send" means [`Session::answers`] to the client and [`Session::commands`] to the relay.
pub enum Act {
    /// Call [`Session::step`] again.
    Again,
    /// Send both, step again.
    Send,
    /// Send both, wait for more bytes from this side, step again.
    Read(Side),
    /// Send the commands, then this many octets of the client's input as they are, and forget them.
    Forward(usize),
    /// Send the answers, drop the client's input, start TLS, call [`Session::tls_started`].
    StartTls,
    /// Find out whether this is right, call [`Session::judged`].
    Judge(Credential),
    /// Do this with the connection to the user's relay, tell [`Session::relay_is`] what came of it, step again.
    Relay(ConnAct),
    /// The relay refused the credential: count it, step again.
    Denied,
    /// Send both, close all.
    Close,
}

/// What is known about a credential.
pub enum Verdict {
    /// The backend accepted it.
    Accepted(Address),
    /// Wrong, or nobody we know: the same answer, and the same time is the driver's to care for.
    Denied,
    /// Too many tries from there; ends the session.
    Limited,
    /// Nobody can tell at the moment.
    Unknown(RefusalCode),
    /// The relay shall judge: it will be dialed.
    Relay(Address, Credential),
}

/// Both conversations of one client.
pub struct Session {
    pub(super) params: Arc<Params>,
    pub(super) protection: Protection,
    pub(super) state: State,
    pub(super) relay: Upstream,
    pub(super) answers: Vec<u8>,
    pub(super) tries: u8,
    pub(super) patience: u16,
    /// See [`Session::ended`].
    pub(super) ended: Option<bool>,
}

impl Step {
    pub(super) fn new(client: usize, act: Act) -> Step {
        Step { client, relay: 0, act }
    }
}

impl Session {
    /// A session that begins with the greeting.
    pub fn new(params: Arc<Params>, protection: Protection) -> Session {
        let answers = format!("220 {} ESMTP\r\n", params.hostname).into_bytes();
        let patience = params.limits.patience;
        let (state, relay) = (State::Hello, Upstream::new(Reuse::Never));
        Session { params, protection, state, relay, answers, tries: 0, patience, ended: None }
    }

    /// What is to be sent to the client, and forgets it here.
    pub fn answers(&mut self) -> Vec<u8> {
        mem::take(&mut self.answers)
    }

    /// What is to be sent to the relay, and forgets it here.
    pub fn commands(&mut self) -> Commands {
        self.relay.commands()
    }

    /// Octets that wait to be sent, for tests of the bounds.
    pub fn gathered(&self) -> usize {
        self.answers.len() + self.relay.gathered()
    }

    /// Whether a mail transaction is under way: not to be cut off if there is time, and to be watched for speed.
    pub fn in_transaction(&self) -> bool {
        match &self.state {
            State::Open(_, mail) => !matches!(mail, Mail::Idle | Mail::Broken),
            State::Swallow { .. } | State::LongLine { .. } => true,
            _ => false,
        }
    }

    /// Whether a message has come to its end since this was asked last, and whether the relay took it over.
    pub fn ended(&mut self) -> Option<bool> {
        self.ended.take()
    }

    /// Whether a login waits for its verdict.
    pub fn is_judging(&self) -> bool {
        matches!(self.state, State::Judging(_))
    }

    /// Whether somebody is logged in and nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Open(_, Mail::Idle))
    }

    /// Whether the next line from the client is a command.
    pub fn awaits_command(&self) -> bool {
        match &self.state {
            State::Hello | State::Stranger => true,
            State::Open(_, mail) => matches!(mail, Mail::Idle | Mail::Envelope(_) | Mail::Broken | Mail::Pause(_)),
            _ => false,
        }
    }

    /// What the relay can do, once it is open.
    pub fn relay_capabilities(&self) -> Option<Capabilities> {
        self.relay.capabilities()
    }

    /// Whose session it is.
    pub fn user(&self) -> Option<&Address> {
        let mut state = &self.state;
        while let State::Swallow { then, .. } | State::LongLine { then, .. } = state {
            state = then;
        }
        match state {
            State::Open(user, _) | State::Judging(Some(user)) => Some(&user.address),
            _ => None,
        }
    }

    /// Decides the next step. `client` and `relay` are all bytes that came and are not done with.
    pub fn step(&mut self, env: &dyn Environment, client: &[u8], relay: &[u8]) -> Step {
        if let Some(act) = self.relay.act() {
            return Step::new(0, Act::Relay(act));
        }
        if self.answers.len() > GATHERED {
            return Step::new(0, Act::Send);
        }
        match mem::replace(&mut self.state, State::Closed) {
            State::Closed => Step::new(0, Act::Close),
            State::Judging(None) => Step::new(0, Act::Close),
            State::Judging(Some(user)) => self.judge_by_relay(user, relay),
            State::Open(user, Mail::Asked(ask)) => self.asked(user, ask, relay),
            State::Open(user, Mail::Message(message)) => self.receive(env, user, message, client, relay),
            State::Swallow { rest, taken, answer, then } => self.swallow(rest, taken, answer, then, client),
            State::LongLine { taken, then } => self.long_line(taken, then, client),
            state => self.command(env, state, client, relay),
        }
    }

    /// TLS with the client is up. RFC 3207 4.2: all that was said before is forgotten.
    pub fn tls_started(&mut self) {
        self.protection = Protection::Secure;
        self.state = State::Hello;
    }

    /// The answer to [`Act::Judge`].
    pub fn judged(&mut self, verdict: Verdict) {
        let State::Judging(_) = mem::replace(&mut self.state, State::Stranger) else { return };
        match verdict {
            Verdict::Accepted(address) => self.logged_in(User { address, login: None }),
            Verdict::Relay(address, login) => self.state = State::Judging(Some(User { address, login: Some(login) })),
            Verdict::Denied => self.answers.extend(answer::refusal(RefusalCode::WrongPassword)),
            Verdict::Unknown(code) => self.answers.extend(answer::cannot_judge(code)),
            Verdict::Limited => self.close(RefusalCode::TooManyTries),
        }
    }

    pub(super) fn logged_in(&mut self, user: User) {
        self.answers.extend_from_slice(answer::LOGGED_IN);
        self.state = State::Open(user, Mail::Idle);
    }

    /// What came of [`Act::Relay`], or of the relay's connection at any time.
    pub fn relay_is(&mut self, done: Done) {
        match done {
            Done::Connected { starttls } => {
                let login = match &self.state {
                    State::Judging(Some(user)) | State::Open(user, _) => user.login.clone(),
                    _ => None,
                };
                // Where somebody logs in, the connection is theirs.
                let own = login.is_some();
                self.relay.connected(Opening::new(&self.params.hostname, starttls, login), own);
            }
            Done::Reused(capabilities) => {
                self.relay.reused(capabilities);
                self.begin_on_parked();
            }
            Done::Secured => self.relay.secured(),
            Done::Failed(fault) => {
                self.withhold();
                self.relay.failed();
                self.without_relay(fault);
            }
        }
    }

    /// The last words to a client that is at fault, too slow for instance, or that we cannot serve any longer.
    pub fn close(&mut self, code: RefusalCode) {
        self.answers.extend(answer::farewell(code));
        self.relay.leave(Manner::AtOnce);
        self.state = State::Closed;
    }

    /// Ends a message or a transaction that is refused: what is still to come of it is swallowed before `answer` is said.
    pub(super) fn refuse_rest(&mut self, rest: Option<Rest>, taken: u64, answer: Vec<u8>, then: State) {
        self.ended = Some(false);
        match rest {
            Some(rest) => self.state = State::Swallow { rest, taken, answer, then: Box::new(then) },
            None => {
                self.answers.extend(answer);
                self.state = then;
            }
        }
    }

    /// Whether the final dot is about to go out: if the relay is gone before, nothing was sent, and after it nobody can say.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Open(_, Mail::Asked(Ask::Final))) && self.relay.gathered() > 0
    }

    /// Before the relay is dropped: a final dot that has not left yet stays here, and so does the message.
    pub(super) fn withhold(&mut self) {
        if self.is_ending() {
            self.state = match mem::replace(&mut self.state, State::Closed) {
                State::Open(user, _) => State::Open(user, Mail::Asked(Ask::Withheld)),
                state => state,
            };
        }
    }

    pub(super) fn without_relay(&mut self, fault: Fault) {
        let answer = answer::refusal(fault.code());
        match mem::replace(&mut self.state, State::Closed) {
            State::Judging(_) => {
                self.answers.extend(answer::cannot_judge(fault.code()));
                self.state = State::Stranger;
            }
            State::Open(user, Mail::Asked(Ask::Mail { command, sent: true, fresh: false, utf8 })) => {
                // A connection that rested between two messages may have been closed by the relay: that is no failure yet.
                let again = Ask::Mail { command, sent: false, fresh: true, utf8 };
                self.state = State::Open(user, Mail::Asked(again));
            }
            State::Open(user, Mail::Asked(Ask::Data { message, ended, .. })) => {
                let rest = if ended { None } else { Some(message.rest()) };
                self.refuse_rest(rest, message.taken, answer, State::Open(user, Mail::Broken));
            }
            State::Open(user, Mail::Message(message)) => {
                self.refuse_rest(Some(message.rest()), message.taken, answer, State::Open(user, Mail::Broken));
            }
            State::Open(user, Mail::Asked(Ask::Final)) => {
                self.ended = Some(false);
                // The relay may have it all, and may send it. Who hears that nothing was sent sends it twice.
                self.answers.extend(answer::refusal(RefusalCode::SentOrNot));
                self.state = State::Open(user, Mail::Idle);
            }
            State::Open(user, Mail::Asked(Ask::Withheld)) => {
                self.ended = Some(false);
                self.answers.extend(answer);
                self.state = State::Open(user, Mail::Idle);
            }
            State::Open(user, Mail::Asked(_)) => {
                self.answers.extend(answer);
                self.state = State::Open(user, Mail::Broken);
            }
            State::Open(user, Mail::Envelope(_) | Mail::Pause(_)) => self.state = State::Open(user, Mail::Broken),
            state => self.state = state,
        }
    }

    /// Takes `cost` off the patience; at its end the session is closed.
    pub(super) fn try_patience(&mut self, cost: u16) {
        self.patience = self.patience.saturating_sub(cost);
        if self.patience == 0 {
            self.close(RefusalCode::TooManyTries);
        }
    }
}
