//! What becomes of the message for each recipient, in the order of RCPT (RFC 2033 4.2). A backend answers in the order of the
//! recipients that it took, so going through all of them in order reads every backend's answers in order too.

use std::mem;

use super::answer;
use super::session::{Awaited, LmtpAct, LmtpSession, LmtpStep};
use super::state::{LmtpState, RecipientFate, Transaction};
use crate::fault::{Fault, Side};
use crate::smtp::replied::{Replied, Wanted, hear};
use crate::smtp::upstream::Manner;

impl LmtpSession {
    /// Says one verdict, or waits for the backend that has it.
    pub(super) fn verdicts(&mut self, mut transaction: Transaction, next: usize, input: &[u8]) -> LmtpStep {
        let octets = transaction.taken;
        let Some(recipient) = transaction.recipients.get_mut(next) else {
            self.backends.iter_mut().for_each(|backend| backend.in_transaction = false);
            self.state = LmtpState::Idle;
            return LmtpStep::new(0, LmtpAct::Again);
        };
        let slot = recipient.slot;
        if let RecipientFate::Known(answer) = &mut recipient.fate {
            let answer = mem::take(answer);
            transaction.said(next, &answer);
            self.answers.extend(answer);
            self.state = LmtpState::Verdicts(transaction, next + 1);
            return LmtpStep::new(0, LmtpAct::Again);
        }
        // The end of the message has not left yet: this is no verdict on it.
        if !input.is_empty() && self.backends.get(slot.0).is_some_and(|backend| backend.upstream.gathered() > 0) {
            let fault = Fault::Garbage(Side::Backend);
            self.leave(slot, Manner::For(fault));
            transaction.withhold(slot, &answer::backend(fault));
            self.state = LmtpState::Verdicts(transaction, next);
            return LmtpStep::of_backend(input.len(), LmtpAct::Again);
        }
        let (used, heard) = hear(input, Wanted::Done);
        let (accepted, reply) = match heard {
            Replied::Part => {
                self.state = LmtpState::Verdicts(transaction, next);
                return LmtpStep::new(0, LmtpAct::Read(Awaited::Backend(slot)));
            }
            Replied::Yes(reply) => (true, reply),
            Replied::No(reply) => (false, reply),
            Replied::Lost(fault) => {
                self.state = LmtpState::Verdicts(transaction, next);
                self.drop_backend(slot, fault);
                return LmtpStep::of_backend(used, LmtpAct::Again);
            }
        };
        match (mem::replace(&mut recipient.fate, RecipientFate::Known(Vec::new())), accepted) {
            (RecipientFate::Open(room), true) => room.commit(octets),
            (RecipientFate::Open(room), false) => room.release(),
            (RecipientFate::Known(_) | RecipientFate::Same(_), _) => {}
        }
        let mut answer = Vec::new();
        reply.write(&mut answer);
        transaction.said(next, &answer);
        self.answers.extend(answer);
        self.state = LmtpState::Verdicts(transaction, next + 1);
        LmtpStep::of_backend(used, LmtpAct::Again)
    }
}
