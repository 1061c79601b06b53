//! Space before bytes: what is stored through us is set aside in the book first, and counted when the backend said OK.
//!
//! APPEND is refused before its literal is asked for, or after it was swallowed where the client does not wait. COPY is
//! asked about at the backend first, because only the backend knows how big the messages are.

use super::append::Append;
use super::command::{self, Head, Verb};
use super::frame::Literal;
use super::probe::{Aim, Means, Probe};
use super::session::{Phase, Session};
use super::{Step, reply};
use crate::fault::{Code, Fault};
use crate::quota::{Amount, Reservation};

/// Most octets of a refused message that are swallowed, so that the session can go on.
const SWALLOW: u64 = 256 << 20;

/// What a session has to do with the book.
pub(super) struct Space {
    /// Set aside for commands that the backend has not answered.
    open: Vec<(Box<[u8]>, Reservation)>,
    /// Whether the mailbox may hold less than the book says, or was never asked about.
    due: Due,
    /// What the book said about the COPY that comes next.
    asked: Option<Result<Reservation, Code>>,
    /// Whether the client has ever opened a folder.
    opened: bool,
}

/// When the backend has to be asked for usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Not for any reason that we know.
    No,
    /// When the session rests: something was deleted.
    AtRest,
    /// Before anything else: the mailbox was never seen, or was refused while something was deleted.
    Now,
}

impl Space {
    /// `unseen`: nobody has asked the backend about this mailbox since the start.
    pub(super) fn new(unseen: bool) -> Space {
        Space { open: Vec::new(), due: if unseen { Due::Now } else { Due::No }, asked: None, opened: false }
    }

    /// The client opens a folder.
    pub(super) fn opens(&mut self) {
        self.opened = true;
    }

    /// A command was passed on after which there is less in the mailbox.
    pub(super) fn shrinks(&mut self) {
        if self.due == Due::No {
            self.due = Due::AtRest;
        }
    }

    fn is_paid(&self, tag: &[u8]) -> bool {
        self.open.iter().any(|(paid, _)| **paid == *tag)
    }
}

impl Drop for Session {
    // A session that ended before it rested, or without the answer to what it stored: the next one asks.
    fn drop(&mut self) {
        let doubtful = self.space.due != Due::No || !self.space.open.is_empty();
        if let (true, Some(account)) = (doubtful, &self.terms.account) {
            account.unsee();
        }
    }
}

impl Session {
    /// Whether usage should be asked for before the session rests or ends.
    pub(super) fn wants_refresh(&self) -> bool {
        self.space.due != Due::No && self.may_ask() && self.terms.account.is_some()
    }

    // To open another folder would close the client's.
    fn may_ask(&self) -> bool {
        !(self.terms.means.opens() && self.space.opened)
    }

    /// Leaves the command where it is, and asks first.
    pub(super) fn hold_back(&mut self) -> Step {
        self.space.due = Due::Now;
        self.refresh_if_due().unwrap_or(Step::Hold)
    }

    /// Asks the backend for usage, if that must be known now. Waits until the backend owes no answer.
    pub(super) fn refresh_if_due(&mut self) -> Option<Step> {
        if self.space.due != Due::Now {
            return None;
        }
        if !self.tags.is_empty() {
            return Some(Step::Hold);
        }
        if !self.may_ask() {
            // The next session asks, before it opens one.
            self.space.due = Due::AtRest;
            return None;
        }
        self.space.due = Due::No;
        let refresh = self.terms.account.as_ref()?.begin_refresh()?;
        let (probe, command) = Probe::usage(self.terms.means, refresh);
        self.phase = Phase::Probe(Box::new(probe));
        Some(Step::Rewrite(0, command))
    }

    /// The backend has answered our question.
    pub(super) fn probed(&mut self, probe: Probe, seen: Option<Amount>) {
        self.phase = Phase::Command;
        let Some(account) = &self.terms.account else { return };
        match (probe.aim, seen) {
            (Aim::Usage(_, refresh), Some(seen)) => account.finish_refresh(refresh, seen),
            (Aim::Survey(_, refresh), Some(seen)) => account.finish_refresh(refresh, seen),
            // It does not count this mailbox: we do.
            (Aim::Usage(Means::Quota(count), _), None) => {
                self.terms.means = Means::Count(count);
                self.space.due = Due::Now;
            }
            // The book goes on with what it knows. A folder may still be open.
            (Aim::Survey(..), None) => self.note_surprise(),
            (Aim::Usage(..), None) => {}
            (Aim::Sizes, Some(seen)) if seen != Amount::ZERO => self.space.asked = Some(account.reserve(seen)),
            // Nothing there, or nothing selected: the backend will say so itself.
            (Aim::Sizes, _) => self.space.asked = Some(account.reserve(Amount::ZERO)),
        }
    }

    /// Sets `size` octets aside for the command `tag`. `Ok(false)`: usage is asked for first; decide again afterwards.
    pub(super) fn pay(&mut self, tag: &[u8], size: u64) -> Result<bool, Code> {
        if size > self.terms.append_limit {
            return Err(Code::MessageTooLong);
        }
        let Some(account) = &self.terms.account else { return Ok(true) };
        match account.reserve(Amount::message(size)) {
            Ok(reservation) => {
                self.space.open.push((tag.into(), reservation));
                Ok(true)
            }
            // Something was deleted since the last count: there may be room.
            Err(Code::MailboxFull | Code::AssociationFull) if self.wants_refresh() => Ok(false),
            Err(code) => Err(code),
        }
    }

