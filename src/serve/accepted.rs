//! What a driver is given for one connection: a client that has a seat and was not greeted yet.

use std::sync::Arc;

use super::handshake::Handshake;
use super::imap_backend::Pooling;
use crate::limit::Seat;
use crate::net::shutdown::Shutdown;
use crate::net::tls;
use crate::wire::protection::Protection;

/// What a driver is given for one connection.
pub(super) struct Accepted {
    pub(super) handshake: Handshake,
    pub(super) seat: Seat,
    pub(super) stop: Shutdown,
    pub(super) protection: Protection,
    /// For STARTTLS.
    pub(super) tls: Option<tls::TlsServer>,
    pub(super) pooling: Pooling,
    /// The domain of logins that have none: [`Credential::completed`](crate::private::Credential::completed).
    pub(super) default_domain: Option<Arc<str>>,
}
