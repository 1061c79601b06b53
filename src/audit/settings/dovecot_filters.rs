//! Which of several lines of Dovecot's holds for the connections of a daemon in front of it: a setting may stand in `protocol NAME { }`, `remote NET { }` and
//! `local NET { }`, inside each other in any order. Of those that fit a connection the most special one holds: `local` before `remote` before `protocol`,
//! a smaller network before a larger one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::dovecot::DovecotSetting;

/// Where a daemon on the same machine comes from, and comes in.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// How special a line is: bits of `local` and `remote`, whether it is for the protocol alone.
type Rank = (u32, u32, bool);

/// The lines called `name` that hold for `protocol`, one for each way over loopback.
pub(super) fn over_loopback<'a, 'b>(
    settings: &'b [DovecotSetting<'a>],
    name: &'static str,
    protocol: &'b str,
) -> impl Iterator<Item = &'b DovecotSetting<'a>> {
    LOOPBACK.into_iter().filter_map(move |address| {
        let named = settings.iter().filter(|setting| setting.name == name);
        let ranked = named.filter_map(|setting| Some((rank(&setting.path, protocol, address)?, setting)));
        // The last one of the same rank.
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, setting)| setting)
    })
}

/// Those that hold for connections by another way alone; whether for ours is not known where the server is on another machine.
pub(super) fn by_other_ways<'a, 'b>(
    settings: &'b [DovecotSetting<'a>],
    name: &'static str,
) -> impl Iterator<Item = &'b DovecotSetting<'a>> {
    let fits_neither = move |setting: &&DovecotSetting<'_>| {
        let fits =
            |section: &&str| LOOPBACK.iter().any(|address| network(section).is_none_or(|(_, net)| bits(net, *address).is_some()));
        setting.name == name && !setting.path.iter().all(fits)
    };
    settings.iter().filter(fits_neither)
}

/// Whether it stands in a block for some connections alone.
pub(super) fn is_by_way(setting: &DovecotSetting<'_>) -> bool {
    setting.path.iter().any(|section| network(section).is_some())
}

/// None: it does not hold for these.
fn rank(path: &[&str], protocol: &str, address: IpAddr) -> Option<Rank> {
    let mut rank = Rank::default();
    for section in path {
        match (network(section), section.strip_prefix("protocol ")) {
            (Some(("local", net)), _) => rank.0 = rank.0.max(bits(net, address)?),
            (Some((_, net)), _) => rank.1 = rank.1.max(bits(net, address)?),
            (None, Some(other)) => {
                let is_meant = other.strip_prefix('!').map_or(other == protocol, |other| other != protocol);
                rank.2 = is_meant.then_some(true)?;
            }
            (None, None) => return None,
        }
    }
    Some(rank)
}

/// The word and the network of a block for some connections alone.
fn network(section: &str) -> Option<(&str, &str)> {
    section.split_once(' ').filter(|(word, _)| matches!(*word, "local" | "remote" | "local_name"))
}

/// One more than the bits of `net`, if `address` is in it; a name is in none that is known.
fn bits(net: &str, address: IpAddr) -> Option<u32> {
    let (start, bits) = net.split_once('/').map_or((net, None), |(start, bits)| (start, Some(bits)));
    let wide = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let start: IpAddr = start.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let ((first, most), (own, _)) = (wide(start), wide(address));
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most)?;
    let is_in = start.is_ipv4() == address.is_ipv4() && (bits == 0 || (first ^ own) >> (128 - bits) == 0);
    is_in.then_some(bits + 1)
}

#[cfg(test)]
mod tests {
    use super::super::dovecot::parse;
    use super::*;

    fn held(text: &str) -> Vec<String> {
        let settings = parse(text);
        over_loopback(&settings, "most", "imap").map(|setting| setting.value.clone()).collect()
    }

    #[test]
    fn the_most_special_line_holds() {
        for (text, values) in [
            ("most = 1\n", ["1", "1"]),
            ("protocol imap {\n  most = 2\n}\nmost = 1\nprotocol pop3 {\n  most = 9\n}\n", ["2", "2"]),
            ("most = 1\nprotocol !imap {\n  most = 9\n}\nprotocol !pop3 {\n  most = 2\n}\n", ["2", "2"]),
            ("most = 1\nremote 127.0.0.0/8 {\n  most = 3\n}\n", ["3", "1"]),
            ("most = 1\nremote ::1 {\n  most = 3\n}\nlocal 192.0.2.1 {\n  most = 9\n}\n", ["1", "3"]),
            ("protocol imap {\n  most = 2\n  remote 127.0.0.1 {\n    most = 4\n  }\n}\n", ["4", "2"]),
            (
                "remote 127.0.0.1 {\n  protocol imap {\n    most = 4\n  }\n}\nremote 127.0.0.1/32 {\n  most = 3\n}\nmost = 1\n",
                ["4", "1"],
            ),
            ("local 0.0.0.0/0 {\n  most = 5\n}\nremote 127.0.0.1 {\n  most = 3\n}\nprotocol imap {\n  most = 2\n}\n", ["5", "2"]),
            (
                "remote 127.0.0.0/8 {\n  most = 3\n}\nremote 127.0.0.1 {\n  most = 6\n}\nremote 127.0.0.0/16 {\n  most = 4\n}\nmost = 1\n",
                ["6", "1"],
            ),
            (
                "most = 1\nremote 198.51.100.7 {\n  most = 9\n}\nremote mail.example {\n  most = 9\n}\nlocal_name x {\n  most = 9\n}\n",
                ["1", "1"],
            ),
            (
                "most = 1\nremote 192.0.2.0/24 {\n  remote 127.0.0.1 {\n    most = 9\n  }\n}\nservice imap {\n  most = 9\n}\n",
                ["1", "1"],
            ),
        ] {
            assert_eq!(held(text), values, "{text}");
        }
        assert_eq!(held("remote ::1 {\n  most = 3\n}\n"), ["3"]);
        let settings = parse(
            "most = 1\nremote 127.0.0.1 {\n  most = 3\n}\nremote 192.0.2.1 {\n  most = 4\n}\nlocal mail.example {\n  most = 5\n}\n",
        );
        let others: Vec<_> = by_other_ways(&settings, "most").map(|setting| &*setting.value).collect();
        assert_eq!(others, ["4", "5"]);
    }
}
