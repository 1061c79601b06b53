//! The backend's direction after login: responses are followed frame by frame (RFC 9051 7), and tell the client's
//! direction what its next bytes are.

use super::command;
use super::frame::Frame;
use super::session::{Phase, Session, close};
use super::{Step, capability};
use crate::fault::{Fault, Side};

impl Session {
    /// What to do with the first bytes from the backend. `full`: there is no room for more.
    pub fn from_backend(&mut self, input: &[u8], full: bool) -> Step {
        let begins = self.backend.at_start();
        match self.backend.next(input, full) {
            Err(fault) => close(fault),
            Ok(Frame::Need) => Step::Need,
            Ok(Frame::Piece { len } | Frame::Literal { len, .. }) => Step::Forward(len),
            Ok(Frame::Line { len, .. }) if !begins => Step::Forward(len),
            Ok(Frame::Line { len, .. }) => self.response(&input[..len]),
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
            Phase::Command | Phase::Asked => Step::Forward(len),
            other => {
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
        tell(line)
    }

    fn tagged(&mut self, line: &[u8]) -> Step {
        let tag = command::tag_or_star(line);
        if !self.tags.close(tag) {
            return close(Fault::Garbage(Side::Backend));
        }
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
        tell(line)
    }
}

/// Passes a line, with its capability list as the client is told it.
fn tell(line: &[u8]) -> Step {
    match capability::rewrite(line) {
        Some(told) => Step::Rewrite(line.len(), told),
        None => Step::Forward(line.len()),
    }
}
