//! Connections to servers behind us that outlive a session, so that the next one needs neither a login nor a greeting.
//!
//! A session has a [`Checkout`] on its connection. When it is over the connection is *parked*, if a reset leaves nothing of the session
//! on it, and then belongs to nobody; or it is *released*: closed, to make room.
//!
//! | file | what |
//! |---|---|
//! | `pool` | logged-in IMAP connections, for the same person with the same secret |
//! | `relay` | SMTP connections on which nobody is logged in, for whoever sends next |
//! | `checkout` | a session's hold on a connection, and how it is taken back |
//! | `relay_capabilities` | what the relays showed of themselves |
//! | `parked` | a connection between two sessions: it must be silent |
//! | `reset` | the command and its answer that stand between two sessions |
//! | `seats` | a server that is full of what we park |
//!
//! Absent on purpose: what a session did on its connection, and so whether it may be parked at all. That is for those who understand
//! the session: `imap::reuse`, and `Reuse` in `smtp::upstream`.

mod checkout;
mod params;
mod parked;
#[allow(clippy::module_inception)] // the pool of the room
mod pool;
mod relay;
mod relay_capabilities;
pub mod reset;
pub mod seats;

pub use checkout::{Checkout, CheckoutOwner, Returning};
pub use params::PoolParams;
pub use pool::Pool;
pub use relay::{RelayConn, RelayPool, Wear};
pub use relay_capabilities::RelayCapabilities;
