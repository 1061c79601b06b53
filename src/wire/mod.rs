//! Grammar shared by the protocols: feed bytes, get what they mean, or a fault. Pure: no sockets, no clock.

pub mod contract;
pub mod dot;
pub mod header;
#[doc(hidden)]
pub mod invariants;
#[doc(hidden)]
pub mod play;
pub mod protection;
pub mod sasl;
mod swallow;
pub mod tokens;
