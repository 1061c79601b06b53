//! Sockets, TLS, timers: everything that touches the network, and nothing that understands a protocol.

pub mod buffer;
pub mod certificates;
pub mod conn;
pub mod dial;
pub mod link;
pub mod listen;
pub mod loan;
pub mod pace;
pub mod pool;
mod rested;
pub mod spares;
pub mod stop;
pub mod stream;
pub mod tls;
