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
    /// It is everybody, or everybody with an IPv4 address.
    Everybody,
    /// It is wider than the machines of any one host: two halves of the world are the world.
    TooWide,
    /// There are bits behind the network's: one of both is not what was meant.
    HostBits,
}

/// All of IPv4.
const V4: Subnet = Subnet { start: 0xffff_0000_0000, bits: 96 };

/// Networks that nobody is in who comes from elsewhere: RFC 1918, RFC 6598, loopback, RFC 4193, IPv6 on one wire.
const PRIVATE: [Subnet; 7] = [
    Subnet { start: 0xffff_0a00_0000, bits: 104 },
    Subnet { start: 0xffff_ac10_0000, bits: 108 },
    Subnet { start: 0xffff_c0a8_0000, bits: 112 },
    Subnet { start: 0xffff_6440_0000, bits: 106 },
    Subnet { start: 0xffff_7f00_0000, bits: 104 },
    Subnet { start: 0xfc << 120, bits: 7 },
    Subnet { start: 0xfe80 << 112, bits: 10 },
];

/// The widest network of others: a provider's, at most. Of the 128 bits; IPv4 has 16 of its 32.
const WIDEST_V4: u32 = 96 + 16;
const WIDEST_V6: u32 = 32;

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
        let subnet = Subnet { start: number(address), bits: bits + 128 - most };
        if bits == 0 || V4.is_within(&subnet) {
            return Err(NoSubnet::Everybody);
        }
        if subnet.start & !subnet.mask() != 0 {
            return Err(NoSubnet::HostBits);
        }
        let widest = if subnet.is_within(&V4) { WIDEST_V4 } else { WIDEST_V6 };
        let private = PRIVATE.iter().any(|private| subnet.is_within(private));
        if subnet.bits < widest && !private { Err(NoSubnet::TooWide) } else { Ok(subnet) }
    }

    fn is_within(&self, wider: &Subnet) -> bool {
        self.bits >= wider.bits && self.start & wider.mask() == wider.start
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
        assert!(
            holds("fd00::/8", "[fd12::1]") && holds("100.64.0.0/10", "100.127.0.1") && holds("198.51.0.0/16", "198.51.100.1")
        );
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
            // Whoever comes over IPv4 is in these.
            ("::/1", NoSubnet::Everybody),
            ("::/80", NoSubnet::Everybody),
            ("::ffff:0.0.0.0/96", NoSubnet::Everybody),
            ("0.0.0.0/1", NoSubnet::TooWide),
            ("128.0.0.0/1", NoSubnet::TooWide),
            ("::ffff:128.0.0.0/97", NoSubnet::TooWide),
            ("8000::/1", NoSubnet::TooWide),
            ("2000::/3", NoSubnet::TooWide),
            ("10.0.0.0/7", NoSubnet::TooWide),
            ("198.50.0.0/15", NoSubnet::TooWide),
            ("2001:db8::/31", NoSubnet::TooWide),
            ("10.0.0.2/8", NoSubnet::HostBits),
            ("2001:db8::1/64", NoSubnet::HostBits),
        ] {
            assert_eq!(Subnet::parse(text), Err(why), "{text}");
        }
    }
}
