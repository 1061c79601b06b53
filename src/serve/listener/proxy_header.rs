//! The header of the PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): by it a load balancer says where the client is
//! that it passes on.
//!
//! Octets in, an answer out: no socket and no clock. It is here and not beside the other grammars because what it reads is an address,
//! which is a [`Peer`] at once. Absent on purpose: everything else that a header may hold. Where the client connected to, and the TLVs
//! (names of TLS, certificates, unique numbers of connections) are skipped, unread; with them the checksum, for no network that
//! falsifies octets brings whole headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::private::Peer;

/// Octets of a header of version 1 at most (2.1).
pub const MOST_V1: usize = 107;
/// Octets of one of version 2 at most: the addresses, and what balancers put behind them, with room.
pub const MOST_V2: usize = 2048;

const SIGNATURE_V1: &[u8] = b"PROXY ";
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a header says.
pub enum Forwarded {
    /// A client, and where it is.
    Client(Peer),
    /// The balancer speaks for itself (LOCAL: a health check), or knows no address (UNKNOWN, AF_UNIX): the connection's own ends hold.
    Unnamed,
}

/// No header begins these octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHeader;

/// Reads the header at the start of `octets`, and how long it is. `None`: all of `octets` belongs to a header, and more has to come.
///
/// # Errors
/// There is none, or one that is wrong or above its bound.
pub fn read(octets: &[u8]) -> Result<Option<(Forwarded, usize)>, NoHeader> {
    if agree(octets, SIGNATURE_V2) {
        version_2(octets)
    } else if agree(octets, SIGNATURE_V1) {
        version_1(octets)
    } else {
        Err(NoHeader)
    }
}

/// Without any doubt a header: no protocol for mail has a command that looks like one of these.
const STARTS: [&[u8]; 4] = [SIGNATURE_V2, b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];

/// Whether `octets` begin with the start of a header, for connections that may not have one. `None`: what more comes decides.
pub fn begins(octets: &[u8]) -> Option<bool> {
    if STARTS.iter().any(|start| octets.starts_with(start)) {
        return Some(true);
    }
    // Somebody may press Enter and wait for what is said to that: empty lines alone decide nothing, and are waited for by nobody.
    let empty = octets.iter().all(|octet| matches!(octet, b'\r' | b'\n')) && !octets.is_empty();
    let open = STARTS.iter().any(|start| octets.len() < start.len() && agree(octets, start));
    if open && !empty { None } else { Some(false) }
}

/// Whether one begins the other.
fn agree(octets: &[u8], with: &[u8]) -> bool {
    octets.iter().zip(with).all(|(one, other)| one == other)
}

// 2.1: one line in ASCII, ended by CRLF.
fn version_1(octets: &[u8]) -> Result<Option<(Forwarded, usize)>, NoHeader> {
    let Some(end) = memchr::memchr(b'\n', &octets[..octets.len().min(MOST_V1)]) else {
        return if octets.len() < MOST_V1 { Ok(None) } else { Err(NoHeader) };
    };
    let line = octets[..end].strip_suffix(b"\r").ok_or(NoHeader)?;
    let line = std::str::from_utf8(line).map_err(|_| NoHeader)?;
    let mut fields = line.split(' ').skip(1);
    let told = match fields.next() {
        // What stands behind it is to be ignored.
        Some("UNKNOWN") => Forwarded::Unnamed,
        Some(family @ ("TCP4" | "TCP6")) => {
            let mut address =
                || fields.next().and_then(|text| text.parse::<IpAddr>().ok()).filter(|ip| ip.is_ipv4() == (family == "TCP4"));
            let (client, _server) = (address().ok_or(NoHeader)?, address().ok_or(NoHeader)?);
            if !fields.by_ref().take(2).all(is_port) || line.split(' ').count() != 6 {
                return Err(NoHeader);
            }
            client_at(client)
        }
        _ => return Err(NoHeader),
    };
    Ok(Some((told, end + 1)))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok() && (text == "0" || !text.starts_with('0'))
}

