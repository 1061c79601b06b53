//! The end of a session on a connection that may serve another one: LOGOUT is answered here, and the backend is not told.

use super::command::Head;
use super::phase::{Peers, Phase};
use super::reply;
use super::reuse::{Leaves, ReuseTracker, Selected};
use super::session::Session;

impl Session {
    /// The same session on a backend's connection that is leased, and may serve another session later: what it does is followed.
    pub fn leased(mut self) -> Session {
        self.reuse = Some(Box::default());
        self
    }

    /// Whether the client has said LOGOUT, and it is for us to answer: see [`Session::goodbye`].
    pub fn has_left(&self) -> bool {
        self.reuse.as_ref().is_some_and(|reuse| reuse.left.is_some())
    }

    /// The answer to LOGOUT that the client waits for, if it said so and the backend was not told.
    pub fn goodbye(&self) -> Option<Vec<u8>> {
        let tag = self.reuse.as_ref()?.left.as_ref()?;
        Some([b"* BYE Goodbye\r\n", &reply::ok(tag, "LOGOUT done")[..]].concat())
    }

    /// What is left behind on the backend's connection. `None`: it must be given up. A client that ended without LOGOUT leaves a
    /// usable connection only if nothing was selected.
    pub fn leaves(&self) -> Option<Leaves> {
        let reuse = self.reuse.as_ref().filter(|_| self.is_quiet())?;
        match reuse.selected {
            Selected::No => Some(Leaves::Nothing),
            Selected::Yes if reuse.left.is_some() => Some(Leaves::Selected),
            _ => None,
        }
    }

    fn is_quiet(&self) -> bool {
        let spoilt = self.reuse.as_ref().is_none_or(|reuse| reuse.spoilt);
        let between = matches!(self.phase, Phase::Command) && self.tags.is_empty() && self.backend.at_start();
        between && !spoilt && self.peers != Peers::Bye
    }

    /// Takes LOGOUT over from the backend, if the connection can go on without this client.
    pub(super) fn leave(&mut self, head: &Head<'_>) -> bool {
        let known = |reuse: &ReuseTracker| matches!(reuse.selected, Selected::No | Selected::Yes);
        let stays = self.is_quiet() && head.arguments.is_empty() && self.reuse.as_ref().is_some_and(|reuse| known(reuse));
        if let Some(reuse) = self.reuse.as_mut().filter(|_| stays) {
            reuse.left = Some(head.tag.into());
        }
        stays
    }
}
