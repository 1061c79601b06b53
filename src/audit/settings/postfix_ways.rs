//! Where Postfix sends mail, as far as a daemon beside it depends on it: which domains it takes, over which transport, and what the port
//! that members' mail comes in at judges by.
//!
//! Of `postconf -x NAME ...` (values with all references resolved) and `postconf -P` (what master.cf sets for one port).

/// One entry of a list of domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEntry {
    /// The domain itself.
    Domain(String),
    /// A table to ask: `hash:/etc/postfix/domains`, `proxy:mysql:...`.
    Table(String),
    /// A file with entries of the same kind.
    File(String),
}

/// The value of `name` in `text`. `None`: it does not stand there.
pub fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().rev().find(|line| line.split_once('=').is_some_and(|(own, _)| own.trim() == name))?;
    line.split_once('=').map(|(_, value)| value.trim())
}

/// The entries of a list; those that take something out again (`!`) are none.
pub fn entries(value: &str) -> Vec<ListEntry> {
    let words = value.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty() && !word.starts_with('!'));
    let entry = |word: &str| match word {
        _ if word.starts_with('/') => ListEntry::File(word.to_owned()),
        _ if word.contains(':') => ListEntry::Table(word.to_owned()),
        _ => ListEntry::Domain(word.to_ascii_lowercase()),
    };
    words.map(entry).collect()
}

/// The keys of a table in the form of a text file; continued lines have none.
pub fn keys(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.starts_with([' ', '\t', '#']));
    lines.filter_map(|line| line.split_whitespace().next())
}

/// What `-P` says that master.cf sets for the port `port`, as name and value.
pub fn port_settings(text: &str, port: u16) -> Vec<(&str, &str)> {
    let of = |line: &&str| line.split_once("/inet/").is_some_and(|(service, _)| is_port(service, port));
    let lines = text.lines().filter(of);
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (last(name.trim()), value.trim())).collect()
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn is_port(service: &str, port: u16) -> bool {
    let name = service.rsplit(':').next().unwrap_or(service);
    match name {
        "smtp" => port == 25,
        "submission" => port == 587,
        "smtps" | "submissions" => port == 465,
        number => number.parse() == Ok(port),
    }
}

/// Whether `transport` (`lmtp:inet:127.0.0.1:10026`, `lmtp:[127.0.0.1]:10026`, `lmtp:unix:/run/nologd/lmtp.sock`) leads to the listener
/// at `address`, as the daemon's config writes it.
pub fn leads_to(transport: &str, address: &str) -> bool {
    let Some(next) = transport.trim().strip_prefix("lmtp:") else { return false };
    if address.starts_with("unix:") {
        return next == address;
    }
    let next = next.strip_prefix("inet:").unwrap_or(next);
    let Some((host, port)) = next.rsplit_once(':') else { return false };
    let Some((own, own_port)) = address.rsplit_once(':') else { return false };
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let same = |host: &str| if host == "localhost" { "127.0.0.1".to_owned() } else { host.to_owned() };
    port == own_port && same(&bare(host)) == same(&bare(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_of_domains_tables_and_files() {
        let found = entries("velo.example, Jardin.example !no.example\thash:/etc/d proxy:mysql:/etc/m /etc/list");
        let domain = |name: &str| ListEntry::Domain(name.to_owned());
        let table = |name: &str| ListEntry::Table(name.to_owned());
        let wanted = [
            domain("velo.example"),
            domain("jardin.example"),
            table("hash:/etc/d"),
            table("proxy:mysql:/etc/m"),
            ListEntry::File("/etc/list".into()),
        ];
        assert_eq!(found, wanted);
        assert_eq!(keys("# a\nvelo.example there\n  more\n\nb.example\tx\n").collect::<Vec<_>>(), ["velo.example", "b.example"]);
        assert_eq!(value("a = 1\nb = x = y\n", "b"), Some("x = y"));
        assert_eq!((value("a = 1\n", "b"), value("b =\n", "b")), (None, Some("")));
    }

    #[test]
    fn a_transport_leads_to_a_listener_however_it_is_written() {
        for transport in
            ["lmtp:inet:127.0.0.1:10026", "lmtp:[127.0.0.1]:10026", "lmtp:inet:localhost:10026", "lmtp:127.0.0.1:10026"]
        {
            assert!(leads_to(transport, "127.0.0.1:10026"), "{transport}");
        }
        assert!(
            leads_to("lmtp:unix:/run/nologd/lmtp.sock", "unix:/run/nologd/lmtp.sock")
                && leads_to("lmtp:inet:[::1]:24", "[::1]:24")
        );
        for other in ["virtual", "lmtp:unix:private/dovecot-lmtp", "smtp:127.0.0.1:10026", "lmtp:inet:127.0.0.1:24", ""] {
            assert!(!leads_to(other, "127.0.0.1:10026"), "{other}");
        }
    }

    #[test]
    fn what_master_cf_sets_for_one_port() {
        let text = "127.0.0.1:10025/inet/smtpd_client_restrictions = permit_mynetworks,reject\nsmtp/inet/a = 1\n10025/unix/b = 2\n\
                    submission/inet/c = 3\n";
        assert_eq!(port_settings(text, 10025), [("smtpd_client_restrictions", "permit_mynetworks,reject")]);
        assert_eq!((port_settings(text, 587), port_settings(text, 25)), (vec![("c", "3")], vec![("a", "1")]));
    }
}
