//! The client's direction after login: commands are followed frame by frame (RFC 9051 6), and each byte gets its [`ImapStep`].

use super::ImapStep;
use super::frame::{Flaw, Frame, Literal};
use super::peers::{MessageNumbers, Peers};
use super::session::{ClientPhase, ImapSession, Pending, SWALLOW};
use crate::fault::{Fault, Side};

impl ImapSession {
    /// What to do with the first bytes from the client. `full`: there is no room for more.
    pub fn from_client(&mut self, input: &[u8], full: bool) -> ImapStep {
        if self.has_left() {
            return ImapStep::Hold;
        }
        match &mut self.phase {
            ClientPhase::Ask(..) | ClientPhase::AwaitGo { .. } | ClientPhase::AwaitIdle { .. } | ClientPhase::Alone { .. } => {
                return ImapStep::Hold;
            }
            ClientPhase::Closed { .. } | ClientPhase::Stuck | ClientPhase::Interrupted { .. } => return ImapStep::Hold,
            ClientPhase::Idle { tag } if input.is_empty() && self.gate.asks_now() => {
                let tag = tag.clone();
                if self.may_count() {
                    return self.interrupt(tag);
                }
            }
            ClientPhase::Ready(_) if !self.tags.is_empty() => return ImapStep::Hold,
            ClientPhase::Ready(_) => return self.resume(),
            ClientPhase::Append(append) if append.paused && !input.is_empty() => {
                if let Some(step) = self.unpause() {
                    return step;
                }
                return ImapStep::Swallow(0);
            }
            ClientPhase::Append(append) => {
                if let Some(step) = append.before_frames(input, &self.rules) {
                    return self.append_step(step);
                }
            }
            ClientPhase::Collect(collect) => {
                if let Some(taken) = collect.literal(input) {
                    return if taken == 0 { ImapStep::Need } else { self.collected(taken) };
                }
            }
            ClientPhase::Command if input.is_empty() && self.numbers == MessageNumbers::Told => {
                self.numbers = MessageNumbers::Known
            }
            ClientPhase::Command if self.tags.is_full() => return ImapStep::Hold,
            ClientPhase::Command if self.gate.asks_now() => return self.count(Pending::Nothing, 0),
            _ => {}
        }
        if self.peers == Peers::BackendOnly {
            return ImapStep::Hold;
        }
        match self.client.next(input, full) {
            Err(fault) => self.close(fault),
            Ok(Frame::Need) => ImapStep::Need,
            Ok(Frame::Piece { len }) => self.piece(&input[..len]),
            Ok(Frame::Literal { len, done }) => self.literal(&input[..len], done),
            Ok(Frame::Line { len, literal, flaw }) => self.line(&input[..len], literal, flaw),
        }
    }

    fn literal(&mut self, bytes: &[u8], done: bool) -> ImapStep {
        let len = bytes.len();
        match &mut self.phase {
            ClientPhase::Refuse { left, .. } => match left.checked_sub(len as u64) {
                Some(rest) => {
                    *left = rest;
                    ImapStep::Swallow(len)
                }
                None => self.close(Fault::TooLong(Side::Client)),
            },
            ClientPhase::Drain => ImapStep::Swallow(len),
            ClientPhase::Append(append) => append.literal(bytes, done),
            ClientPhase::Literal { tag } => {
                if done {
                    self.phase = ClientPhase::Rest { tag: tag.clone() };
                }
                ImapStep::Forward(len)
            }
            _ => self.close(Fault::Garbage(Side::Client)),
        }
    }

    fn line(&mut self, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> ImapStep {
        let len = line.len();
        match std::mem::replace(&mut self.phase, ClientPhase::Command) {
            ClientPhase::Command => self.command(line, len, literal, flaw),
            ClientPhase::Skip { answer, .. } => self.refuse(len, literal, answer, SWALLOW),
            ClientPhase::Collect(collect) => self.collect_line(collect, line, literal, flaw),
            // Half of the command is with the backend already: a flaw in its second half cannot be answered apart.
            ClientPhase::Rest { .. } if flaw.is_some() => self.close(Fault::Garbage(Side::Client)),
            ClientPhase::Rest { tag } => {
                if let Some(reuse) = &mut self.reuse {
                    reuse.more(line, literal);
                }
                self.pass(line, len, literal, &tag)
            }
            // Anything but the line end could be the next command for it.
            ClientPhase::Late if line == b"\r\n" => ImapStep::Forward(len),
            ClientPhase::Late => self.close(Fault::Garbage(Side::Client)),
            ClientPhase::Idle { tag } => self.done(tag, line),
            ClientPhase::Refuse { answer, left } => self.refuse(len, literal, answer, left),
            ClientPhase::Drain => self.drain(len, literal),
            ClientPhase::Append(append) => self.append_tail(append, line, literal, flaw),
            other => {
                self.phase = other;
                ImapStep::Hold
            }
        }
    }
}
