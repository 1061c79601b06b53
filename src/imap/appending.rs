//! What the session does about an APPEND before the backend hears of its message: asks the book, asks the backend, announces it or
//! refuses. How it goes on is in `storing`.
//!
//! The announced size is set aside before a single octet is invited; a scrubbed copy that is larger than announced asks for
//! the difference; what is counted in the end is the scrubbed size.

use super::announcement::announce;
use super::append::{Append, AppendStage, NO_MESSAGE};
use super::backend_capabilities::BackendCapability;
use super::collect::Collect;
use super::frame::Literal;
use super::grammar::{append as grammar, quoted};
use super::places::{MailboxOwner, Places};
use super::question::{Aim, Asked};
use super::selected::is_inbox;
use super::session::{ClientPhase, ImapSession, Pending, WaitingCommand};
use super::{ImapStep, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::quota::Amount;

/// Most octets of a refused message that are swallowed, so that the session can go on.
pub(super) const SWALLOW_MESSAGE: u64 = 256 << 20;

impl WaitingCommand for Append {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.judge(self, taken)
    }

    fn learn_folder(&mut self, there: Option<bool>) {
        self.asked = Asked::Folder(there);
    }
}

impl ImapSession {
    /// APPEND up to the announcement of its first message: `collect` holds its text, `literal` is the announcement at the end of it.
    pub(super) fn append(&mut self, collect: &Collect, taken: usize, literal: Literal, at: usize) -> ImapStep {
        let Some((mailbox, rest, options)) = self.destination(collect.arguments(at), literal) else {
            return self.refuse(taken, Some(literal), reply::bad(&collect.tag, RefusalCode::Syntax), SWALLOW_MESSAGE);
        };
        // Byte for byte where that can be; a name that came as a literal is put back as a string.
        let line = collect.text.get(..at).unwrap_or_default();
        let prefix = if line.contains(&b'\n') {
            [collect.tag.octets(), b" APPEND ", &quoted(&mailbox), rest].concat()
        } else {
            line.to_vec()
        };
        let append = Append::new((&collect.tag, collect.row), mailbox, prefix, literal, options);
        self.judge(Box::new(append), taken)
    }

