//! What a session can be in. Each step takes the state apart and puts the next one together.

use std::mem;

use super::backend::Slot;
use super::envelope::LmtpEnvelope;
use super::reservation::RecipientReservation;
use crate::wire::dot;

pub(super) enum LmtpState {
    /// No LHLO yet.
    Hello,
    /// Between two transactions.
    Idle,
    /// MAIL was said.
    Open(Transaction),
    /// A backend is asked about a recipient.
    Asked(Transaction, Candidate),
    /// DATA is out at every backend that has recipients; this slot's answer is awaited.
    Data(Transaction, Slot),
    /// The message is coming in.
    Message(Transaction, dot::Dotted),
    /// The final dots are out, or never will be; this recipient's verdict is next.
    Verdicts(Transaction, usize),
    /// Nobody wants the rest of the message.
    Swallow(Transaction, dot::Swallow),
    /// The last words are in the buffer.
    Closed,
}

/// The mail transaction, RFC 5321 3.3.
pub(super) struct Transaction {
    pub(super) envelope: LmtpEnvelope,
    /// In the order of RCPT, those that were answered with 2xx.
    pub(super) recipients: Vec<Recipient>,
    /// RCPT commands.
    pub(super) tried: usize,
    /// Octets of the message so far.
    pub(super) taken: u64,
}

/// Somebody whose RCPT was answered with 2xx, and who is owed a verdict for it.
pub(super) struct Recipient {
    pub(super) slot: Slot,
    /// The whole RCPT command.
    pub(super) command: Vec<u8>,
    pub(super) fate: RecipientFate,
}

pub(super) enum RecipientFate {
    /// The backend has its recipient and will say what becomes of the message.
    Open(RecipientReservation),
    /// This will be said.
    Known(Vec<u8>),
    /// It was named before, in this place of the list: the message is stored once, and the same is said.
    Same(usize),
}

impl Recipient {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.fate, RecipientFate::Open(_))
    }
}

impl Transaction {
    /// Where this recipient was named before, if its backend has it.
    pub(super) fn place_of(&self, command: &[u8]) -> Option<usize> {
        self.recipients.iter().position(|recipient| recipient.command == command && recipient.is_open())
    }

    /// What is said of the recipient in this place, for those that are the same.
    pub(super) fn said(&mut self, place: usize, answer: &[u8]) {
        for recipient in &mut self.recipients {
            if let RecipientFate::Same(first) = recipient.fate
                && first == place
            {
                recipient.fate = RecipientFate::Known(answer.to_vec());
            }
        }
    }

    /// Whether this backend still has recipients.
    pub(super) fn uses(&self, slot: Slot) -> bool {
        self.recipients.iter().any(|recipient| recipient.slot == slot && recipient.is_open())
    }

    /// Whether another node judges one of them by now, and it is to be given up.
    pub(super) fn is_cut(&self) -> bool {
        self.recipients.iter().any(|recipient| matches!(&recipient.fate, RecipientFate::Open(room) if room.is_cut()))
    }

    /// Whether any backend has.
    pub(super) fn is_open(&self) -> bool {
        self.recipients.iter().any(Recipient::is_open)
    }

    /// The final dots go out: see [`RecipientReservation::hand_over`].
    pub(super) fn hand_over(&mut self) {
        for recipient in &mut self.recipients {
            if let RecipientFate::Open(room) = &mut recipient.fate {
                room.hand_over();
            }
        }
    }

    /// The backend of `slot` has the whole message and its verdicts will never come: see [`RecipientReservation::doubt`].
    pub(super) fn doubt(&mut self, slot: Slot, answer: &[u8]) {
        self.end(slot, answer, RecipientReservation::doubt);
    }

    /// The same where the backend of `slot` was never sent the end of the message: it stored nothing.
    pub(super) fn withhold(&mut self, slot: Slot, answer: &[u8]) {
        self.end(slot, answer, RecipientReservation::release);
    }

    fn end(&mut self, slot: Slot, answer: &[u8], how: fn(RecipientReservation)) {
        for recipient in self.recipients.iter_mut().filter(|recipient| recipient.slot == slot && recipient.is_open()) {
            if let RecipientFate::Open(room) = mem::replace(&mut recipient.fate, RecipientFate::Known(answer.to_vec())) {
                how(room);
            }
        }
    }

    /// Tells every recipient of `slot` that is still open the same. Their room is given back.
    pub(super) fn settle(&mut self, slot: Slot, answer: &[u8]) {
        for recipient in &mut self.recipients {
            if recipient.slot == slot && recipient.is_open() {
                recipient.fate = RecipientFate::Known(answer.to_vec());
            }
        }
    }
}

/// A recipient that a backend is being asked about.
pub(super) struct Candidate {
    pub(super) slot: Slot,
    /// The whole RCPT command.
    pub(super) command: Vec<u8>,
    /// Whether the recipient can be said in ASCII.
    pub(super) ascii: bool,
    pub(super) room: RecipientReservation,
    pub(super) asked: Outstanding,
}

/// What is out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outstanding {
    /// Nothing: the backend must be opened, or its part of the transaction.
    Nothing {
        /// The connection was made for this question, so there is no use in trying another one.
        fresh: bool,
    },
    Mail {
        fresh: bool,
    },
    Rcpt,
}