    /// The backend has answered `tag`: what was set aside is counted, or given back.
    pub(super) fn settle(&mut self, tag: &[u8], stored: bool) {
        let mut at = 0;
        while at < self.space.open.len() {
            if *self.space.open[at].0 == *tag {
                let (_, reservation) = self.space.open.swap_remove(at);
                if stored {
                    let _ = reservation.commit();
                }
            } else {
                at += 1;
            }
        }
        if self.space.open.is_empty() {
            self.space.open = Vec::new();
        }
    }

    /// APPEND: the first line, with the announcement of the message or of the mailbox name.
    pub(super) fn append(&mut self, line: &[u8], head: &Head<'_>, literal: Option<Literal>) -> Step {
        let Some(literal) = literal else {
            // CATENATE (RFC 4469) would bring a body around the scrubber and the book; without it there is no message.
            return Step::Answer(line.len(), reply::bad(head.tag, Code::Syntax));
        };
        if has_word(head.arguments, b"CATENATE") {
            return self.refuse(line.len(), Some(literal), reply::no(head.tag, "CANNOT", Code::NotHere), SWALLOW);
        }
        let start = line.len() - 2 - head.arguments.len();
        if literal.at != start {
            match self.pay(head.tag, literal.size) {
                Ok(true) => {}
                Ok(false) => return self.hold_back_line(),
                Err(code) => return self.refuse(line.len(), Some(literal), reply::over_quota(head.tag, code), SWALLOW),
            }
        }
        match Append::begin(line, head, literal, self) {
            Some(step) => step,
            None => self.pass_first(line, Some(literal), head.tag),
        }
    }

    // The framer has taken the line already; it is put back by framing it again.
    fn hold_back_line(&mut self) -> Step {
        self.phase = Phase::Command;
        self.hold_back()
    }

    /// The line behind a literal of a command that was passed on; another message may follow (MULTIAPPEND).
    pub(super) fn rest(&mut self, line: &[u8], literal: Option<Literal>, tag: &[u8]) -> Step {
        if let Some(literal) = literal
            && self.space.is_paid(tag)
            && let Err(step) = self.pay_on(tag, literal.size)
        {
            return step;
        }
        self.pass(line, literal, tag)
    }

    /// Pays for a further message of an APPEND that is with the backend already.
    pub(super) fn pay_on(&mut self, tag: &[u8], size: u64) -> Result<(), Step> {
        match self.pay(tag, size) {
            Ok(true) => Ok(()),
            // RFC 3502: all or nothing, and only the end of the connection takes back what was sent.
            Ok(false) => Err(Step::Close(reply::bye_full(Code::MailboxFull), Fault::Limit)),
            Err(code) => Err(Step::Close(reply::bye_full(code), Fault::Limit)),
        }
    }

    /// COPY, also behind UID: the first time, asks for the sizes; the second time, knows what the book said.
    pub(super) fn copy(&mut self, line: &[u8], head: &Head<'_>, literal: Option<Literal>, arguments: &[u8], uid: bool) -> Step {
        if self.terms.account.is_none() {
            return self.pass_first(line, literal, head.tag);
        }
        match self.space.asked.take() {
            Some(Ok(reservation)) => {
                self.space.open.push((head.tag.into(), reservation));
                self.pass_first(line, literal, head.tag)
            }
            Some(Err(Code::MailboxFull | Code::AssociationFull)) if self.wants_refresh() => self.hold_back_line(),
            Some(Err(code)) => self.refuse(line.len(), literal, reply::over_quota(head.tag, code), SWALLOW),
            None if !self.tags.is_empty() => {
                self.phase = Phase::Command;
                Step::Hold
            }
            None => {
                let set = arguments.split(|byte| *byte == b' ').next().unwrap_or_default();
                let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b':' | b',' | b'*' | b'$');
                if set.is_empty() || !set.iter().all(plain) {
                    return self.refuse(line.len(), literal, reply::bad(head.tag, Code::Syntax), SWALLOW);
                }
                let (probe, command) = Probe::sizes(set, uid);
                self.phase = Phase::Probe(Box::new(probe));
                Step::Rewrite(0, command)
            }
        }
    }

    /// UID COPY and UID EXPUNGE; the rest passes.
    pub(super) fn uid(&mut self, line: &[u8], head: &Head<'_>, literal: Option<Literal>) -> Step {
        match command::behind_uid(head.arguments) {
            (Verb::Copy, arguments) => self.copy(line, head, literal, arguments, true),
            (verb, _) => {
                match verb {
                    Verb::Expunge => self.space.shrinks(),
                    Verb::Replace => {
                        let answer = reply::no(head.tag, "CANNOT", Code::NotHere);
                        return self.refuse(line.len(), literal, answer, SWALLOW);
                    }
                    _ => {}
                }
                self.pass_first(line, literal, head.tag)
            }
        }
    }
}

fn has_word(arguments: &[u8], word: &[u8]) -> bool {
    arguments.split(|byte| matches!(byte, b' ' | b'(')).any(|given| given.eq_ignore_ascii_case(word))
}
