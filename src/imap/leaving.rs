//! The end of a session whose connection to the backend goes on: it may serve another one, or the session stays behind to count.
//! LOGOUT is answered here then, and the backend is not told.

use super::command::CommandHead;
use super::peers::Peers;
use super::reply;
use super::reuse::{Leaves, ReuseTracker, Selection};
use super::session::{ClientPhase, ImapSession};
use super::staying::{Staying, StayingStep};
use super::tag::Tag;
use crate::quota::WhoStays;

impl ImapSession {
    /// The same session on a backend's connection that is checked out, and may serve another session later: what it does is followed.
    pub fn checked_out(mut self) -> ImapSession {
        self.reuse = Some(Box::default());
        self
    }

    /// Whether the client has said LOGOUT, and it is for us to answer: see [`ImapSession::goodbye`].
    pub fn has_left(&self) -> bool {
        self.reuse.as_ref().is_some_and(|reuse| reuse.left.is_some())
    }

    /// The answer to LOGOUT that the client waits for, if it said so and the backend was not told.
    pub fn goodbye(&self) -> Option<Vec<u8>> {
        let tag = self.reuse.as_ref()?.left.as_ref()?;
        Some(goodbye(tag))
    }

    /// What is left behind on the backend's connection. `None`: it must be given up. A client that ended without LOGOUT leaves a
    /// usable connection only if nothing was selected.
    pub fn leaves(&self) -> Option<Leaves> {
        let reuse = self.reuse.as_ref().filter(|_| self.is_quiet())?;
        match reuse.selected {
            Selection::No => Some(Leaves::Nothing),
            Selection::Yes if reuse.left.is_some() => Some(Leaves::Selected),
            _ => None,
        }
    }

    fn is_quiet(&self) -> bool {
        let spoilt = self.reuse.as_ref().is_none_or(|reuse| reuse.spoilt);
        let between = matches!(self.phase, ClientPhase::Command) && self.tags.is_empty() && self.backend.at_start();
        between && !spoilt && self.peers != Peers::Bye
    }

    /// Takes LOGOUT over from the backend, if the connection can go on without this client.
    pub(super) fn leave(&mut self, head: &CommandHead<'_>) -> bool {
        let known = |reuse: &ReuseTracker| matches!(reuse.selected, Selection::No | Selection::Yes);
        let stays = self.is_quiet() && head.arguments.is_empty() && self.reuse.as_ref().is_some_and(|reuse| known(reuse));
        if let Some(reuse) = self.reuse.as_mut().filter(|_| stays) {
            reuse.left = Some(head.tag.kept());
        }
        stays
    }
}

impl ImapSession {
    /// LOGOUT is answered here, if the session stays behind.
    pub(super) fn stay_behind(&mut self, head: &CommandHead<'_>) -> Option<Vec<u8>> {
        let quiet = self.at_rest() && matches!(self.phase, ClientPhase::Command) && self.peers == Peers::Both;
        if !quiet || !head.arguments.is_empty() || !self.stay(true) {
            return None;
        }
        self.peers = Peers::BackendOnly;
        Some(goodbye(&head.tag))
    }

    /// Takes the place behind all others, if it is free and needed. False: it has none.
    pub(super) fn stay(&mut self, answered: bool) -> bool {
        let may = self.staying.is_none() && self.may_count();
        let Some(account) = self.gate.account().filter(|_| may) else { return self.staying.is_some() };
        let pushed = account.is_pushed();
        // Where nobody pushes others rely on it: it must be able to count now.
        let ready = matches!(self.phase, ClientPhase::Command) && self.tags.is_empty();
        if pushed || ready && self.gate.asks_at_end() {
            match account.stay() {
                Some(WhoStays::This(place)) => self.staying = Some(Staying::new(place, pushed, answered)),
                Some(WhoStays::Another) => self.gate.leave_to_the_other(),
                None => {}
            }
        }
        self.staying.is_some()
    }

    /// Whether the client has heard the answer to its LOGOUT from us, and nothing of it counts any more.
    pub fn has_said_goodbye(&self) -> bool {
        self.staying.as_ref().is_some_and(|staying| staying.answered)
    }

