//! IDLE (RFC 2177). While it goes on the backend can be asked nothing, and a client may stay in it for half an hour. So where a count is due we end it at
//! the backend, count, and begin it anew. The client hears nothing of that: what it waits for may come at any time, and its DONE waits for the new one.

use super::ImapStep;
use super::command::CommandHead;
use super::peers::Peers;
use super::reply;
use super::session::{ClientPhase, ImapSession, Pending, WaitingCommand};
use super::status::Status;
use super::tag::Tag;
use super::verbs;
use crate::fault::RefusalCode;

/// IDLE, which goes to the backend when what was due is counted.
struct BeginIdle {
    tag: Tag<'static>,
    line: Vec<u8>,
    /// The client is in it already.
    again: bool,
}

impl WaitingCommand for BeginIdle {
    // What is due by now is counted when the session rests.
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.begin_idle(&self.tag, &self.line, taken, self.again)
    }
}

impl ImapSession {
    /// The client says IDLE.
    pub(super) fn idle(&mut self, line: &[u8], taken: usize, head: &CommandHead<'_>) -> ImapStep {
        self.gate.rest();
        if self.gate.asks_now() && self.may_count() {
            let begin = BeginIdle { tag: head.tag.kept(), line: line.to_vec(), again: false };
            return self.count(Pending::Judged(Box::new(begin)), taken);
        }
        self.begin_idle(&head.tag, line, taken, false)
    }

    fn begin_idle(&mut self, tag: &Tag<'_>, line: &[u8], taken: usize, again: bool) -> ImapStep {
        let step = self.pass_first(line, taken, None, (tag, verbs::row(b"IDLE")));
        self.phase = ClientPhase::AwaitIdle { tag: tag.kept(), ours: again };
        step
    }

    /// A count is due: the backend ends the IDLE.
    pub(super) fn interrupt(&mut self, tag: Tag<'static>) -> ImapStep {
        self.phase = ClientPhase::Interrupted { tag };
        ImapStep::Rewrite(0, b"DONE\r\n".to_vec())
    }

    /// It has ended the IDLE that we interrupted. False: it says something that the client is to hear, and the IDLE is over.
    pub(super) fn interrupted(&mut self, tag: Tag<'static>, status: Status) -> bool {
        let goes_on = status == Status::Ok;
        if goes_on && self.peers == Peers::Both {
            let line = [tag.octets(), b" IDLE\r\n"].concat();
            self.phase = ClientPhase::Ready(Pending::Judged(Box::new(BeginIdle { tag, line, again: true })));
        }
        goes_on
    }

    /// A line of the client while it idles.
    pub(super) fn done(&mut self, tag: Tag<'static>, line: &[u8]) -> ImapStep {
        if line.eq_ignore_ascii_case(b"DONE\r\n") {
            return ImapStep::Forward(line.len());
        }
        // Still idling: the backend has not seen this line.
        self.phase = ClientPhase::Idle { tag };
        ImapStep::Answer(line.len(), reply::bad_untagged(RefusalCode::Syntax))
    }
}

#[cfg(test)]
mod tests {
    use super::super::alone::AlicePlay;
    use super::super::space::Account;
    use super::*;
    use crate::quota::Amount;

    /// Idling, and told of a deletion.
    fn told() -> AlicePlay {
        let mut play = AlicePlay::new();
        assert!(matches!(play.client("a1 IDLE\r\n"), ImapStep::Forward(_)));
        assert_eq!(play.backend("+ idling\r\n* 1 EXPUNGE\r\n"), "+ idling\r\n* 1 EXPUNGE\r\n");
        assert!(!play.seen() && play.client("") == ImapStep::Need, "it rests first");
        play
    }

    fn says(line: &str) -> ImapStep {
        ImapStep::Rewrite(0, line.as_bytes().to_vec())
    }

    #[test]
    fn what_is_due_is_counted_in_between_and_the_client_hears_nothing() {
        let mut play = told();
        play.session.rest();
        assert_eq!(play.client(""), says("DONE\r\n"));
        // What the client says meanwhile waits.
        assert_eq!((play.client("DONE\r\n"), play.backend("a1 OK done\r\n")), (ImapStep::Hold, String::new()));
        assert!(play.counts() && play.seen());
        assert_eq!(play.client("DONE\r\n"), says("a1 IDLE\r\n"));
        assert_eq!((play.client("DONE\r\n"), play.backend("+ idling\r\n")), (ImapStep::Hold, String::new()));
        assert_eq!(play.client("DONE\r\n"), ImapStep::Forward(6));
        assert_eq!(play.backend("a1 OK done\r\n"), "a1 OK done\r\n");
        play.session.rest();
        assert_eq!(play.client(""), ImapStep::Need);
    }

    /// Of several that idle one counts; who asked for nothing is not interrupted.
    #[test]
    fn it_is_not_interrupted_when_another_session_counts() {
        let mut play = told();
        assert!(play.alice.takes_count());
        play.session.rest();
        assert_eq!(play.client(""), ImapStep::Need);
        let _ = play.alice.begin_refresh().map(|refresh| play.alice.finish_refresh(refresh, Amount::ZERO));
        play.session.rest();
        assert!(play.seen() && play.client("") == ImapStep::Need);
    }

    #[test]
    fn whoever_is_cut_in_it_counts_before_it_goes() {
        for interrupted in [false, true] {
            let mut play = told();
            if interrupted {
                play.session.rest();
                assert_eq!(play.client(""), says("DONE\r\n"));
                play.session.client_left();
            } else {
                play.session.client_left();
                assert_eq!(play.client(""), says("DONE\r\n"));
            }
            assert!(!play.session.is_settled());
            let _ = play.backend("a1 OK done\r\n");
            assert!(play.counts() && play.seen());
            let _ = play.client("");
            assert!(play.session.is_settled(), "it does not idle again");
        }
    }

    /// An IDLE that does not go on is over for the client too.
    #[test]
    fn what_the_backend_says_against_it_is_told() {
        let mut play = told();
        play.session.rest();
        assert_eq!(play.client(""), says("DONE\r\n"));
        assert_eq!(play.backend("a1 NO not now\r\n"), "");
        assert!(play.counts());
        assert_eq!(play.client(""), ImapStep::Answer(0, b"a1 NO not now\r\n".to_vec()));
        let mut play = told();
        play.session.rest();
        let _ = (play.client(""), play.backend("a1 OK\r\n"));
        assert!(play.counts());
        assert_eq!(play.client(""), says("a1 IDLE\r\n"));
        assert_eq!(play.backend("a1 BAD not again\r\n"), "a1 BAD not again\r\n");
        assert!(matches!(play.client("a2 NOOP\r\n"), ImapStep::Forward(_)));
    }
}
