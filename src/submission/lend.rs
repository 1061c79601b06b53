//! Connections to the relay that outlive a session, for a webmail: when one is clean enough to rest, and how the next session
//! begins on it.

use super::session::Session;
use super::state::{Ask, Lend, Mail, Relay, State};
use crate::smtp::client::Capabilities;

impl Session {
    /// The same session among others that share connections to relays: [`Act::Rest`](super::Act::Rest) and
    /// [`Session::reused`].
    pub fn lending(mut self) -> Session {
        self.lend = Lend::Spoilt;
        self
    }

    /// Lets the relay go, if nothing is under way with it: its connections are few.
    pub fn rest(&mut self) {
        match self.state {
            State::Open(_, Mail::Idle) => self.part(),
            State::Open(_, Mail::Broken) => self.leave(true),
            _ => {}
        }
    }

    /// The same when nothing is under way: the connection rests, or closes.
    pub(super) fn part(&mut self) {
        match self.relay {
            Relay::Ready(capabilities) if self.lend == Lend::Clean => {
                self.relay = Relay::Away;
                self.resting = Some(capabilities);
            }
            _ => self.leave(true),
        }
    }

    /// In the place of [`Session::dialed`]: a connection that another session has put to rest. The relay may have closed it
    /// meanwhile; then [`Act::Dial`](super::Act::Dial) comes again, and wants a new one.
    pub fn reused(&mut self, capabilities: Capabilities) {
        self.lend = Lend::Clean;
        self.relay = Relay::Ready(capabilities);
        if let State::Open(_, Mail::Asked(Ask::Mail { fresh, .. })) = &mut self.state {
            *fresh = false;
        }
    }

    /// Whether the relay's answer will show if a connection that rested is still alive. It need not be waited for long.
    pub fn is_waking(&self) -> bool {
        matches!(&self.state, State::Open(_, Mail::Asked(Ask::Mail { sent: true, fresh: false, .. })))
    }
}
