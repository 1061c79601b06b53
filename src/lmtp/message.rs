//! DATA: the message goes to every backend that has recipients, as it comes and unchanged.
//!
//! The final dot goes out when the book has agreed to the size that the message really has. So a message that turns out
//! too large is stored by nobody; the backend is left without a dot, and the rest is swallowed before the verdicts.

use super::answer;
use super::backend::Slot;
use super::environment::LmtpEnvironment;
use super::session::{Awaited, LmtpAct, LmtpSession, LmtpStep};
use super::state::{LmtpState, RecipientFate, Transaction};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::answer::{START_MAIL, coded, refusal};
use crate::smtp::replied::{Replied, Wanted, hear};
use crate::smtp::upstream::Manner;
use crate::wire::dot::{self, Next};

impl LmtpSession {
    /// The client said DATA.
    pub(super) fn begin_data(&mut self, transaction: Transaction) {
        if transaction.recipients.is_empty() {
            return self.say(LmtpState::Open(transaction), coded("503 5.5.1", "No valid recipients", RefusalCode::Syntax));
        }
        for (slot, backend) in self.backends.iter_mut().enumerate() {
            if transaction.uses(Slot(slot)) {
                backend.upstream.say(b"DATA\r\n");
            } else if backend.in_transaction {
                backend.leave(Manner::WithQuit);
            }
        }
        self.state = LmtpState::Data(transaction, Slot(0));
    }

    /// The answers to DATA are coming in, one slot after the other.
    pub(super) fn data(&mut self, mut transaction: Transaction, slot: Slot, input: &[u8]) -> LmtpStep {
        if slot.0 >= self.backends.len() {
            self.go_ahead(transaction);
            return LmtpStep::new(0, LmtpAct::Again);
        }
        if !transaction.uses(slot) {
            self.state = LmtpState::Data(transaction, Slot(slot.0 + 1));
            return LmtpStep::new(0, LmtpAct::Again);
        }
        let (used, heard) = hear(input, Wanted::Message);
        let fault = match heard {
            Replied::Part => {
                self.state = LmtpState::Data(transaction, slot);
                return LmtpStep::new(0, LmtpAct::Read(Awaited::Backend(slot)));
            }
            // Nothing can come behind the backend's go-ahead before it has the message.
            Replied::Yes(_) => (used < input.len()).then_some(Fault::Garbage(Side::Backend)),
            Replied::No(reply) => {
                let mut text = Vec::new();
                reply.write(&mut text);
                transaction.settle(slot, &text);
                self.leave(slot, Manner::WithQuit);
                None
            }
            Replied::Lost(fault) => Some(fault),
        };
        self.state = LmtpState::Data(transaction, Slot(slot.0 + 1));
        if let Some(fault) = fault {
            self.drop_backend(slot, fault);
        }
        LmtpStep::of_backend(used, LmtpAct::Again)
    }

    // RFC 2033 4.2: the verdicts come one by one only behind a message. Before it there is one answer for all.
    fn go_ahead(&mut self, transaction: Transaction) {
        if transaction.is_open() {
            return self.say(LmtpState::Message(transaction, dot::Dotted::default()), START_MAIL.to_vec());
        }
        let mut told = transaction.recipients.iter().filter_map(|recipient| match &recipient.fate {
            RecipientFate::Known(answer) => Some(answer),
            RecipientFate::Open(_) | RecipientFate::Same(_) => None,
        });
        let first = told.next().cloned();
        let same = first.filter(|first| told.all(|answer| answer == first));
        self.say(LmtpState::Idle, same.unwrap_or_else(|| answer::backend(Fault::Down)));
    }

    /// The message is coming in.
    pub(super) fn message(
        &mut self,
        env: &dyn LmtpEnvironment,
        mut transaction: Transaction,
        mut dotted: dot::Dotted,
        client: &[u8],
    ) -> LmtpStep {
        let seen = dotted.body(client);
        let mut pass = seen.pass;
        if seen.next == Next::Bare {
            if client.get(pass) != Some(&b'\r') {
                return self.bare(transaction, dotted, pass);
            }
            dotted.pass_cr();
            pass += 1;
        }
        transaction.taken = transaction.taken.saturating_add(pass as u64);
        self.widen(env, &mut transaction);
        if !transaction.is_open() {
            self.state = LmtpState::Swallow(transaction, dot::Swallow::from(dotted));
            return LmtpStep::new(pass, LmtpAct::Again);
        }
        if pass == 0 && seen.next == Next::End {
            self.finish(transaction);
            return LmtpStep::new(dot::END.len(), LmtpAct::Again);
        }
        self.state = LmtpState::Message(transaction, dotted);
        LmtpStep::new(0, if pass > 0 { LmtpAct::Forward(pass) } else { LmtpAct::Read(Awaited::Client) })
    }

    /// Asks for more room where the message is larger than was announced. A backend cannot be made to forget one recipient:
    /// where one finds no room, the others of the same backend are tried again without it.
    fn widen(&mut self, env: &dyn LmtpEnvironment, transaction: &mut Transaction) {
        let mut crossed = Vec::new();
        for recipient in &mut transaction.recipients {
            let RecipientFate::Open(room) = &mut recipient.fate else { continue };
            if let Err(why) = room.widen(env, transaction.taken) {
                recipient.fate = RecipientFate::Known(answer::no_room(&why));
                crossed.push(recipient.slot);
            }
        }
        for slot in crossed {
            transaction.settle(slot, &answer::apart());
            self.leave(slot, Manner::AtOnce);
        }
    }

    fn finish(&mut self, mut transaction: Transaction) {
        transaction.hand_over();
        for (slot, backend) in self.backends.iter_mut().enumerate() {
            if transaction.uses(Slot(slot)) {
                backend.upstream.say(dot::END);
            }
        }
        self.state = LmtpState::Verdicts(transaction, 0);
    }

    fn bare(&mut self, mut transaction: Transaction, dotted: dot::Dotted, pass: usize) -> LmtpStep {
        for (slot, backend) in self.backends.iter_mut().enumerate() {
            if transaction.uses(Slot(slot)) {
                backend.leave(Manner::AtOnce);
                transaction.settle(Slot(slot), &refusal(RefusalCode::BareLineEnd));
            }
        }
        self.state = LmtpState::Swallow(transaction, dot::Swallow::from(dotted));
        LmtpStep::new(pass, LmtpAct::Again)
    }

    /// Drops what is left of a message that nobody takes.
    pub(super) fn swallow(&mut self, transaction: Transaction, mut rest: dot::Swallow, client: &[u8]) -> LmtpStep {
        let (used, last) = rest.feed(client);
        self.state = if last { LmtpState::Verdicts(transaction, 0) } else { LmtpState::Swallow(transaction, rest) };
        LmtpStep::new(used, if used > 0 { LmtpAct::Again } else { LmtpAct::Read(Awaited::Client) })
    }
}
