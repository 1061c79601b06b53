//! The server's side of Dovecot's dict protocol, as far as its `quota_clone` plugin needs it: after every change of a mailbox,
//! by whomever, Dovecot sets two numbers, and the book knows what the mailbox holds.
//!
//! ```text
//! H4  0  0     quota                 hello: version, kind of values, user, name of the dict      (tabs between the fields)
//! B1  alice@velo.example  0          begin transaction 1 for this user
//! S1  priv/quota/storage  7014       octets now, of the whole mailbox
//! S1  priv/quota/messages  1
//! C1                            ──▶  O1
//! ```
//!
//! Spoken by 2.3 (`H3`) and 2.4 (`H4`, one field more behind `B`). Dovecot's LMTP says its 250 only after the `O`, so that
//! comes at once: for unknown users and odd keys too, and whatever becomes of the numbers. There is no RFC; a protocol of
//! Dovecot's own processes.
//!
//! Absent on purpose: a memory. What is asked for (`L`, `I`) is not there, and nothing of a line is ever said again. `F` is
//! never answered: a failure that Dovecot would write down, with the member's name.

#[cfg(any(test, feature = "testing"))]
pub mod check;
mod command;
mod decide;
mod frame;
mod reply;

pub use decide::{Push, UsageSession, UsageStep};
pub use frame::{MAX_LINE, UsageFrame, UsageFramer};
