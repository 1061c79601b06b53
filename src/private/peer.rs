//! The network address of a client. It is turned into a [`Pseudonym`](super::Pseudonym) at once and then forgotten.

use std::net::{IpAddr, SocketAddr};

/// Where a client is. Lives from `accept` to the pseudonym, and nowhere else.
pub struct Peer(IpAddr);

impl Peer {
    /// From what `accept` said; the port is dropped here.
    pub fn new(address: SocketAddr) -> Peer {
        Peer(address.ip().to_canonical())
    }

    /// A peer on this machine that has no address: over a Unix socket.
    pub fn local() -> Peer {
        Peer(IpAddr::from([127, 0, 0, 1]))
    }

    /// The bytes that a pseudonym is made of: IPv4 whole, of IPv6 the /64, behind one byte that tells them apart.
    pub(super) fn prefix(&self) -> [u8; 9] {
        let mut bytes = [0; 9];
        match self.0 {
            IpAddr::V4(v4) => {
                bytes[0] = 4;
                bytes[1..5].copy_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                bytes[0] = 6;
                bytes[1..9].copy_from_slice(&v6.octets()[..8]);
            }
        }
        bytes
    }
}
