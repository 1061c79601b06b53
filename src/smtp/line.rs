//! The line to a server behind us: whether it is open, how far its opening is, and how it is left.

use std::mem;

use zeroize::Zeroizing;

use super::client::{Capabilities, Next, Opening};
use super::reply::Reply;
use crate::fault::{Fault, Side};

/// Bytes for the server: they may hold a password.
pub type Orders = Zeroizing<Vec<u8>>;

/// A conversation with a server.
pub enum Line {
    /// There is no connection.
    Away,
    /// It is being opened.
    Opening(Opening),
    /// Mail can be handed over.
    Ready(Capabilities),
    /// To be closed by the driver in the next step; for this reason, if it is the server's fault.
    Leaving(Option<Fault>),
}

/// How far the opening came.
pub enum Opened {
    /// A connection is to be made.
    Dial,
    /// The server's next words are awaited.
    Read,
    /// TLS is to be started.
    Secure,
    /// Mail can be handed over.
    Ready(Capabilities),
    /// The server is there and refuses the credential.
    Denied,
    /// The server cannot be used.
    Failed(Fault),
}

impl Line {
    /// Goes on opening with what the server said: how many octets are done with, and how far it came.
    pub fn open(&mut self, input: &[u8], orders: &mut Orders) -> (usize, Opened) {
        let opening = match mem::replace(self, Line::Away) {
            Line::Opening(opening) => opening,
            Line::Ready(capabilities) => {
                *self = Line::Ready(capabilities);
                return (0, Opened::Ready(capabilities));
            }
            Line::Away | Line::Leaving(_) => return (0, Opened::Dial),
        };
        let (reply, used) = match Reply::parse(input) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => {
                *self = Line::Opening(opening);
                return (0, Opened::Read);
            }
            Err(fault) => {
                *self = Line::Opening(opening);
                return (input.len(), Opened::Failed(fault));
            }
        };
        // Until it is told otherwise below, the connection is one to be closed.
        *self = Line::Leaving(None);
        let ahead = used < input.len();
        let opened = match opening.reply(&reply) {
            Next::Secure(opening) => {
                *self = Line::Opening(opening);
                return (input.len(), Opened::Secure);
            }
            // Bytes that came ahead of our question cannot be its answer (RFC 3207 4.2 and NO STARTTLS, 2021).
            Next::Send(..) | Next::Ready(_) if ahead => Opened::Failed(Fault::Garbage(Side::Backend)),
            Next::Send(order, opening) => {
                *orders = order;
                *self = Line::Opening(opening);
                Opened::Read
            }
            Next::Ready(capabilities) => {
                *self = Line::Ready(capabilities);
                Opened::Ready(capabilities)
            }
            Next::Denied => Opened::Denied,
            Next::Failed(fault) => Opened::Failed(fault),
        };
        (used, opened)
    }

    /// TLS is up.
    pub fn secured(&mut self, orders: &mut Orders) {
        if let Line::Opening(opening) = mem::replace(self, Line::Leaving(None)) {
            let (order, opening) = opening.secured();
            *orders = order;
            *self = Line::Opening(opening);
        }
    }

    /// Drops the connection, for the server's `fault` if there is one. `polite`: with QUIT, where no message is half sent.
    /// What a half-sent message needs is the opposite: no final dot, no further byte.
    pub fn leave(&mut self, orders: &mut Orders, polite: bool, fault: Option<Fault>) {
        orders.clear();
        if polite && matches!(self, Line::Ready(_)) {
            orders.extend_from_slice(b"QUIT\r\n");
        }
        if !matches!(self, Line::Away) {
            *self = Line::Leaving(fault);
        }
    }
}
