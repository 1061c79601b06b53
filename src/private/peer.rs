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

    /// All of the address, for a network that has no bigger ones around it: circuits of an onion service have numbers in the last octets.
    pub(super) fn whole(&self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }

    /// The bytes that pseudonyms are made of: IPv4 whole, of IPv6 the /64, the /56 and the /48, behind one byte that tells them apart.
    pub(super) fn prefixes(&self) -> ([u8; 9], Option<[[u8; 9]; 2]>) {
        let narrow = self.prefix();
        let cut = |length: usize, kind| {
            let mut bytes = [0; 9];
            bytes[0] = kind;
            bytes[1..=length].copy_from_slice(&narrow[1..=length]);
            bytes
        };
        (narrow, (narrow[0] == 6).then(|| [cut(7, 56), cut(6, 48)]))
    }

    fn prefix(&self) -> [u8; 9] {
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
