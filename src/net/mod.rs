//! Sockets, TLS, timers: everything that touches the network, and nothing that understands a protocol.

pub mod alpn;
pub mod buffer;
pub mod buffered;
pub mod certificate_folder;
pub mod certificates;
pub mod conn;
pub mod dial;
pub mod identity;
pub mod listen;
pub mod min_rate;
pub mod seal;
pub mod shutdown;
pub mod tls;
