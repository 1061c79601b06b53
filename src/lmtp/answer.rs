//! What only an LMTP server says; the rest is in `smtp::answer`.

use super::reservation::NoSpace;
use crate::fault::{Fault, RefusalCode};
use crate::quota::Unknown;
use crate::smtp::answer::{coded, no_space};

/// No room, or nobody.
pub(super) fn no_room(why: &NoSpace) -> Vec<u8> {
    match why {
        NoSpace::UnknownDomain(Unknown::Refuse) => coded("550 5.1.2", "No such domain here", RefusalCode::UnknownDomain),
        NoSpace::UnknownDomain(Unknown::Defer) => coded("450 4.1.2", "No such domain here yet", RefusalCode::UnknownDomain),
        NoSpace::Gone => apart(),
        NoSpace::Full(verdict, defer) => no_space(*verdict, *defer),
    }
}

/// A backend that cannot be used, or went away.
pub(super) fn backend(fault: Fault) -> Vec<u8> {
    match fault {
        Fault::Garbage(_) | Fault::TooLong(_) => {
            coded("451 4.3.0", "The mail server made no sense", RefusalCode::BackendConfused)
        }
        Fault::Gone(_) | Fault::Slow(_) | Fault::Down | Fault::Tls(_) | Fault::Stopping => {
            coded("451 4.3.0", "The mail server does not answer", RefusalCode::BackendDown)
        }
        // Nobody logs in here: it is set up to ask for what it never gets.
        Fault::Denied | Fault::Barred(_) | Fault::Limit => {
            coded("451 4.3.0", "The mail server takes nothing from here", RefusalCode::BackendSetup)
        }
    }
}

/// A recipient that can be judged only without the others: the sender tries it again.
pub(super) fn apart() -> Vec<u8> {
    coded("452 4.5.3", "To be sent apart from the other recipients", RefusalCode::TooManyRecipients)
}

/// An address that no backend could be asked about.
pub(super) fn no_address() -> Vec<u8> {
    coded("550 5.1.3", "Not an address", RefusalCode::Syntax)
}

/// An address in UTF-8, or one that a backend can take in ASCII only.
pub(super) fn needs_utf8() -> Vec<u8> {
    coded("553 5.6.7", "This address needs SMTPUTF8", RefusalCode::Syntax)
}
