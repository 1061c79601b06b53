//! What the session does about an APPEND: asks the book, asks the backend, and follows the message.
//!
//! The announced size is set aside before a single octet is invited; a scrubbed copy that is larger than announced asks for
//! the difference; what is counted in the end is the scrubbed size.

use super::append::{Act, Append, BareLines, NO_MESSAGE, Stage};
use super::frame::{Flaw, Literal};
use super::grammar::{append as grammar, quoted};
use super::offers::Offer;
use super::pending::{Collect, Pending};
use super::phase::Phase;
use super::places::{Owner, Places};
use super::question::{Aim, Asked};
use super::session::{Session, announce};
use super::status::Status;
use super::{Step, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::quota::{Amount, Reservation};

/// Most octets of a refused message that are swallowed, so that the session can go on.
const SWALLOW: u64 = 256 << 20;

impl Session {
    /// APPEND up to the announcement of its first message: `collect` holds its text, `literal` is the announcement at the end of it.
    pub(super) fn append(&mut self, collect: &Collect, taken: usize, literal: Literal, at: usize) -> Step {
        let arguments = collect.arguments(at);
        let read = grammar::mailbox(arguments).and_then(|(mailbox, rest)| {
            let options = grammar::options(rest, literal.binary)?;
            // A server that does not know the word never says `+` behind it.
            let known = !options.utf8 || self.rules.offers.has(Offer::Utf8);
            known.then_some((mailbox, rest, options))
        });
        let Some((mailbox, rest, options)) = read else {
            return self.refuse(taken, Some(literal), reply::bad(&collect.tag, RefusalCode::Syntax), SWALLOW);
        };
        // Byte for byte where that can be; a name that came as a literal is put back as a string.
        let line = collect.text.get(..at).unwrap_or_default();
        let prefix = if line.contains(&b'\n') {
            [&collect.tag, &b" APPEND "[..], &quoted(&mailbox), rest].concat()
        } else {
            line.to_vec()
        };
        let append = Append {
            tag: collect.tag.clone(),
            mailbox,
            prefix,
            size: literal.size,
            bare: BareLines::default(),
            literal,
            date: options.date.map(Into::into),
            utf8: options.utf8,
            sent: false,
            begun: false,
            held: None,
            paused: false,
            asked: Asked::Nothing,
            stage: Stage::Judge,
        };
        self.judge(Box::new(append), taken)
    }

    /// Asks the book for room for the present message, and goes on if there is some.
    pub(super) fn judge(&mut self, mut append: Box<Append>, taken: usize) -> Step {
        if append.literal.size > self.rules.append_limit || append.size > self.rules.append_limit {
            let answer = reply::refused(&append.tag, RefusalCode::MessageTooLong);
            return self.refuse_append(append, taken, answer);
        }
        // Nothing is asked in the middle of a command.
        if !append.begun && self.wants_places() {
            return self.ask_places(Pending::Append(append), taken);
        }
        let places = self.known_places();
        match self.set_aside(&mut append, &places) {
            Ok(()) => {}
            Err(code @ (RefusalCode::MailboxFull | RefusalCode::AssociationFull)) => return self.no_room(append, taken, code),
            Err(code) => {
                let answer = reply::refused(&append.tag, code);
                return self.refuse_append(append, taken, answer);
            }
        }
        if let Stage::Sized { .. } = append.stage {
            return self.announce(append, taken);
        }
        append.sent =
            self.rules.sent_copy.is_some() && places.owner(&append.mailbox) == Owner::Own && places.is_sent(&append.mailbox);
        if !append.sent {
            append.stage = Stage::Sized { bytes: Vec::new(), left: append.literal.size };
            return self.announce(append, taken);
        }
        append.collect();
        let invited = append.literal.sync;
        self.phase = Phase::Append(append);
        if invited { Step::Answer(taken, reply::go_on()) } else { Step::Swallow(taken) }
    }

    fn set_aside(&self, append: &mut Append, places: &Places) -> Result<(), RefusalCode> {
        let Some(account) = self.gate.account() else { return Ok(()) };
        let amount = Amount::message(append.size);
        if let Some(held) = &mut append.held {
            let more = Amount { octets: amount.octets.saturating_sub(held.amount().octets), messages: 0 };
            return if more == Amount::ZERO { Ok(()) } else { held.grow(more).map_err(|verdict| verdict.code()) };
        }
        append.held = Some(match places.owner(&append.mailbox) {
            Owner::Own => account.reserve(amount)?,
            Owner::Other(owner) => account.reserve_for(owner, amount)?,
            Owner::Nobody => return Err(RefusalCode::NotYourFolder),
        });
        Ok(())
    }

    /// Before a refusal the backend is counted, whoever may have deleted; and it may not have the folder at all.
    fn no_room(&mut self, mut append: Box<Append>, taken: usize, code: RefusalCode) -> Step {
        if !append.begun && append.asked == Asked::Nothing {
            append.asked = Asked::Usage;
            match self.count(Pending::Append(append), taken) {
                Ok(step) => return step,
                Err(Pending::Append(back)) => append = back,
                Err(_) => return self.close(Fault::Garbage(Side::Us)),
            }
        }
        if !append.begun && append.asked == Asked::Usage {
            let command = [b"STATUS ", &quoted(&append.mailbox)[..], b" (MESSAGES)"].concat();
            return self.ask(Aim::Exists(None), &command, Pending::Append(append), taken);
        }
        let answer = match append.asked {
            Asked::Folder(Some(false)) => reply::no(&append.tag, "TRYCREATE", RefusalCode::NoSuchFolder),
            _ => reply::refused(&append.tag, code),
        };
        self.gate.refused();
        self.refuse_append(append, taken, answer)
    }

    /// Answers the APPEND ourselves, when the client is through with it; what the backend has of it is taken back.
    fn refuse_append(&mut self, mut append: Box<Append>, taken: usize, answer: Vec<u8>) -> Step {
        append.held = None;
        let coming = match append.stage {
            Stage::Sized { left, .. } => Some(left),
            _ if append.literal.sync => None,
            _ => Some(append.literal.size),
        };
        if !append.begun && !matches!(append.stage, Stage::Sized { .. }) {
            return self.refuse(taken, Some(append.literal), answer, SWALLOW);
        }
        if coming.is_some_and(|coming| coming > SWALLOW) {
            return self.close(Fault::TooLong(Side::Client));
        }
        let begun = append.begun;
        append.stage = match (begun, coming) {
            (false, _) => Stage::Refused { answer },
            (true, Some(_)) => Stage::Aborted { answer },
            (true, None) => Stage::AbortWait { answer },
        };
        if let Some(coming) = coming {
            self.client.enter(coming);
        }
        self.phase = Phase::Append(append);
        if begun { Step::Rewrite(taken, NO_MESSAGE.to_vec()) } else { Step::Swallow(taken) }
    }

    /// Tells the backend the size, and waits for its `+`.
    fn announce(&mut self, mut append: Box<Append>, taken: usize) -> Step {
        let Stage::Sized { bytes, left } = std::mem::replace(&mut append.stage, Stage::Tail) else {
            return self.close(Fault::Garbage(Side::Us));
        };
        if !append.begun {
            self.note_append(&append);
            self.tags.open(&append.tag);
            append.begun = true;
        } else if !self.tags.holds(&append.tag) {
            return self.close(Fault::Garbage(Side::Backend));
        }
        if let Some(held) = append.held.take() {
            self.gate.held.space(&append.tag, held, Amount::message(append.size));
        }
        let mut out = std::mem::take(&mut append.prefix);
        out.extend_from_slice(&announce(&append.literal, append.size));
        append.stage = Stage::AwaitGo { bytes, left };
        self.phase = Phase::Append(append);
        Step::Rewrite(taken, out)
    }

    fn note_append(&mut self, append: &Append) {
        if let Some(reuse) = &mut self.reuse {
            reuse.command(&append.tag, super::verbs::row(b"APPEND"), &append.prefix, None);
        }
    }

    /// What [`Append::before_frames`] wants.
    pub(super) fn append_step(&mut self, act: Act) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Stuck);
        let Phase::Append(mut append) = phase else { return self.close(Fault::Garbage(Side::Us)) };
        match act {
            Act::Step(step) => {
                self.phase = Phase::Append(append);
                step
            }
            Act::Sized(taken) => self.judge(append, taken),
            Act::Send { bytes, left } => {
                self.client.enter(left);
                append.follow(left);
                self.phase = Phase::Append(append);
                Step::Rewrite(0, bytes)
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
    ) -> Step {
        let len = line.len();
        match (std::mem::replace(&mut append.stage, Stage::Judge), literal) {
            (Stage::Refused { answer }, Some(literal)) if !literal.sync => self.refuse(len, Some(literal), answer, SWALLOW),
            (Stage::Refused { answer }, _) => Step::Answer(len, answer),
            (Stage::Aborted { answer }, Some(literal)) if !literal.sync && literal.size <= SWALLOW => {
                self.client.enter(literal.size);
                append.stage = Stage::Aborted { answer };
                self.phase = Phase::Append(append);
                Step::Swallow(len)
            }
            (Stage::Aborted { answer }, _) => {
                append.stage = Stage::AbortWait { answer };
                self.phase = Phase::Append(append);
                Step::Swallow(len)
            }
            (_, literal) => self.behind_message(append, line, literal, flaw),
        }
    }

    fn behind_message(&mut self, mut append: Box<Append>, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> Step {
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
            return Step::Forward(len);
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
    pub(super) fn append_go(&mut self, mut append: Box<Append>, len: usize) -> Step {
        let Stage::AwaitGo { bytes, left } = std::mem::replace(&mut append.stage, Stage::Tail) else {
            return self.close(Fault::Garbage(Side::Backend));
        };
        append.stage = Stage::Send { bytes, left };
        let told = append.client_waits();
        self.phase = Phase::Append(append);
        if told { Step::Forward(len) } else { Step::Swallow(len) }
    }

    /// The backend ended the APPEND by `line`. None: the client may hear it now.
    pub(super) fn append_answered(&mut self, mut append: Box<Append>, line: &[u8], status: Status) -> Option<Step> {
        let took = Step::Swallow(line.len());
        match std::mem::replace(&mut append.stage, Stage::Judge) {
            Stage::AwaitGo { .. } if append.client_waits() && status != Status::Ok => {
                self.phase = Phase::Command;
                return None;
            }
            Stage::AwaitGo { left, .. } if status != Status::Ok => {
                self.client.enter(left);
                append.stage = Stage::Refused { answer: line.to_vec() };
                self.phase = Phase::Append(append);
            }
            Stage::Aborted { answer } => {
                append.stage = Stage::Refused { answer };
                self.phase = Phase::Append(append);
            }
            Stage::AbortWait { answer } => self.phase = Phase::Ready(Pending::Say(answer)),
            // It ended a command of which it has not heard the end: nobody can say what it takes the next bytes for.
            _ => return Some(self.close(Fault::Garbage(Side::Backend))),
        }
        Some(took)
    }

    /// The client has been silent in the middle of a message: what is set aside for it serves others meanwhile.
    pub fn pause(&mut self) {
        if let Phase::Append(append) = &mut self.phase {
            append.paused = true;
            append.held.iter_mut().for_each(Reservation::pause);
            self.gate.held.pause(&append.tag);
        }
    }

    /// The client goes on after [`Session::pause`].
    pub(super) fn unpause(&mut self) -> Option<Step> {
        let Phase::Append(append) = &mut self.phase else { return None };
        if !std::mem::take(&mut append.paused) {
            return None;
        }
        let held = append.held.iter_mut().try_for_each(|held| held.resume().map_err(|verdict| verdict.code()));
        match held.and_then(|()| self.gate.held.resume(&append.tag)) {
            Ok(()) => None,
            Err(code) => {
                self.phase = Phase::Closed { heard: true };
                self.gate.held.abandon();
                Some(Step::Close(reply::bye_full(code), Fault::Limit))
            }
        }
    }

    /// Whether octets of a message are waited for, with space set aside for them.
    pub fn awaits_octets(&self) -> bool {
        matches!(&self.phase, Phase::Append(append) if !append.paused)
    }
}