// 2.2: the signature, version and command, family and transport, the length of the rest, the rest.
fn version_2(octets: &[u8]) -> Result<Option<(Forwarded, usize)>, NoHeader> {
    let [command, family, length @ ..] = octets.get(12..).unwrap_or_default() else {
        let wrong = octets.get(12).is_some_and(|command| !matches!(command, 0x20 | 0x21));
        return if wrong { Err(NoHeader) } else { Ok(None) };
    };
    if !matches!(command, 0x20 | 0x21) {
        return Err(NoHeader);
    }
    let [high, low, rest @ ..] = length else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if 16 + length > MOST_V2 {
        return Err(NoHeader);
    }
    let addresses = match (command, family) {
        // LOCAL: whatever else stands there is to be ignored.
        (0x20, _) | (_, 0x00) => 0,
        (_, 0x11) => 12,
        (_, 0x21) => 36,
        (_, 0x31) => 216,
        // No stream, or nothing that is known.
        _ => return Err(NoHeader),
    };
    if length < addresses {
        return Err(NoHeader);
    }
    let Some(rest) = rest.get(..length) else { return Ok(None) };
    let told = match addresses {
        12 => rest.first_chunk::<4>().map(|octets| client_at(Ipv4Addr::from(*octets).into())),
        36 => rest.first_chunk::<16>().map(|octets| client_at(Ipv6Addr::from(*octets).into())),
        _ => Some(Forwarded::Unnamed),
    };
    Ok(Some((told.ok_or(NoHeader)?, 16 + length)))
}

fn client_at(address: IpAddr) -> Forwarded {
    Forwarded::Client(Peer::new(SocketAddr::new(address, 0)))
}

