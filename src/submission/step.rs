//! The next step: what the session is in decides which part looks at what came.

use std::mem;

use super::environment::SubmissionEnvironment;
use super::session::{SubmissionAct, SubmissionSession, SubmissionStep};
use super::state::{Mail, SubmissionState};
use crate::fault::Fault;
use crate::smtp::client::Opening;
use crate::smtp::upstream::Done;

/// Octets of answers that are gathered for pipelined commands before they are sent.
const GATHERED: usize = 16 * 1024;

impl SubmissionSession {
    /// Decides the next step. `client` and `relay` are all bytes that came and are not done with.
    pub fn step(&mut self, env: &dyn SubmissionEnvironment, client: &[u8], relay: &[u8]) -> SubmissionStep {
        if let Some(act) = self.relay.act() {
            return SubmissionStep::new(0, SubmissionAct::Relay(act));
        }
        if self.answers.len() > GATHERED {
            return SubmissionStep::new(0, SubmissionAct::Send);
        }
        match mem::replace(&mut self.state, SubmissionState::Closed) {
            SubmissionState::Closed => SubmissionStep::new(0, SubmissionAct::Close),
            SubmissionState::Judging(None) => SubmissionStep::new(0, SubmissionAct::Close),
            SubmissionState::Judging(Some(user)) => self.judge_by_relay(user, relay),
            SubmissionState::Open(user, Mail::Counting(envelope, chunk)) => {
                self.state = SubmissionState::Open(user, Mail::Counting(envelope, chunk));
                SubmissionStep::new(0, SubmissionAct::Count(envelope.accepted))
            }
            SubmissionState::Open(user, Mail::Asked(ask)) => self.asked(user, ask, relay),
            SubmissionState::Open(user, Mail::Message(message)) => self.receive(env, user, message, client, relay),
            SubmissionState::Swallow { rest, taken, answer, then } => self.swallow(rest, taken, answer, then, client),
            SubmissionState::LongLine { taken, then } => self.long_line(taken, then, client),
            state => self.command(env, state, client, relay),
        }
    }

    /// What came of [`SubmissionAct::Relay`], or of the relay's connection at any time.
    pub fn relay_is(&mut self, done: Done) {
        match done {
            Done::Connected { starttls } => {
                let login = self.login().cloned();
                // Where somebody logs in, the connection is theirs.
                let own = login.is_some();
                self.relay.connected(Opening::new(&self.params.hostname, starttls, login), own);
            }
            Done::Reused(capabilities) => {
                self.relay.reused(capabilities);
                match self.login() {
                    None => self.begin_on_parked(),
                    // It says nothing of the password that the relay is to judge.
                    Some(_) => self.drop_relay(Fault::Down),
                }
            }
            Done::Secured => self.relay.secured(),
            Done::Failed(fault) => {
                self.withhold();
                self.relay.failed();
                self.without_relay(fault);
            }
        }
    }
}
