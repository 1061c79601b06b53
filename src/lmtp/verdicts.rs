//! What becomes of the message for each recipient, in the order of RCPT (RFC 2033 4.2). A backend answers in the order of the
//! recipients that it took, so going through all of them in order reads every backend's answers in order too.

use std::mem;

use super::session::{Act, Peer, Session, Step};
use super::state::{Fate, State, Transaction};
use crate::smtp::replied::{Replied, Wanted, hear};

impl Session {
    /// Says one verdict, or waits for the backend that has it.
    pub(super) fn verdicts(&mut self, mut transaction: Transaction, next: usize, input: &[u8]) -> Step {
        let octets = transaction.taken;
        let Some(recipient) = transaction.recipients.get_mut(next) else {
            self.backends.iter_mut().for_each(|backend| backend.in_transaction = false);
            self.state = State::Idle;
            return Step::new(0, Act::Again);
        };
        let slot = recipient.slot;
        if let Fate::Known(answer) = &mut recipient.fate {
            self.answers.append(answer);
            self.state = State::Verdicts(transaction, next + 1);
            return Step::new(0, Act::Again);
        }
        let (used, heard) = hear(input, Wanted::Done);
        let (accepted, reply) = match heard {
            Replied::Part => {
                self.state = State::Verdicts(transaction, next);
                return Step::new(0, Act::Read(Peer::Backend(slot)));
            }
            Replied::Yes(reply) => (true, reply),
            Replied::No(reply) => (false, reply),
            Replied::Lost(fault) => {
                self.state = State::Verdicts(transaction, next);
                self.drop_backend(slot, fault);
                return Step::of_backend(used, Act::Again);
            }
        };
        match (mem::replace(&mut recipient.fate, Fate::Known(Vec::new())), accepted) {
            (Fate::Open(room), true) => room.commit(octets),
            (Fate::Open(room), false) => room.release(),
            (Fate::Known(_), _) => {}
        }
        reply.write(&mut self.answers);
        self.state = State::Verdicts(transaction, next + 1);
        Step::of_backend(used, Act::Again)
    }
}
