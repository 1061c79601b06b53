//! What is answered here and never passed: lines that nobody can read, and commands that are refused. What is still to come of such a
//! command is swallowed, with a bound, before the answer.

use super::frame::Literal;
use super::session::{ClientPhase, ImapSession, SWALLOW};
use super::tag::Tag;
use super::verbs::Verb;
use super::{ImapStep, reply};
use crate::fault::{Fault, RefusalCode, Side};

/// Unreadable commands in a row after which a session ends.
const MISSES: u8 = 20;

/// Octets of a line that are skipped so that the session can go on; then it has no end.
const SKIP: usize = 1024 * 1024;

impl ImapSession {
    /// A part of a line that is too long. Where a command begins, it is skipped and answered; half a command cannot be.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> ImapStep {
        match std::mem::replace(&mut self.phase, ClientPhase::Stuck) {
            ClientPhase::Command => {
                let answer = reply::bad_line(bytes, RefusalCode::LineTooLong);
                self.phase = ClientPhase::Skip { answer, left: SKIP };
            }
            ClientPhase::Skip { answer, left } if left > bytes.len() => {
                self.phase = ClientPhase::Skip { answer, left: left - bytes.len() };
            }
            _ => return self.close(Fault::TooLong(Side::Client)),
        }
        ImapStep::Swallow(bytes.len())
    }

    /// What is no command.
    pub(super) fn unreadable(&mut self, line: &[u8], len: usize, literal: Option<Literal>) -> ImapStep {
        self.misses += 1;
        if self.misses >= MISSES {
            return self.close(Fault::Garbage(Side::Client));
        }
        self.refuse(len, literal, reply::bad_line(line, RefusalCode::Syntax), SWALLOW)
    }

    /// A command was readable.
    pub(super) fn understood(&mut self) {
        self.misses = 0;
    }

    /// Answers a command ourselves, after its last byte. A client that waits for `+` gets the answer instead.
    pub(super) fn refuse(&mut self, len: usize, literal: Option<Literal>, answer: Vec<u8>, left: u64) -> ImapStep {
        match literal {
            Some(literal) if !literal.sync => {
                if literal.size > left {
                    return self.close(Fault::TooLong(Side::Client));
                }
                self.client.enter(literal.size);
                self.phase = ClientPhase::Refuse { answer, left };
                ImapStep::Swallow(len)
            }
            _ => {
                self.phase = ClientPhase::Command;
                ImapStep::Answer(len, answer)
            }
        }
    }

    pub(super) fn drain(&mut self, len: usize, literal: Option<Literal>) -> ImapStep {
        self.phase = ClientPhase::Command;
        if let Some(literal) = literal.filter(|literal| !literal.sync) {
            self.client.enter(literal.size);
            self.phase = ClientPhase::Drain;
        }
        ImapStep::Swallow(len)
    }
}

/// The answer to a command that is refused by its name.
pub(super) fn refusal(verb: Verb, tag: &Tag<'_>) -> Vec<u8> {
    match verb {
        Verb::StartTls | Verb::Login | Verb::Authenticate => reply::bad(tag, RefusalCode::NotHere),
        _ => reply::no(tag, "CANNOT", RefusalCode::NotHere),
    }
}
