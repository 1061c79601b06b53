//! Grammar shared by the protocols: feed bytes, get what they mean, or a fault. Pure: no sockets, no clock.

pub mod contract;
pub mod direction;
pub mod dot;
pub mod header;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
#[cfg(any(test, feature = "testing"))]
pub mod play;
pub mod protection;
pub mod sasl;
mod swallow;
pub mod tokens;