/// What must hold for all `octets`, for tests and fuzzing; panics where it does not. The answer for a piece is the answer for the
/// whole, or to wait; and who is told to wait has not been given an octet that belongs to anybody else.
#[cfg(any(test, feature = "testing"))]
pub fn check_header(octets: &[u8]) {
    let whole = read(octets);
    let known = whole.as_ref().map(|found| found.as_ref().map(|(_, used)| *used));
    if let Ok(Some(used)) = known {
        assert!(used <= octets.len() && used >= 15 && used <= if octets[0] == b'P' { MOST_V1 } else { MOST_V2 });
    }
    for cut in 0..octets.len().min(MOST_V2 + 8) {
        match (read(&octets[..cut]), known) {
            (Ok(None), Ok(Some(used))) => assert!(cut < used, "waits behind the end"),
            (Ok(None), Ok(None) | Err(NoHeader)) => assert!(cut < MOST_V2, "waits for ever"),
            (Ok(Some((_, early))), Ok(Some(used))) => assert!(early == used && cut >= used),
            (Err(NoHeader), Err(NoHeader)) => {}
            (Ok(Some(_)), _) => panic!("a header that more octets undo"),
            (Err(NoHeader), _) => panic!("refused, and then taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Subnet;

    /// One of version 2.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE_V2, &[command, family], &length, rest].concat()
    }

    fn four() -> Vec<u8> {
        vec![192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x03, 0xe1]
    }

    fn six() -> Vec<u8> {
        let (client, server) = ("2001:db8::7".parse::<Ipv6Addr>().unwrap(), "2001:db8::1".parse::<Ipv6Addr>().unwrap());
        [&client.octets()[..], &server.octets(), &[0x12, 0x34, 0x03, 0xe1]].concat()
    }

    /// A whole header, read in every piece and with something behind it: where it says that the client is.
    fn told(header: &[u8], client: Option<&str>) {
        for more in [&b""[..], b"\x16\x03\x01", b"a LOGIN x y\r\n"] {
            let octets = [header, more].concat();
            check_header(&octets);
            match (read(&octets), client) {
                (Ok(Some((Forwarded::Client(peer), used))), Some(client)) => {
                    assert!(Subnet::parse(client).unwrap().holds(&peer) && used == header.len());
                }
                (Ok(Some((Forwarded::Unnamed, used))), None) => assert_eq!(used, header.len()),
                (read, _) => panic!("{}: {}", header.escape_ascii(), read.is_ok()),
            }
        }
        for cut in 0..header.len() {
            assert!(matches!(read(&header[..cut]), Ok(None)), "cut at {cut}");
        }
    }

    #[test]
    fn version_1_says_where_the_client_is() {
        told(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 993\r\n", Some("192.0.2.7"));
        told(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Some("255.255.255.255"));
        told(b"PROXY TCP6 2001:db8::7 2001:db8::1 1 0\r\n", Some("2001:db8::7"));
        told(b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n", Some("192.0.2.7"));
        told(b"PROXY UNKNOWN\r\n", None);
        told(b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None);
    }

    #[test]
    fn version_2_says_it_too_and_what_else_it_holds_is_skipped() {
        told(&binary(0x21, 0x11, &four()), Some("192.0.2.7"));
        told(&binary(0x21, 0x21, &six()), Some("2001:db8::7"));
        // ALPN, and a unique number of the connection.
        let more = b"\x01\x00\x04imap\x05\x00\x10unique-1234-5678";
        told(&binary(0x21, 0x11, &[&four()[..], more].concat()), Some("192.0.2.7"));
        told(&binary(0x21, 0x21, &[&six()[..], more].concat()), Some("2001:db8::7"));
        told(&binary(0x20, 0x00, b""), None);
        told(&binary(0x20, 0x11, &four()), None);
        told(&binary(0x20, 0xff, b"whatever"), None);
        told(&binary(0x21, 0x00, b""), None);
        told(&binary(0x21, 0x31, &[0; 216]), None);
        told(&binary(0x21, 0x11, &[four(), vec![0; MOST_V2 - 16 - 12]].concat()), Some("192.0.2.7"));
    }

    #[test]
    fn what_is_no_header_is_none() {
        let lines: &[&[u8]] = &[
            b"\x16\x03\x01\x02\x00",
            b"a LOGIN x y\r\n",
            b"EHLO x\r\n",
            b"GET / HTTP/1.1\r\n",
            b"proxy tcp4 192.0.2.7 10.0.0.1 1 1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 1\n",
            b"PROXY TCP4  192.0.2.7 10.0.0.1 1 1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 1 \r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 1 1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 +1 1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 01 1\r\n",
            b"PROXY TCP4 192.0.2.07 10.0.0.1 1 1\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 1\r\n",
            b"PROXY TCP6 192.0.2.7 10.0.0.1 1 1\r\n",
            b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
            b"PROXY UDP4 192.0.2.7 10.0.0.1 1 1\r\n",
            b"PROXY UNKNOWNS\r\n",
            b"PROXY \r\n",
            b"PROXY TCP4 \xff 10.0.0.1 1 1\r\n",
            b"\r\n\r\nQUIT\n",
        ];
        let long = [&b"PROXY UNKNOWN "[..], &[b'x'; 92], b"\r\n"].concat();
        assert_eq!(long.len(), MOST_V1 + 1);
        let wrong_length = |length: u16| [SIGNATURE_V2, &[0x21, 0x11], &length.to_be_bytes(), &[0; 3000]].concat();
        let binaries = [
            binary(0x11, 0x11, &four()),
            binary(0x22, 0x11, &four()),
            binary(0x21, 0x12, &four()),
            binary(0x21, 0x10, &four()),
            binary(0x21, 0x41, &four()),
            binary(0x21, 0x11, &four()[..11]),
            binary(0x21, 0x21, &six()[..35]),
            binary(0x21, 0x31, &[0; 215]),
            wrong_length(u16::MAX),
            wrong_length(2033),
            wrong_length(11),
            long,
        ];
        for octets in lines.iter().copied().chain(binaries.iter().map(Vec::as_slice)) {
            check_header(octets);
            assert!(read(octets).is_err(), "{}", octets.escape_ascii());
        }
    }

    /// Good headers with some octets changed, from the same numbers each time.
    #[test]
    fn changed_octets_break_no_rule() {
        let good = [
            b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 993\r\n".to_vec(),
            b"PROXY TCP6 2001:db8::7 2001:db8::1 1 0\r\n".to_vec(),
            binary(0x21, 0x11, &four()),
            binary(0x21, 0x21, &six()),
            binary(0x21, 0x11, &[&four()[..], b"\x05\x00\x03abc"].concat()),
        ];
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut octets = good[random(good.len())].clone();
            for _ in 0..=random(3) {
                let at = random(octets.len());
                octets[at] = [b' ', b'\r', b'\n', b'0', b':', 0, 0xff, b'P'][random(8)];
            }
            octets.extend_from_slice(&b"PROXY \r\n\r\n\0"[..random(12)]);
            check_header(&octets);
        }
    }

    #[test]
    fn the_start_of_one_is_known_and_commands_are_none() {
        for header in [&b"PROXY TCP4 192.0.2.7"[..], b"PROXY UNKNOWN\r\n", &binary(0x20, 0, b"")] {
            assert_eq!(begins(header), Some(true));
            assert_eq!([begins(&header[..5]), begins(&header[..10])], [None, None]);
        }
        assert_eq!(begins(b""), None);
        for command in [&b"PROXY LOGIN x y\r\n"[..], b"\r\n", b"\r\n\r\n", b"\r\n\r\nEHLO", b"P1 NOOP\r\n", b"\x16\x03\x01"] {
            assert_eq!(begins(command), Some(false));
        }
    }
}
