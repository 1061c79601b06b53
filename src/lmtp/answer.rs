//! What only an LMTP server says; the rest is in `smtp::answer`.

use super::room::NoRoom;
use crate::fault::{Code, Fault};
use crate::quota::Unknown;
use crate::smtp::answer::{coded, no_space};

/// No room, or nobody.
pub(super) fn no_room(why: &NoRoom) -> Vec<u8> {
    match why {
        NoRoom::UnknownDomain(Unknown::Refuse) => coded("550 5.1.2", "No such domain here", Code::UnknownDomain),
        NoRoom::UnknownDomain(Unknown::Defer) => coded("450 4.1.2", "No such domain here yet", Code::UnknownDomain),
        NoRoom::Gone => apart(),
        NoRoom::Full(verdict, defer) => no_space(*verdict, *defer),
    }
}

/// A backend that cannot be used, or went away.
pub(super) fn backend(fault: Fault) -> Vec<u8> {
    match fault.code() {
        Code::BackendConfused => coded("451 4.3.0", "The mail server made no sense", Code::BackendConfused),
        _ => coded("451 4.3.0", "The mail server does not answer", Code::BackendDown),
    }
}

/// A recipient that can be judged only without the others: the sender tries it again.
pub(super) fn apart() -> Vec<u8> {
    coded("452 4.5.3", "To be sent apart from the other recipients", Code::TooManyRecipients)
}

/// An address that no backend could be asked about.
pub(super) fn no_address() -> Vec<u8> {
    coded("550 5.1.3", "Not an address", Code::Syntax)
}

/// An address in UTF-8, or one that a backend can take in ASCII only.
pub(super) fn needs_utf8() -> Vec<u8> {
    coded("553 5.6.7", "This address needs SMTPUTF8", Code::Syntax)
}
