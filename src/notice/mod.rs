//! Layer 3: notices by mail, in the association's language. When space runs out, at 80 and 95 %, once each
//! way up: the mailbox's owner is told of the mailbox, the contact of the association. When the association leaves: both.
//! When more was sent than a limit allows: both, once a day. The links by which a contact logs in at the pages, and hands over; and the
//! space that another contact offers. To the hosts: what a contact asks them for.
//!
//! ```text
//! Book ──Fact──▶ Queue ──due──▶ Notice::about ──▶ message ──▶ relay (serve::notices)
//!                  ▲───────────────────── later ─────────────────────┘
//! ```
//!
//! The book tells facts, each in the step in which it happened; which of them are worth a mail is decided here. Notices wait in memory
//! only; the book writes down what was told ([`Book::told`]), so that after a restart those that the relay has not taken yet are due
//! again. Absent on purpose: anything in the message that tells of this machine or program,
//! and a return path: nobody shall answer a notice, no machine either.
//!
//! [`Book::told`]: crate::quota::Book::told

mod hand_over;
mod leaving;
mod login;
mod message;
mod more_space;
mod offer;
mod queue;
mod size;
mod stopped;
mod text;
mod topic;

pub use leaving::date;
pub use message::letter;
pub use more_space::SpaceRequest;
pub use queue::{Counts, Queue};
pub use size::size;
pub use text::Notice;
pub use topic::Topic;
