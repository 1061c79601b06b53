//! The session: what is known of both sides, and what each part says and does to them. The next step is found in `step`.

use std::mem;
use std::sync::Arc;

use super::environment::{CredentialVerdict, SubmissionParams};
use super::state::{Mail, Rest, SubmissionState, User};
use crate::fault::{RefusalCode, Side};
use crate::private::{Address, Credential};
use crate::smtp::answer;
use crate::smtp::client::Capabilities;
use crate::smtp::upstream::{Commands, ConnAct, Manner, Reuse, Upstream};
use crate::wire::protection::Protection;

/// What a command that cannot be read costs of the patience, and what one costs that leads nowhere.
pub(super) const BAD: u16 = 10;
pub(super) const IDLE: u16 = 1;

/// One step: forget so many bytes of either input, then do what `act` says.
pub struct SubmissionStep {
    /// Octets of the client's input that are done with.
    pub client: usize,
    /// Octets of the relay's input that are done with.
    pub relay: usize,
    /// What to do.
    pub act: SubmissionAct,
}

/// What the driver is to do. "Send" means [`SubmissionSession::answers`] to the client and [`SubmissionSession::commands`] to the relay.
pub enum SubmissionAct {
    /// Call [`SubmissionSession::step`] again.
    Again,
    /// Send both, step again.
    Send,
    /// Send both, wait for more bytes from this side, step again.
    Read(Side),
    /// Send the commands, then this many octets of the client's input as they are, and forget them.
    Forward(usize),
    /// Send the answers, drop the client's input, start TLS, call [`SubmissionSession::tls_started`].
    StartTls,
    /// Find out whether this is right, call [`SubmissionSession::judged`].
    Judge(Credential),
    /// Find out whether the user may send one message to so many recipients, call [`SubmissionSession::counted`].
    Count(usize),
    /// Do this with the connection to the user's relay, tell [`SubmissionSession::relay_is`] what came of it, step again.
    Relay(ConnAct),
    /// The relay refused the credential: count it, step again.
    Denied,
    /// Send both, close all.
    Close,
}

/// Both conversations of one client.
pub struct SubmissionSession {
    pub(super) params: Arc<SubmissionParams>,
    pub(super) protection: Protection,
    pub(super) state: SubmissionState,
    pub(super) relay: Upstream,
    pub(super) answers: Vec<u8>,
    pub(super) tries: u8,
    pub(super) patience: u16,
    /// See [`SubmissionSession::ended`].
    pub(super) ended: Option<bool>,
}

impl SubmissionStep {
    pub(super) fn new(client: usize, act: SubmissionAct) -> SubmissionStep {
        SubmissionStep { client, relay: 0, act }
    }
}

