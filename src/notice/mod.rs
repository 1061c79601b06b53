//! Layer 3: notices by mail, when space runs out (DESIGN section 3). At 80 and 95 %, once each way up: the mailbox's owner is
//! told of the mailbox, the association's contact of the association, each in the association's language.
//!
//! ```text
//! Book::crossings ──▶ Queue ──due──▶ Notice::about ──▶ message ──▶ relay (serve::notices)
//!                       ▲──────────────── later ─────────────────────┘
//! ```
//!
//! Notices wait in memory only; the book writes down which levels were told ([`Book::told`]), so that after a restart those that
//! the relay has not taken yet are due again. Absent on purpose: anything in the message that tells of this machine or program,
//! and a return path: nobody shall answer a notice, no machine either.
//!
//! [`Book::told`]: crate::quota::Book::told

mod message;
mod queue;
mod text;

pub use message::{Letter, letter};
pub use queue::Queue;
pub use text::Notice;