    /// Whether the session waits behind all others for a quiet moment: see [`ImapSession::look_around`].
    pub fn stays(&self) -> bool {
        self.staying.is_some()
    }

    /// To be called every few hundred milliseconds as long as the session stays. Then it counts, if that is still wanted.
    pub fn look_around(&mut self) {
        let (rests, well) = (self.at_rest(), self.gate.counted_well());
        let Some(staying) = &mut self.staying else { return };
        match staying.look(rests, well) {
            StayingStep::Wait => {}
            StayingStep::Count => self.gate.now(),
            StayingStep::Go => {
                self.stay_no_longer();
                if self.gate.account().is_some_and(|account| !account.is_seen()) {
                    self.gate.now();
                }
            }
            StayingStep::GiveUp => {
                self.stay_no_longer();
                self.gate.leave_to_others();
            }
        }
    }

    /// The session goes, whatever happens.
    pub fn stay_no_longer(&mut self) {
        self.staying = None;
    }
}

/// The answer to LOGOUT (RFC 9051 6.1.3).
fn goodbye(tag: &Tag<'_>) -> Vec<u8> {
    [b"* BYE Goodbye\r\n", &reply::ok(tag, "LOGOUT done")[..]].concat()
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::super::ImapStep;
    use super::super::alone::AlicePlay;
    use crate::quota::{Day, Told};

    #[test]
    fn whoever_stays_counts_also_behind_a_logout() {
        for says_logout in [true, false] {
            let mut play = AlicePlay::new();
            let _others = [play.alice.watch(), play.alice.watch()];
            assert!(matches!(play.client("a1 EXPUNGE\r\n"), ImapStep::Forward(_)));
            play.backend("* 1 EXPUNGE\r\na1 OK\r\n");
            if says_logout {
                assert!(matches!(play.client("a2 LOGOUT\r\n"), ImapStep::Answer(..)));
            } else {
                play.session.client_left();
            }
            assert!(play.session.stays() && !play.seen() && !play.session.is_settled());
            play.session.look_around();
            assert!(!play.counts(), "others may leave with it");
            play.session.look_around();
            assert!(play.counts() && play.seen() && play.session.stays(), "{says_logout}");
            let _ = play.client("");
            play.session.look_around();
            assert!(!play.session.stays() && play.session.is_settled() && play.seen());
        }
    }

    /// Who cannot count now is no one to rely on.
    #[test]
    fn a_session_that_is_cut_in_idle_or_amid_a_command_does_not_stay() {
        for (command, answer) in [("a2 IDLE\r\n", "+ idling\r\n"), ("a2 NOOP\r\n", "* 3 EXISTS\r\n")] {
            let mut play = AlicePlay::new();
            let _others = [play.alice.watch(), play.alice.watch()];
            let _ = play.client(command);
            play.backend(answer);
            play.backend("* 1 EXPUNGE\r\n");
            play.session.client_left();
            assert!(!play.session.stays(), "{command}");
        }
    }

    /// Cut amid a command it goes without a count; silent amid one it has none for as long as that lasts.
    #[test]
    fn who_cannot_count_leaves_it_to_others() {
        for cut in [false, true] {
            let mut play = AlicePlay::new();
            let other = play.alice.watch().unwrap();
            let told = || other.poll(&mut Context::from_waker(Waker::noop()), Day::from_unix(0));
            let _ = play.client("a1 EXPUNGE\r\n");
            play.backend("a1 OK\r\n");
            let _ = play.client("a2 APPEND INBOX {10}\r\n");
            play.backend("+ go\r\n");
            assert!(told().is_pending() && !play.session.wants_rest());
            if cut {
                play.session.client_left();
                assert!(play.session.is_stuck() && play.session.is_settled());
                drop(play.session);
            } else {
                play.session.pause();
            }
            assert_eq!(told(), Poll::Ready(Told::Recount), "{cut}");
        }
    }

    #[test]
    fn alone_it_counts_at_once() {
        let mut play = AlicePlay::new();
        let _own = play.alice.watch();
        let _ = play.client("a1 EXPUNGE\r\n");
        play.backend("a1 OK\r\n");
        assert!(matches!(play.client("a2 LOGOUT\r\n"), ImapStep::Rewrite(_, line) if line.starts_with(b"nologd LIST")));
    }
}
