//! Layer 3: two machines with one book (docs/nodes.md): who may judge, and what node and witness say to each other.
//!
//! ```text
//! nologd run ──node socket── nologd node link ──ssh── nologd node witness, on the machine with the mailboxes
//!   Node         (pipes)                                Arbiter: one lease, one sealed copy of the book
//! ```
//!
//! A [`Node`] judges only while its [`Tenure`] lasts, by its own clock, counted from before it asked. An [`Arbiter`] gives the lease to
//! another one only when it is over by the witness's clock, and says so only when the storage was closed to everybody else.
//!
//! Pure: time comes from the caller, as [`Millis`]. Absent on purpose: the book. A copy of it is octets that only the two nodes can read.

mod arbiter;
mod line;
mod questions;
mod role;
mod tenure;
#[cfg(test)]
pub(crate) mod tests;

pub use arbiter::{Arbiter, Claimant, Ruling};
pub use line::{COPY_OCTETS, LINE_OCTETS, LeaseWord, NodeWord, VERSION, WitnessWord, is_name};
pub use questions::Questions;
pub use role::{Choice, Duty, Node, NotOwnBook};
pub use tenure::Tenure;

/// Milliseconds of a clock that never goes back, and that goes on while the machine sleeps.
pub type Millis = u64;

/// How long a lease is, by the witness's clock, from when it answers.
pub const LEASE: Millis = 4000;

/// How long a node may rely on it, by its own clock, from before it asked. The difference to [`LEASE`] is for clocks that do not go alike:
/// a quarter, where real ones differ by less than a thousandth.
pub const HOLD: Millis = 3000;

/// How often a node asks.
pub const EVERY: Millis = 1000;

/// How long a node that stood by leaves the lease to the other one.
pub const AFTER_YOU: Millis = 30_000;

/// How long an admin's word about who is to judge holds, as long as it is not that one.
pub const CHOSEN: Millis = 120_000;

/// What a node wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bid {
    /// Nothing yet: it has no copy of the book.
    Wait,
    /// The lease, when it is free.
    Want,
    /// The lease, and whoever has it is to be called on to leave it.
    Now,
}

words! { Bid, "A node waits, wants, or wants now.": Wait = "wait", Want = "want", Now = "now" }
