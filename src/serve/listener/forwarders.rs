//! Who may say where a client is: the load balancers of `proxy_protocol`.

use crate::net::conn::Conn;
use crate::private::{NoSubnet, Peer, Subnet};

/// Those of one listener; nobody, mostly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarders {
    subnets: Vec<Subnet>,
    /// Whoever connects to a Unix socket: its file says who can.
    unix: bool,
}

impl Forwarders {
    /// The word for a Unix socket.
    pub const UNIX: &str = "unix";

    /// One more: an address, a network, or [`Forwarders::UNIX`].
    ///
    /// # Errors
    /// As [`Subnet::parse`].
    pub fn add(&mut self, text: &str) -> Result<(), NoSubnet> {
        if text == Forwarders::UNIX {
            self.unix = true;
        } else {
            self.subnets.push(Subnet::parse(text)?);
        }
        Ok(())
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.subnets.is_empty() && !self.unix
    }

    /// Whether one of them is known by its address, and not by a Unix socket.
    pub fn has_address(&self) -> bool {
        !self.subnets.is_empty()
    }

    /// Whether a Unix socket is among them.
    pub fn has_unix(&self) -> bool {
        self.unix
    }

    /// Whether this machine is among them, as it is seen on loopback.
    pub fn hold_local(&self) -> bool {
        self.subnets.iter().any(|subnet| subnet.holds(&Peer::local()))
    }

    /// Whether `conn` is one of theirs.
    pub fn hold(&self, conn: &Conn, peer: &Peer) -> bool {
        match conn {
            Conn::Unix(_) => self.unix,
            _ => self.subnets.iter().any(|subnet| subnet.holds(peer)),
        }
    }
}
