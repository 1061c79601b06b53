//! The end of a session whose mailbox others have just changed: the client is let go, and the connection to the backend stays for a
//! moment, so that somebody can count when all is quiet. `docs/quota.md` says why; only beside pushes, and one session of each mailbox.

use super::command::Head;
use super::phase::{Peers, Phase};
use super::reply;
use super::session::Session;
use crate::quota::Stay;

/// Looks before it is counted whatever goes on: what is always busy has others who count.
const LOOKS: u8 = 16;

/// A session that stays behind.
pub(super) struct Staying {
    place: Stay,
    looks: u8,
    /// Its client has heard the answer to LOGOUT.
    answered: bool,
}

impl Session {
    /// LOGOUT is answered here, if the session stays behind.
    pub(super) fn stay_behind(&mut self, head: &Head<'_>) -> Option<Vec<u8>> {
        let quiet = self.at_rest() && matches!(self.phase, Phase::Command) && self.peers == Peers::Both;
        if !quiet || !head.arguments.is_empty() || !self.stay(true) {
            return None;
        }
        self.peers = Peers::BackendOnly;
        Some([b"* BYE Goodbye\r\n", &reply::ok(head.tag, "LOGOUT done")[..]].concat())
    }

    /// Takes the place behind all others, if it is free and needed. False: it has none.
    pub(super) fn stay(&mut self, answered: bool) -> bool {
        if self.staying.is_none() && self.may_count() {
            let place = self.gate.account().and_then(|account| account.stay());
            self.staying = place.map(|place| Box::new(Staying { place, looks: LOOKS, answered }));
        }
        self.staying.is_some()
    }

    /// Whether the client has heard the answer to its LOGOUT from us, and nothing of it counts any more.
    pub fn has_said_goodbye(&self) -> bool {
        self.staying.as_ref().is_some_and(|staying| staying.answered)
    }

    /// Whether the session waits behind all others for a quiet moment: see [`Session::look_around`].
    pub fn stays(&self) -> bool {
        self.staying.is_some()
    }

    /// To be called every few hundred milliseconds as long as the session stays. Then it counts, if that is still wanted.
    pub fn look_around(&mut self) {
        let Some(staying) = &mut self.staying else { return };
        staying.looks = staying.looks.saturating_sub(1);
        if staying.looks > 0 && staying.place.is_restless() {
            return;
        }
        self.stay_no_longer();
        if self.gate.account().is_some_and(|account| !account.is_seen()) {
            self.gate.now();
        }
    }

    /// The session goes, whatever happens.
    pub fn stay_no_longer(&mut self) {
        self.staying = None;
    }
}
