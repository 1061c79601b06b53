//! Connections to the relay that outlive a session: each goes back with the message that was sent on it, and the next message, of whoever,
//! begins on it.

use super::session::SubmissionSession;
use super::state::{Ask, Mail, SubmissionState, User};
use crate::smtp::upstream::{Manner, Reuse, Upstream};

impl SubmissionSession {
    /// The same session among others that share connections to relays.
    pub fn parking(mut self) -> SubmissionSession {
        self.relay = Upstream::new(Reuse::Dirty);
        self
    }

    /// Lets the relay go, if nothing is under way with it: its connections are few.
    pub fn release_relay(&mut self) {
        if let SubmissionState::Open(_, Mail::Idle | Mail::Broken) = self.state {
            self.relay.leave(Manner::WithQuit);
        }
    }

    /// What goes out on a connection that was parked may find it closed: then a new one is wanted.
    pub(super) fn begin_on_parked(&mut self) {
        if let SubmissionState::Open(_, Mail::Asked(Ask::Mail { fresh, .. })) = &mut self.state {
            *fresh = false;
        }
    }

    /// MAIL was refused on a connection that had been parked. Some relays take so many messages on each, and say so here: one that is new
    /// is asked, and its word is the one that is told.
    pub(super) fn ask_afresh(&mut self, user: User, command: Vec<u8>, utf8: bool) {
        self.relay.leave(Manner::WithQuit);
        self.state = SubmissionState::Open(user, Mail::Asked(Ask::Mail { command, sent: false, fresh: true, utf8 }));
    }

    /// Whether the relay's reply will show if a connection that was parked is still alive. It need not be waited for long.
    pub fn is_waking(&self) -> bool {
        matches!(&self.state, SubmissionState::Open(_, Mail::Asked(Ask::Mail { sent: true, fresh: false, .. })))
    }
}
