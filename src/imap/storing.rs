//! How an APPEND goes on when its message is announced: the octets, the backend's `+` and its answer, the next message of the same
//! command (RFC 3502), and silence in the middle.
//!
//! The scrubbed copy and the plain one are sent the same way; what differs is in `append`.

use super::append::{Append, AppendAct, AppendStage, BareLines};
use super::appending::SWALLOW_MESSAGE;
use super::frame::{Flaw, Literal};
use super::grammar::append as grammar;
use super::question::Asked;
use super::session::{ClientPhase, ImapSession, Pending};
use super::status::Status;
use super::{ImapStep, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::quota::Reservation;

impl ImapSession {
    /// What [`Append::before_frames`] wants.
    pub(super) fn append_step(&mut self, act: AppendAct) -> ImapStep {
        let phase = std::mem::replace(&mut self.phase, ClientPhase::Stuck);
        let ClientPhase::Append(mut append) = phase else { return self.close(Fault::Garbage(Side::Us)) };
        match act {
            AppendAct::Step(step) => {
                self.phase = ClientPhase::Append(append);
                step
            }
            AppendAct::Sized(taken) => self.judge(append, taken),
            AppendAct::Send { bytes, left } => {
                self.client.enter(left);
                append.follow(left);
                self.phase = ClientPhase::Append(append);
                ImapStep::Rewrite(0, bytes)
            }
        }
    }

    /// The line behind a message: the end, or the next message.
    pub(super) fn append_tail(
        &mut self,
        mut append: Box<Append>,
        line: &[u8],
        literal: Option<Literal>,
        flaw: Option<Flaw>,
    ) -> ImapStep {
        let len = line.len();
        match (std::mem::replace(&mut append.stage, AppendStage::Judge), literal) {
            (AppendStage::Refused { answer }, Some(literal)) if !literal.sync => {
                self.refuse(len, Some(literal), answer, SWALLOW_MESSAGE)
            }
            (AppendStage::Refused { answer }, _) => ImapStep::Answer(len, answer),
            (AppendStage::Aborted { answer }, Some(literal)) if !literal.sync && literal.size <= SWALLOW_MESSAGE => {
                self.client.enter(literal.size);
                append.stage = AppendStage::Aborted { answer };
                self.phase = ClientPhase::Append(append);
                ImapStep::Swallow(len)
            }
            (AppendStage::Aborted { answer }, _) => {
                append.stage = AppendStage::AbortWait { answer };
                self.phase = ClientPhase::Append(append);
                ImapStep::Swallow(len)
            }
            (_, literal) => self.behind_message(append, line, literal, flaw),
        }
    }

    fn behind_message(&mut self, mut append: Box<Append>, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> ImapStep {
        let len = line.len();
        let text = if append.utf8 { line.strip_prefix(b")") } else { Some(line) };
        let end = text == Some(b"\r\n") && flaw.is_none();
        // What the backend will count on top is paid before it can store anything.
        if let Err(code) = self.gate.held.grow(&append.tag, append.stored().saturating_sub(append.size)) {
            append.literal = literal.unwrap_or(Literal { size: 0, sync: true, ..append.literal });
            let answer = reply::refused(&append.tag, code);
            self.gate.refused();
            return self.refuse_append(append, len, answer);
        }
        if append.literal.binary {
            self.gate.wants_count();
        }
        if end {
            self.gate.held.handed_over(&append.tag);
            return ImapStep::Forward(len);
        }
        let next = literal.filter(|_| flaw.is_none()).and_then(|literal| {
            let text = text?.get(..literal.at - (len - text?.len()))?;
            Some((literal, grammar::options(text, literal.binary)?))
        });
        let Some((literal, options)) = next else {
            append.literal = literal.unwrap_or(Literal { size: 0, sync: true, ..append.literal });
            let answer = reply::bad(&append.tag, RefusalCode::Syntax);
            return self.refuse_append(append, len, answer);
        };
        (append.utf8, append.date) = (options.utf8, options.date.map(Into::into));
        append.prefix = line[..literal.at].to_vec();
        (append.literal, append.size, append.asked) = (literal, literal.size, Asked::Nothing);
        append.bare = BareLines::default();
        self.judge(append, len)
    }

    /// The backend says `+` while an APPEND waits for it.
    pub(super) fn append_go(&mut self, mut append: Box<Append>, len: usize) -> ImapStep {
        let AppendStage::AwaitGo { bytes, left } = std::mem::replace(&mut append.stage, AppendStage::Tail) else {
            return self.close(Fault::Garbage(Side::Backend));
        };
        append.stage = AppendStage::Send { bytes, left };
        let told = append.client_waits();
        self.phase = ClientPhase::Append(append);
        if told { ImapStep::Forward(len) } else { ImapStep::Swallow(len) }
    }

    /// The backend ended the APPEND by `line`. None: the client may hear it now.
    pub(super) fn append_answered(&mut self, mut append: Box<Append>, line: &[u8], status: Status) -> Option<ImapStep> {
        let took = ImapStep::Swallow(line.len());
        match std::mem::replace(&mut append.stage, AppendStage::Judge) {
            AppendStage::AwaitGo { .. } if append.client_waits() && status != Status::Ok => {
                self.phase = ClientPhase::Command;
                return None;
            }
            AppendStage::AwaitGo { left, .. } if status != Status::Ok => {
                self.client.enter(left);
                append.stage = AppendStage::Refused { answer: line.to_vec() };
                self.phase = ClientPhase::Append(append);
            }
            AppendStage::Aborted { answer } => {
                append.stage = AppendStage::Refused { answer };
                self.phase = ClientPhase::Append(append);
            }
            AppendStage::AbortWait { answer } => self.phase = ClientPhase::Ready(Pending::Say(answer)),
            // It ended a command of which it has not heard the end: nobody can say what it takes the next bytes for.
            _ => return Some(self.close(Fault::Garbage(Side::Backend))),
        }
        Some(took)
    }

    /// The client has been silent in the middle of a message: what is set aside for it serves others meanwhile.
    pub fn pause(&mut self) {
        if let ClientPhase::Append(append) = &mut self.phase {
            append.paused = true;
            append.held.iter_mut().for_each(Reservation::pause);
            self.gate.held.pause(&append.tag);
            self.gate.pass_on();
        }
    }

    /// The client goes on after [`ImapSession::pause`].
    pub(super) fn unpause(&mut self) -> Option<ImapStep> {
        let ClientPhase::Append(append) = &mut self.phase else { return None };
        if !std::mem::take(&mut append.paused) {
            return None;
        }
        let held = append.held.iter_mut().try_for_each(|held| held.resume().map_err(|verdict| verdict.code()));
        match held.and_then(|()| self.gate.held.resume(&append.tag)) {
            Ok(()) => None,
            Err(code) => {
                self.phase = ClientPhase::Closed { heard: true };
                self.gate.held.abandon();
                Some(ImapStep::Close(reply::bye_full(code), Fault::Limit))
            }
        }
    }

    /// Whether octets of a message are waited for, with space set aside for them.
    pub fn awaits_octets(&self) -> bool {
        matches!(&self.phase, ClientPhase::Append(append) if !append.paused)
    }
}
