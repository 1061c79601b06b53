//! Policy delegation: Postfix asks (`check_policy_service`) at RCPT whether mail would find room, so that what is too much is
//! refused at the edge and makes no bounce. SMTPD_POLICY_README of Postfix.
//!
//! ```text
//! request=smtpd_access_policy      ──▶  action=DUNNO
//! protocol_state=RCPT                   action=552 5.2.2 No space left (MAILBOX-FULL)
//! recipient=alice@velo.example          action=452 4.2.2 No space left at the moment (ASSOCIATION-FULL)
//! size=12345
//! ```
//!
//! Nothing is set aside: the mail comes later, or never. Absent on purpose: every other attribute. Who sends, from where, and
//! under which name, is passed over in the read buffer and never becomes a value.

#[cfg(any(test, feature = "testing"))]
pub mod check;
mod decide;
mod request;

pub use decide::{Failure, decide};
pub use request::PolicyRequest;
