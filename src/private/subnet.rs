//! A network as admins write it, to be compared with a peer: `10.0.0.2`, `10.0.0.0/8`, `2001:db8::/32`.
//!
//! It is nobody's address but a machine's of the host, so it may be shown; the peer's never leaves here.

use std::net::IpAddr;

use super::Peer;

/// One address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// IPv4 as `::ffff:0:0/96`, so that there is one kind.
    start: u128,
    /// Of the 128.
    bits: u32,
}

/// Why a text names no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSubnet {
    /// It is no address, or no number of bits behind the `/`.
    Syntax,
    /// It is everybody.
    Everybody,
    /// There are bits behind the network's: one of both is not what was meant.
    HostBits,
}

impl Subnet {
    /// Reads `ADDRESS` or `ADDRESS/BITS`.
    ///
    /// # Errors
    /// [`NoSubnet`].
    pub fn parse(text: &str) -> Result<Subnet, NoSubnet> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NoSubnet::Syntax)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse::<u32>().ok().filter(|bits| *bits <= most).ok_or(NoSubnet::Syntax)?,
        };
        if bits == 0 {
            return Err(NoSubnet::Everybody);
        }
        let subnet = Subnet { start: number(address), bits: bits + 128 - most };
        if subnet.start & !subnet.mask() != 0 {
            return Err(NoSubnet::HostBits);
        }
        Ok(subnet)
    }

    /// Whether `peer` is in it.
    pub fn holds(&self, peer: &Peer) -> bool {
        u128::from_be_bytes(peer.whole()) & self.mask() == self.start
    }

    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(128 - self.bits).unwrap_or(0)
    }
}

fn number(address: IpAddr) -> u128 {
    let octets = match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    u128::from_be_bytes(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_hold_what_is_in_them() {
        let peer = |text: &str| Peer::new(format!("{text}:1").parse().unwrap());
        let holds = |subnet: &str, address: &str| Subnet::parse(subnet).unwrap().holds(&peer(address));
        assert!(holds("10.0.0.2", "10.0.0.2") && holds("10.0.0.2", "[::ffff:10.0.0.2]") && !holds("10.0.0.2", "10.0.0.3"));
        assert!(holds("10.0.0.0/8", "10.9.8.7") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("192.0.2.128/25", "192.0.2.255") && !holds("192.0.2.128/25", "192.0.2.127"));
        assert!(holds("2001:db8::/32", "[2001:db8:ffff::1]") && !holds("2001:db8::/32", "[2001:db9::]"));
        assert!(holds("::1", "[::1]") && !holds("::1", "127.0.0.1") && !holds("2001:db8::/32", "10.0.0.2"));
        assert!(!holds("::/1", "192.0.2.1") || peer("192.0.2.1").whole()[0] == 0);
    }

    #[test]
    fn what_is_not_meant_is_not_taken() {
        for (text, why) in [
            ("", NoSubnet::Syntax),
            ("10.0.0", NoSubnet::Syntax),
            ("balancer.example", NoSubnet::Syntax),
            ("10.0.0.2/", NoSubnet::Syntax),
            ("10.0.0.0/33", NoSubnet::Syntax),
            ("::/129", NoSubnet::Syntax),
            ("10.0.0.0/-8", NoSubnet::Syntax),
            ("0.0.0.0/0", NoSubnet::Everybody),
            ("::/0", NoSubnet::Everybody),
            ("10.0.0.2/8", NoSubnet::HostBits),
            ("2001:db8::1/64", NoSubnet::HostBits),
        ] {
            assert_eq!(Subnet::parse(text), Err(why), "{text}");
        }
    }
}