impl SubmissionSession {
    /// A session that begins with the greeting.
    pub fn new(params: Arc<SubmissionParams>, protection: Protection) -> SubmissionSession {
        let answers = format!("220 {} ESMTP\r\n", params.hostname).into_bytes();
        let patience = params.limits.patience;
        let (state, relay) = (SubmissionState::Hello, Upstream::new(Reuse::Never));
        SubmissionSession { params, protection, state, relay, answers, tries: 0, patience, ended: None }
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
            SubmissionState::Open(_, mail) => !matches!(mail, Mail::Idle | Mail::Broken),
            SubmissionState::Swallow { .. } | SubmissionState::LongLine { .. } => true,
            _ => false,
        }
    }

    /// Whether a message has come to its end since this was asked last, and whether the relay took it over.
    pub fn ended(&mut self) -> Option<bool> {
        self.ended.take()
    }

    /// Whether a login waits for its verdict.
    pub fn is_judging(&self) -> bool {
        matches!(self.state, SubmissionState::Judging(_))
    }

    /// Whether somebody is logged in and nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.state, SubmissionState::Open(_, Mail::Idle))
    }

    /// Whether somebody is logged in, no message is coming in, and no answer of the relay's is awaited.
    pub fn is_between_messages(&self) -> bool {
        matches!(self.state, SubmissionState::Open(_, Mail::Idle | Mail::Broken | Mail::Envelope(_)))
    }

    /// Whether the next line from the client is a command.
    pub fn awaits_command(&self) -> bool {
        match &self.state {
            SubmissionState::Hello | SubmissionState::Stranger => true,
            SubmissionState::Open(_, mail) => matches!(mail, Mail::Idle | Mail::Envelope(_) | Mail::Broken | Mail::Pause(_)),
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
        while let SubmissionState::Swallow { then, .. } | SubmissionState::LongLine { then, .. } = state {
            state = then;
        }
        match state {
            SubmissionState::Open(user, _) | SubmissionState::Judging(Some(user)) => Some(&user.address),
            _ => None,
        }
    }

    /// What the relay is to judge, where it does.
    pub(super) fn login(&self) -> Option<&Credential> {
        match &self.state {
            SubmissionState::Judging(Some(user)) | SubmissionState::Open(user, _) => user.login.as_ref(),
            _ => None,
        }
    }

    /// TLS with the client is up. RFC 3207 4.2: all that was said before is forgotten.
    pub fn tls_started(&mut self) {
        self.protection = Protection::Secure;
        self.state = SubmissionState::Hello;
    }

    /// The answer to [`SubmissionAct::Judge`].
    pub fn judged(&mut self, verdict: CredentialVerdict) {
        let SubmissionState::Judging(_) = mem::replace(&mut self.state, SubmissionState::Stranger) else { return };
        match verdict {
            CredentialVerdict::Accepted(address) => self.logged_in(User { address, login: None }),
            CredentialVerdict::Relay(address, login) => {
                self.state = SubmissionState::Judging(Some(User { address, login: Some(login) }))
            }
            CredentialVerdict::Denied => self.answers.extend(answer::refusal(RefusalCode::WrongPassword)),
            CredentialVerdict::Unknown(code) => self.answers.extend(answer::cannot_judge(code)),
            CredentialVerdict::Limited => self.close(RefusalCode::TooManyTries),
        }
    }

    pub(super) fn logged_in(&mut self, user: User) {
        self.answers.extend_from_slice(answer::LOGGED_IN);
        self.state = SubmissionState::Open(user, Mail::Idle);
    }

    /// The last words to a client that is at fault, too slow for instance, or that we cannot serve any longer.
    pub fn close(&mut self, code: RefusalCode) {
        self.answers.extend(answer::farewell(code));
        self.relay.leave(Manner::AtOnce);
        self.state = SubmissionState::Closed;
    }

    /// Ends a message or a transaction that is refused: what is still to come of it is swallowed before `answer` is said.
    pub(super) fn refuse_rest(&mut self, rest: Option<Rest>, taken: u64, answer: Vec<u8>, then: SubmissionState) {
        self.ended = Some(false);
        match rest {
            Some(rest) => self.state = SubmissionState::Swallow { rest, taken, answer, then: Box::new(then) },
            None => {
                self.answers.extend(answer);
                self.state = then;
            }
        }
    }

    /// Takes `cost` off the patience; at its end the session is closed.
    pub(super) fn try_patience(&mut self, cost: u16) {
        self.patience = self.patience.saturating_sub(cost);
        if self.patience == 0 {
            self.close(RefusalCode::TooManyTries);
        }
    }

    pub(super) fn bad(&mut self, answer: Vec<u8>) {
        self.answers.extend(answer);
        self.try_patience(BAD);
    }

    /// The relay forgets a transaction with the connection; only one that rests is worth keeping.
    pub(super) fn forget(&mut self, mail: &Mail) {
        match mail {
            Mail::Idle | Mail::Broken => {}
            Mail::Pause(message) => self.relay.leave(message.manner()),
            _ => self.relay.leave(Manner::WithQuit),
        }
    }
}
