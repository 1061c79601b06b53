//! The backend's direction after login: responses are followed frame by frame (RFC 9051 7), and tell the client's
//! direction what its next bytes are.

use super::command;
use super::frame::Frame;
use super::probe::Heard;
use super::session::{Phase, Session, close};
use super::{Step, capability};
use crate::fault::{Fault, Side};

impl Session {
    /// What to do with the first bytes from the backend. `full`: there is no room for more.
    pub fn from_backend(&mut self, input: &[u8], full: bool) -> Step {
        let begins = self.backend.at_start();
        if begins && self.has_left() {
            return Step::Hold;
        }
        let frame = match self.backend.next(input, full) {
            Err(fault) => return close(fault),
            Ok(frame) => frame,
        };
        let (Frame::Line { len, .. } | Frame::Piece { len } | Frame::Literal { len, .. }) = frame else { return Step::Need };
        if let Phase::Probe(probe) = &mut self.phase {
            match probe.hear(&frame, &input[..len], begins) {
                Heard::Other => {}
                Heard::Ours => return Step::Swallow(len),
                Heard::Next(command) => return Step::Answer(len, command),
                Heard::Last(seen) => {
                    if let Phase::Probe(probe) = std::mem::replace(&mut self.phase, Phase::Command) {
                        self.probed(*probe, seen);
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

    fn go(&mut self, len: usize) -> Step {
        match std::mem::replace(&mut self.phase, Phase::Asked) {
            Phase::AwaitGo { tag, size, ours } => {
                self.enter(size, &tag);
                if ours { Step::Swallow(len) } else { Step::Forward(len) }
            }
            Phase::AwaitIdle { tag } => {
                self.phase = Phase::Idle { tag };
                Step::Forward(len)
            }
            Phase::Append(mut append) => {
                let ours = append.go();
                self.phase = Phase::Append(append);
                if ours { Step::Swallow(len) } else { Step::Forward(len) }
            }
            Phase::Command | Phase::Asked => {
                self.note_surprise();
                Step::Forward(len)
            }
            other => {
                self.note_surprise();
                self.phase = other;
                Step::Forward(len)
            }
        }
    }

    fn untagged(&mut self, line: &[u8]) -> Step {
        self.over |= line.len() >= 5 && line[..5].eq_ignore_ascii_case(b"* BYE");
        if self.terms.sent_copy.is_some() {
            self.sent.learn(line);
        }
        self.tell(line)
    }

    fn tagged(&mut self, line: &[u8]) -> Step {
        let tag = command::tag_or_star(line);
        if !self.tags.close(tag) {
            return close(Fault::Garbage(Side::Backend));
        }
        self.note_answer(tag, line);
        let status = line.get(tag.len() + 1..).unwrap_or_default();
        self.settle(tag, status.len() >= 2 && status[..2].eq_ignore_ascii_case(b"OK"));
        if let Phase::Append(append) = &mut self.phase
            && append.refused(tag, line, &mut self.client)
        {
            // The client is still sending: it is told when it is through.
            return Step::Swallow(line.len());
        }
        match &mut self.phase {
            Phase::AwaitGo { tag: waiting, size, ours } if **waiting == *tag => {
                let size = *size;
                if *ours {
                    self.client.enter(size);
                    self.phase = Phase::Drain;
                } else {
                    self.phase = Phase::Command;
                }
            }
            Phase::AwaitIdle { tag: waiting } | Phase::Idle { tag: waiting } if **waiting == *tag => self.phase = Phase::Command,
            _ => {}
        }
        self.tell(line)
    }

    /// Passes a line, with its capability list as the client is told it.
    fn tell(&self, line: &[u8]) -> Step {
        match capability::rewrite(line, self.terms.append_limit) {
            Some(told) => Step::Rewrite(line.len(), told),
            None => Step::Forward(line.len()),
        }
    }
}
