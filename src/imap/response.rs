//! The backend's direction after login: responses are followed frame by frame (RFC 9051 7), and tell the client's
//! direction what its next bytes are.

use std::sync::Arc;

use super::command;
use super::frame::Frame;
use super::places::Places;
use super::question::{Heard, Status};
use super::session::{Peers, Phase, Session};
use super::{Step, capability};
use crate::fault::{Fault, Side};

impl Session {
    /// What to do with the first bytes from the backend. `full`: there is no room for more.
    pub fn from_backend(&mut self, input: &[u8], full: bool) -> Step {
        if matches!(self.phase, Phase::Closed) {
            return Step::Hold;
        }
        let begins = self.backend.at_start();
        if begins && self.has_left() {
            return Step::Hold;
        }
        let frame = match self.backend.next(input, full) {
            Err(fault) => return self.close(fault),
            Ok(frame) => frame,
        };
        let (Frame::Line { len, .. } | Frame::Piece { len } | Frame::Literal { len, .. }) = frame else { return Step::Need };
        if let Phase::Ask(question, _) = &mut self.phase {
            match question.hear(&frame, &input[..len], begins) {
                Heard::Other => {}
                Heard::Ours => return Step::Swallow(len),
                Heard::Next(command) => return Step::Answer(len, command),
                Heard::Last => {
                    if let Phase::Ask(question, pending) = std::mem::replace(&mut self.phase, Phase::Command) {
                        self.found(question.found(), pending);
                    }
                    return Step::Swallow(len);
                }
            }
        }
        match frame {
            Frame::Line { .. } if begins => self.response(&input[..len]),
            _ => Step::Forward(len),
        }
    }

    fn response(&mut self, line: &[u8]) -> Step {
        match line.first() {
            Some(b'+') => self.go(line.len()),
            Some(b'*') => self.untagged(line),
            _ => self.tagged(line),
        }
    }

    /// `+` is for exactly what waits for it; at any other time nobody can say what the backend takes the next bytes for.
    fn go(&mut self, len: usize) -> Step {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::AwaitGo { tag, size, ours } => {
                self.enter(size, tag);
                if ours { Step::Swallow(len) } else { Step::Forward(len) }
            }
            Phase::AwaitIdle { tag } => {
                self.phase = Phase::Idle { tag };
                Step::Forward(len)
            }
            Phase::Append(append) => self.append_go(append, len),
            _ => self.close(Fault::Garbage(Side::Backend)),
        }
    }

    fn untagged(&mut self, line: &[u8]) -> Step {
        let starts = |word: &[u8]| super::question::is(line, word);
        if starts(b"* BYE") {
            self.peers = Peers::Bye;
        } else if line.ends_with(b" EXPUNGE\r\n") || starts(b"* VANISHED ") {
            self.gate.saw_expunge();
        } else if self.rules.sent_copy.is_some() && Places::marks(line) {
            Arc::make_mut(self.places.get_or_insert_default()).learn(line);
        }
        self.tell(line)
    }

    fn tagged(&mut self, line: &[u8]) -> Step {
        let tag = command::tag_or_star(line);
        if !self.tags.close(tag) {
            return self.close(Fault::Garbage(Side::Backend));
        }
        let word = line.get(tag.len() + 1..).unwrap_or_default();
        let status = match word.get(..3).unwrap_or_default().to_ascii_uppercase().as_slice() {
            b"OK " | b"OK\r" => Status::Ok,
            b"NO " | b"NO\r" => Status::No,
            _ => Status::Bad,
        };
        if let Some(reuse) = &mut self.reuse {
            reuse.answered(tag, status);
        }
        self.gate.settle(tag, status);
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Append(append) if *append.tag == *tag => {
                if let Some(step) = self.append_answered(append, line, status) {
                    return step;
                }
            }
            // OK without the octets that were announced: there is no telling what it was OK to.
            Phase::AwaitGo { tag: waiting, .. } if *waiting == *tag && status == Status::Ok => {
                return self.close(Fault::Garbage(Side::Backend));
            }
            Phase::AwaitGo { tag: waiting, size, ours } if *waiting == *tag => {
                if ours {
                    self.client.enter(size);
                    self.phase = Phase::Drain;
                }
            }
            Phase::AwaitIdle { tag: waiting } | Phase::Idle { tag: waiting } | Phase::Alone { tag: waiting }
                if *waiting == *tag => {}
            // It ended a command of which it has not heard the end.
            Phase::Literal { tag: waiting } | Phase::Rest { tag: waiting } if *waiting == *tag => {
                return self.close(Fault::Garbage(Side::Backend));
            }
            other => self.phase = other,
        }
        self.tell(line)
    }

    /// Passes a line, with its capability list as the client is told it.
    fn tell(&self, line: &[u8]) -> Step {
        match capability::rewrite(line, self.rules.append_limit) {
            Some(told) => Step::Rewrite(line.len(), told),
            None => Step::Forward(line.len()),
        }
    }

    /// The client left, or was lost. What it asked for and the backend has whole is brought to its end: see
    /// [`Session::is_settled`].
    pub fn client_left(&mut self) {
        if self.peers == Peers::Both {
            self.peers = Peers::BackendOnly;
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Closed) {
            // The backend has nothing of these.
            Phase::Skip { .. } | Phase::Collect(_) | Phase::Refuse { .. } | Phase::Drain | Phase::Ready(_) => Phase::Command,
            Phase::Append(append) if !append.begun => Phase::Command,
            Phase::Ask(question, _) => Phase::Ask(question, super::pending::Pending::Nothing),
            phase @ (Phase::Command | Phase::Idle { .. } | Phase::AwaitIdle { .. } | Phase::Alone { .. } | Phase::Closed) => {
                phase
            }
            _ => Phase::Stuck,
        };
        self.gate.rest();
    }

    /// Whether nothing is waited for any more that the book must know.
    pub fn is_settled(&self) -> bool {
        if self.peers == Peers::Bye || matches!(self.phase, Phase::Closed) {
            return true;
        }
        let asks = match &self.phase {
            Phase::Ask(..) => true,
            Phase::Command | Phase::Ready(_) => self.gate.asks_at_rest() && self.may_count(),
            _ => false,
        };
        !asks && !self.gate.holds_what_was_sent()
    }
}
