//! Why the book says no.

use crate::fault::RefusalCode;

/// A refusal. Which limit it was is told to the person, as a [`RefusalCode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The space (or the number of messages) that the association shares.
    AssociationFull,
    /// The mailbox's own limit.
    MailboxFull,
    /// This process may not judge now: see [`super::Permit`].
    NotNow,
    /// The association is read-only: members read, and do not store or send.
    ReadOnly,
    /// Sending is switched off for the mailbox.
    SendingOff,
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
    pub fn code(self) -> RefusalCode {
        match self {
            Verdict::AssociationFull => RefusalCode::AssociationFull,
            Verdict::MailboxFull => RefusalCode::MailboxFull,
            Verdict::NotNow => RefusalCode::TakingOver,
            Verdict::ReadOnly => RefusalCode::ReadOnly,
            Verdict::SendingOff => RefusalCode::SendingOff,
            Verdict::Suspended => RefusalCode::Suspended,
            Verdict::TooManyMailboxes => RefusalCode::TooManyMailboxes,
            Verdict::TooManyMessages => RefusalCode::TooManyMessages,
            Verdict::TooManyWrites => RefusalCode::TooManyWrites,
            Verdict::Unknown => RefusalCode::UnknownMailbox,
        }
    }
}
