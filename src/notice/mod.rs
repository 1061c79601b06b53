//! Layer 3: notices by mail, in the association's language. When space runs out, at 80 and 95 %, once each
//! way up: the mailbox's owner is told of the mailbox, the contact of the association. When the association leaves: both.
//! When more was sent than a limit allows: both, once a day.
//!
//! ```text
//! Book::news ──▶ Queue ──due──▶ Notice::about ──▶ message ──▶ relay (serve::notices)
//!                  ▲───────────────────── later ─────────────────────┘
//! ```
//!
//! Notices wait in memory only; the book writes down what was told ([`Book::told`]), so that after a restart those that
//! the relay has not taken yet are due again. Absent on purpose: anything in the message that tells of this machine or program,
//! and a return path: nobody shall answer a notice, no machine either.
//!
//! [`Book::told`]: crate::quota::Book::told

mod leaving;
mod message;
mod queue;
mod stopped;
mod text;

pub use message::letter;
pub use queue::Queue;
pub use text::Notice;
