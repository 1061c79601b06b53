//! How often and how many: connections, logins and wrong passwords, by pseudonym of the client's network and of the account.
//!
//! | | |
//! |---|---|
//! | `params` | the numbers, and what they cost |
//! | `limits` | all that is in force |
//! | `seating` | who gets a place |
//! | `seats` | how many sessions of each kind |
//! | `seat` | one session's place, and its tries |
//! | `guesses`, `bucket` | who may try a password |
//!
//! All of it is in memory, keyed by 16 bytes of a keyed hash, and forgotten at restart (docs/keys.md).

mod asker;
mod bucket;
mod guesses;
mod limits;
mod network;
mod params;
mod seat;
mod seating;
mod seats;

pub use guesses::{REMEMBERED, Slowed};
pub use limits::Limits;
pub use params::{LimitParams, Overhead};
pub use seat::{Attempt, Seat};
pub use seats::Queued;

#[cfg(test)]
mod tests;