    /// The mailbox that `arguments` begin with, all that is behind its name, and what that says of the message that `literal` announces.
    pub(super) fn destination<'a>(
        &self,
        arguments: &'a [u8],
        literal: Literal,
    ) -> Option<(Vec<u8>, &'a [u8], grammar::Options<'a>)> {
        let (mailbox, rest) = grammar::mailbox(arguments)?;
        let options = grammar::options(rest, literal.binary)?;
        // A server that does not know the word never says `+` behind it.
        let known = !options.utf8 || self.rules.backend_capabilities.has(BackendCapability::Utf8);
        known.then_some((mailbox, rest, options))
    }

    /// Asks the book for room for the present message, and goes on if there is some.
    pub(super) fn judge(&mut self, mut append: Box<Append>, taken: usize) -> ImapStep {
        if append.literal.size > self.rules.append_limit || append.size > self.rules.append_limit {
            let answer = reply::refused(&append.tag, RefusalCode::MessageTooLong);
            return self.refuse_append(append, taken, answer);
        }
        // Nothing is asked in the middle of a command; and whose the INBOX is, and that it is no folder for sent mail, need not be.
        if !append.begun && !is_inbox(&append.mailbox) && self.wants_places() {
            return self.ask_places(Pending::Judged(append), taken);
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
        if let AppendStage::Sized { .. } = append.stage {
            return self.announce(append, taken);
        }
        append.sent = self.rules.sent_copy.is_some()
            && places.owner(&append.mailbox) == MailboxOwner::Own
            && places.is_sent(&append.mailbox);
        if !append.sent {
            append.stage = AppendStage::Sized { bytes: Vec::new(), left: append.literal.size };
            return self.announce(append, taken);
        }
        append.collect();
        let invited = append.literal.sync;
        self.phase = ClientPhase::Append(append);
        if invited { ImapStep::Answer(taken, reply::go_on()) } else { ImapStep::Swallow(taken) }
    }

    fn set_aside(&self, append: &mut Append, places: &Places) -> Result<(), RefusalCode> {
        let Some(account) = self.gate.account() else { return Ok(()) };
        let amount = Amount::message(append.size);
        if let Some(held) = &mut append.held {
            let more = Amount { octets: amount.octets.saturating_sub(held.amount().octets), messages: 0 };
            return if more == Amount::ZERO { Ok(()) } else { held.grow(more).map_err(|verdict| verdict.code()) };
        }
        append.held = Some(match places.owner(&append.mailbox) {
            MailboxOwner::Own => account.reserve(amount)?,
            MailboxOwner::Other(owner) => account.reserve_for(owner, amount)?,
            MailboxOwner::Nobody => return Err(RefusalCode::NotYourFolder),
        });
        Ok(())
    }

    /// Before a refusal the backend is counted, whoever may have deleted; and it may not have the folder at all.
    fn no_room(&mut self, mut append: Box<Append>, taken: usize, code: RefusalCode) -> ImapStep {
        if !append.begun && append.asked == Asked::Nothing {
            append.asked = Asked::Usage;
            return self.count(Pending::Judged(append), taken);
        }
        if !append.begun && append.asked == Asked::Usage {
            let command = [b"STATUS ", &quoted(&append.mailbox)[..], b" (MESSAGES)"].concat();
            return self.ask(Aim::Exists(None), &command, Pending::Judged(append), taken);
        }
        let answer = match append.asked {
            Asked::Folder(Some(false)) => reply::no(&append.tag, "TRYCREATE", RefusalCode::NoSuchFolder),
            _ => reply::refused(&append.tag, code),
        };
        self.gate.refused();
        self.refuse_append(append, taken, answer)
    }

    /// Answers the APPEND ourselves, when the client is through with it; what the backend has of it is taken back.
    pub(super) fn refuse_append(&mut self, mut append: Box<Append>, taken: usize, answer: Vec<u8>) -> ImapStep {
        append.held = None;
        let coming = match append.stage {
            AppendStage::Sized { left, .. } => Some(left),
            _ if append.literal.sync => None,
            _ => Some(append.literal.size),
        };
        if !append.begun && !matches!(append.stage, AppendStage::Sized { .. }) {
            return self.refuse(taken, Some(append.literal), answer, SWALLOW_MESSAGE);
        }
        if coming.is_some_and(|coming| coming > SWALLOW_MESSAGE) {
            return self.close(Fault::TooLong(Side::Client));
        }
        let begun = append.begun;
        append.stage = match (begun, coming) {
            (false, _) => AppendStage::Refused { answer },
            (true, Some(_)) => AppendStage::Aborted { answer },
            (true, None) => AppendStage::AbortWait { answer },
        };
        if let Some(coming) = coming {
            self.client.enter(coming);
        }
        self.phase = ClientPhase::Append(append);
        if begun { ImapStep::Rewrite(taken, NO_MESSAGE.to_vec()) } else { ImapStep::Swallow(taken) }
    }

    /// Tells the backend the size, and waits for its `+`.
    fn announce(&mut self, mut append: Box<Append>, taken: usize) -> ImapStep {
        let AppendStage::Sized { bytes, left } = std::mem::replace(&mut append.stage, AppendStage::Tail) else {
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
        append.stage = AppendStage::AwaitGo { bytes, left };
        self.phase = ClientPhase::Append(append);
        ImapStep::Rewrite(taken, out)
    }

    fn note_append(&mut self, append: &Append) {
        if let Some(reuse) = &mut self.reuse {
            reuse.command(&append.tag, append.row, &append.prefix, None);
        }
    }
}
