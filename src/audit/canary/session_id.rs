//! Dovecot's session ids: 6 octets of time, 2 of port, then the client's address, 4 or 16 octets, all in base64.
//!
//! They stand in its lines by default, and are handed to the servers behind; they look like random letters, and are not.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An IPv4 and an IPv6 session id in letters. Both are whole groups of base64, so there is no padding.
const LENGTHS: [usize; 2] = [16, LONGEST];
/// The longer of the two.
pub(super) const LONGEST: usize = 32;
const ADDRESS_AT: usize = 8;

/// Where in `haystack` a session id that holds `address` begins.
pub(super) fn find(haystack: &[u8], address: Ipv4Addr) -> Option<usize> {
    let mut start = 0;
    while let Some(begin) = haystack.get(start..)?.iter().position(|byte| is_letter(*byte)).map(|at| start + at) {
        let rest = haystack.get(begin..)?;
        let length = rest.iter().position(|byte| !is_letter(*byte)).unwrap_or(rest.len());
        if LENGTHS.iter().filter_map(|want| rest.get(..*want).filter(|_| *want <= length)).any(|id| holds(id, address)) {
            return Some(begin);
        }
        start = begin + length;
    }
    None
}

fn holds(id: &[u8], address: Ipv4Addr) -> bool {
    let mut octets = [0; 24];
    let Ok(length) = STANDARD.decode_slice(id, &mut octets) else { return false };
    match octets.get(ADDRESS_AT..length) {
        Some(found) if found.len() == 4 => found == address.octets(),
        Some(found) => found == address.to_ipv6_mapped().octets(),
        None => false,
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_of_a_real_dovecot() {
        let line = b"imap-login: Login: user=<x>, session=<RlyNwNdgAa3GM2QH>";
        let at = find(line, Ipv4Addr::new(198, 51, 100, 7)).unwrap();
        assert_eq!(line.get(at..at + 4), Some(b"RlyN".as_slice()));
        assert_eq!(find(line, Ipv4Addr::new(198, 51, 100, 8)), None);
        let mapped = STANDARD.encode([&[1; 8], Ipv4Addr::new(198, 51, 100, 7).to_ipv6_mapped().octets().as_slice()].concat());
        assert_eq!(find(format!("<{mapped}>").as_bytes(), Ipv4Addr::new(198, 51, 100, 7)), Some(1));
        assert_eq!(find(b"", Ipv4Addr::LOCALHOST), None);
        assert_eq!(find(b"short + AAAAAAAAAAAAAAA", Ipv4Addr::LOCALHOST), None);
    }
}
