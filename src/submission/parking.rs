//! Connections to the relay that outlive a session, for a webmail: when one is clean enough to be parked, and how the next session
//! begins on it.

use super::session::SubmissionSession;
use super::state::{Ask, Mail, SubmissionState};
use crate::smtp::upstream::{Manner, Reuse, Upstream};

impl SubmissionSession {
    /// The same session among others that share connections to relays.
    pub fn parking(mut self) -> SubmissionSession {
        self.relay = Upstream::new(Reuse::Dirty);
        self
    }

    /// Lets the relay go, if nothing is under way with it: its connections are few.
    pub fn release_relay(&mut self) {
        match self.state {
            SubmissionState::Open(_, Mail::Idle) => self.relay.part(),
            SubmissionState::Open(_, Mail::Broken) => self.relay.leave(Manner::WithQuit),
            _ => {}
        }
    }

    /// What goes out on a connection that was parked may find it closed: then a new one is wanted.
    pub(super) fn begin_on_parked(&mut self) {
        if let SubmissionState::Open(_, Mail::Asked(Ask::Mail { fresh, .. })) = &mut self.state {
            *fresh = false;
        }
    }

    /// Whether the relay's reply will show if a connection that was parked is still alive. It need not be waited for long.
    pub fn is_waking(&self) -> bool {
        matches!(&self.state, SubmissionState::Open(_, Mail::Asked(Ask::Mail { sent: true, fresh: false, .. })))
    }
}
