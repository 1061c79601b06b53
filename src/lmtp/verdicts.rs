//! What becomes of the message for each recipient, in the order of RCPT (RFC 2033 4.2). A backend answers in the order of the
//! recipients that it took, so going through all of them in order reads every backend's answers in order too.

use std::mem;

use super::recipient::of_code;
use super::session::{Act, Peer, Session, Step};
use super::state::{Fate, State, Transaction};
use crate::smtp::reply::Reply;

impl Session {
    /// Says one verdict, or waits for the backend that has it.
    pub(super) fn verdicts(&mut self, mut transaction: Transaction, next: usize, input: &[u8]) -> Step {
        let octets = transaction.taken;
        let Some(recipient) = transaction.recipients.get_mut(next) else {
            self.hops.iter_mut().for_each(|hop| hop.in_transaction = false);
            self.state = State::Idle;
            return Step::new(0, Act::Again);
        };
        let slot = recipient.slot;
        if let Fate::Known(answer) = &mut recipient.fate {
            self.answers.append(answer);
            self.state = State::Verdicts(transaction, next + 1);
            return Step::new(0, Act::Again);
        }
        let (used, reply) = match Reply::parse(input) {
            Ok(None) => {
                self.state = State::Verdicts(transaction, next);
                return Step::new(0, Act::Read(Peer::Hop(slot)));
            }
            Ok(Some((reply, used))) => (used, Ok(reply)),
            Err(fault) => (input.len(), Err(fault)),
        };
        let fault = match reply {
            Ok(reply) if reply.code() != 421 && (reply.is_positive() || reply.is_negative()) => {
                let fate = mem::replace(&mut recipient.fate, Fate::Known(Vec::new()));
                match (fate, reply.is_positive()) {
                    (Fate::Open(room), true) => room.commit(octets),
                    (Fate::Open(room), false) => room.release(),
                    (Fate::Known(_), _) => {}
                }
                reply.write(&mut self.answers);
                self.state = State::Verdicts(transaction, next + 1);
                return Step::of_hop(used, Act::Again);
            }
            Ok(reply) => of_code(reply.code()),
            Err(fault) => fault,
        };
        self.state = State::Verdicts(transaction, next);
        self.drop_hop(slot, fault);
        Step::of_hop(used, Act::Again)
    }
}
