//! Who a level or a notice is about.

use super::Name;
use crate::private::Address;

/// Whom it is about, and who is told: the mailbox's owner, or the association's contact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An association as a whole.
    Association(Name),
    /// One mailbox.
    Mailbox(Address),
}
