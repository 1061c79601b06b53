//! Why a message is not sent on.

use crate::fault::RefusalCode;

/// Why a message is not sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line of the header is no header field.
    Malformed,
    /// No From, or no address in it.
    NoFrom,
    /// An address in From or Sender is not the member's.
    NotYours,
    /// The header block is longer than the policy's `header_limit`.
    TooLong,
    /// Two From or two Sender (RFC 5322 3.6), or more fields than any message has.
    TooManyFields,
    /// From or Sender can be read in more than one way.
    UnclearSender,
    /// More addresses in From or Sender than anybody has.
    TooManySenders,
}

impl Refusal {
    /// The word that the member is told.
    pub fn code(self) -> RefusalCode {
        match self {
            Refusal::Malformed | Refusal::TooManyFields | Refusal::TooManySenders => RefusalCode::MessageMalformed,
            Refusal::NoFrom => RefusalCode::NoSender,
            Refusal::NotYours => RefusalCode::NotYourAddress,
            Refusal::UnclearSender => RefusalCode::SenderUnclear,
            Refusal::TooLong => RefusalCode::HeaderTooLong,
        }
    }
}
