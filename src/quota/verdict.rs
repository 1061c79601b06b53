//! Why the book says no.

use crate::fault::Code;

/// A refusal. Which limit it was is told to the person, as a [`Code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The space (or the number of messages) that the association shares.
    AssociationFull,
    /// The mailbox's own limit.
    MailboxFull,
    /// The association is read-only: members read, and do not store or send.
    ReadOnly,
    /// The association is suspended, or has left.
    Suspended,
    /// More mailboxes than the association may have: this one was not there before.
    TooManyMailboxes,
    /// The sending limit of the mailbox or of the association.
    TooManyMessages,
    /// More octets of this mailbox were announced and not sent than may be at once.
    TooManyWrites,
    /// No association has this domain, or the mailbox is not in the book (see [`super::Book::admit`]).
    Unknown,
}

impl Verdict {
    /// The code word that the person is told.
    pub fn code(self) -> Code {
        match self {
            Verdict::AssociationFull => Code::AssociationFull,
            Verdict::MailboxFull => Code::MailboxFull,
            Verdict::ReadOnly => Code::ReadOnly,
            Verdict::Suspended => Code::Suspended,
            Verdict::TooManyMailboxes => Code::TooManyMailboxes,
            Verdict::TooManyMessages => Code::TooManyMessages,
            Verdict::TooManyWrites => Code::TooManyWrites,
            Verdict::Unknown => Code::UnknownMailbox,
        }
    }
}
