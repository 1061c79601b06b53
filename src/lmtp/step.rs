//! The next step: what the session is in decides which part looks at what came.

use std::mem;

use super::backend::{BackendConn, Slot};
use super::environment::LmtpEnvironment;
use super::session::{LmtpAct, LmtpSession, LmtpStep};
use super::state::LmtpState;
use crate::smtp::upstream::Manner;

/// Octets of answers that are gathered for pipelined commands before they are sent.
const GATHERED: usize = 16 * 1024;

impl LmtpSession {
    /// Decides the next step. `client` are all bytes of the client that are not done with; `backend` those of the backend that
    /// [`LmtpSession::asks`] names.
    pub fn step(&mut self, env: &dyn LmtpEnvironment, client: &[u8], backend: &[u8]) -> LmtpStep {
        let acts = |(slot, backend): (usize, &mut BackendConn)| backend.upstream.act().map(|act| (Slot(slot), act));
        if let Some((slot, act)) = self.backends.iter_mut().enumerate().find_map(acts) {
            return LmtpStep::new(0, LmtpAct::Backend(slot, act));
        }
        if self.answers.len() > GATHERED {
            return LmtpStep::new(0, LmtpAct::Send);
        }
        match mem::replace(&mut self.state, LmtpState::Closed) {
            LmtpState::Closed => self.close_backends(),
            LmtpState::Asked(transaction, candidate) => self.asked(env, transaction, candidate, backend),
            LmtpState::Data(transaction, slot) => self.data(transaction, slot, backend),
            LmtpState::Message(transaction, dotted) => self.message(env, transaction, dotted, client),
            LmtpState::Verdicts(transaction, next) => self.verdicts(transaction, next, backend),
            LmtpState::Swallow(transaction, rest) => self.swallow(transaction, rest, client),
            state => self.command(env, state, client),
        }
    }

    fn close_backends(&mut self) -> LmtpStep {
        match self.backends.iter_mut().find(|backend| !backend.upstream.is_away()) {
            // A backend with half a message must not hear another word.
            Some(backend) => {
                backend.leave(if backend.in_transaction { Manner::AtOnce } else { Manner::WithQuit });
                LmtpStep::new(0, LmtpAct::Again)
            }
            None => LmtpStep::new(0, LmtpAct::Close),
        }
    }
}
