//! Capabilities (RFC 5804 1.7): what is told before login, and what of the backend's list is told after.
//!
//! After login only what is known here passes: a capability that nobody has read could change how responses end. Before login nobody knows
//! which backend it will be. So what all have is told of extensions, for a filter that is written by that list must run; and what any has of
//! ways to log in, as for IMAP.

use super::command::quoted;
use super::forwarding::{Forwarding, SENDING};
use super::response::{Final, Response, Scanned};
use crate::fault::{Fault, Side};
use crate::wire::sasl::MechanismName;
use crate::wire::tokens::Tokens;

/// The longest list of a backend that is read, in octets.
pub(super) const LIST: usize = 16 * 1024;

/// Ours, whatever the backend is.
const IMPLEMENTATION: &str = "\"IMPLEMENTATION\" \"nologd\"\r\n";

/// What is told before login, with its OK. `secure`: credentials are taken.
pub(super) fn before_login(secure: bool, list: &SieveCapabilities, words: &str) -> Vec<u8> {
    let names = [MechanismName::Plain, MechanismName::Login, MechanismName::XOAuth2, MechanismName::OAuthBearer];
    let names: Vec<_> = names.into_iter().filter(|name| secure && list.tokens.allow(*name)).map(MechanismName::word).collect();
    let mut told = IMPLEMENTATION.as_bytes().to_vec();
    tell(&mut told, "SIEVE", &list.extensions.join(" "));
    if !list.notify.is_empty() {
        tell(&mut told, "NOTIFY", &list.notify.join(" "));
    }
    tell(&mut told, "SASL", &names.join(" "));
    if !secure {
        told.extend_from_slice(b"\"STARTTLS\"\r\n");
    }
    tell(&mut told, "VERSION", "1.0");
    told.extend(format!("OK \"{words}\"\r\n").bytes());
    told
}

/// The answer to CAPABILITY after login. `list` is the backend's, with its last line.
pub(super) fn after_login(list: &[u8], forwarding: Forwarding) -> Vec<u8> {
    let mut told = IMPLEMENTATION.as_bytes().to_vec();
    for (name, value) in items(list) {
        match (&*name, forwarding) {
            ("SIEVE", _) => {
                let list = SieveCapabilities { extensions: words(&value), ..SieveCapabilities::default() };
                tell(&mut told, "SIEVE", &list.within(forwarding).extensions.join(" "));
            }
            ("NOTIFY", Forwarding::Refuse) => {}
            ("MAXREDIRECTS", Forwarding::Refuse) => tell(&mut told, "MAXREDIRECTS", "0"),
            ("NOTIFY" | "MAXREDIRECTS" | "VERSION" | "OWNER" | "LANGUAGE" | "EXTLISTS", _) => tell(&mut told, &name, &value),
            _ => {}
        }
    }
    told.extend_from_slice(b"OK \"Done\"\r\n");
    told
}

/// What a backend's list says.
pub(super) fn read(list: &[u8]) -> SieveCapabilities {
    let mut found = SieveCapabilities::default();
    for (name, value) in items(list) {
        match &*name {
            "SIEVE" => found.extensions = words(&value),
            "NOTIFY" => found.notify = words(&value),
            "SASL" => {
                let has = |name: MechanismName| value.split(' ').any(|word| MechanismName::parse(word.as_bytes()) == Some(name));
                found.tokens = Tokens { bearer: has(MechanismName::OAuthBearer), xoauth2: has(MechanismName::XOAuth2) };
            }
            _ => {}
        }
    }
    found
}

/// Whether a backend's list has the capability `name`, with `word` among its values where one is asked for.
pub(super) fn has(list: &[u8], name: &str, word: Option<MechanismName>) -> bool {
    let among =
        |value: &str| word.is_none_or(|word| value.split(' ').any(|other| MechanismName::parse(other.as_bytes()) == Some(word)));
    items(list).iter().any(|(other, value)| other == name && among(value))
}

/// Where the response at the front of `input` ends, if it is whole, and how.
///
/// # Errors
/// `Garbage(Backend)`: it is none, or longer than [`LIST`].
pub(super) fn find(input: &[u8], lines: bool) -> Result<Option<(usize, Final)>, Fault> {
    match Response::new(lines).scan(&input[..input.len().min(LIST)]) {
        (len, Scanned::Ended(last)) => Ok(Some((len, last))),
        (_, Scanned::More) if input.len() < LIST => Ok(None),
        _ => Err(Fault::Garbage(Side::Backend)),
    }
}

fn tell(told: &mut Vec<u8>, name: &str, value: &str) {
    told.extend(format!("\"{name}\" ").bytes());
    told.extend(quoted(value.as_bytes()));
    told.extend_from_slice(b"\r\n");
}

fn words(value: &str) -> Vec<Box<str>> {
    value.split(' ').filter(|word| !word.is_empty()).map(Box::from).collect()
}

/// The lines of a list: names, in capitals, and values, empty where there is none. What could not stand in a line of ours is left out.
fn items(list: &[u8]) -> Vec<(String, String)> {
    let (mut items, mut rest) = (Vec::new(), list);
    while let Some((name, behind)) = string(rest) {
        rest = behind;
        let value = rest.strip_prefix(b" ").and_then(string);
        if let Some((_, behind)) = value {
            rest = behind;
        }
        let value = value.map_or(&b""[..], |(value, _)| value);
        let plain = |text: &[u8]| Some(String::from_utf8(text.to_vec()).ok()?).filter(|text| !text.chars().any(char::is_control));
        if let (Some(name), Some(value)) = (plain(name), plain(value)) {
            items.push((name.to_ascii_uppercase(), value));
        }
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        rest = &rest[end..];
    }
    items
}

/// The string at the front of `input`, and what stands behind it. No capability has a sign in it that is escaped, so backslashes stay.
fn string(input: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(text) = input.strip_prefix(b"\"") {
        let end = memchr::memchr(b'"', text)?;
        return Some((&text[..end], &text[end + 1..]));
    }
    let (size, rest) = input.strip_prefix(b"{")?.split_at_checked(memchr::memchr(b'}', input)? - 1)?;
    let size: usize = std::str::from_utf8(size).ok()?.trim_end_matches('+').parse().ok()?;
    rest.strip_prefix(b"}\r\n")?.split_at_checked(size)
}

/// What one backend has, or all of some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SieveCapabilities {
    /// Extensions, in the order of the backend.
    pub extensions: Vec<Box<str>>,
    /// Ways of notices (RFC 5435); empty where there are none.
    pub notify: Vec<Box<str>>,
    /// What it takes besides passwords.
    pub tokens: Tokens,
}

impl SieveCapabilities {
    /// What both have of extensions, and either of ways to log in.
    pub fn common(self, other: &SieveCapabilities) -> SieveCapabilities {
        let both = |own: Vec<Box<str>>, others: &[Box<str>]| own.into_iter().filter(|word| others.contains(word)).collect();
        SieveCapabilities {
            extensions: both(self.extensions, &other.extensions),
            notify: both(self.notify, &other.notify),
            tokens: self.tokens.or(other.tokens),
        }
    }

    /// Without what `forwarding` does not let pass.
    pub fn within(mut self, forwarding: Forwarding) -> SieveCapabilities {
        if forwarding == Forwarding::Refuse {
            self.extensions.retain(|word| !SENDING.contains(&&*word.to_ascii_lowercase()));
            self.notify.clear();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &[u8] = b"\"IMPLEMENTATION\" \"Canary 1.2\"\r\n\"SIEVE\" \"fileinto enotify vacation\"\r\n{6}\r\nnotify {6}\r\nmailto\r\n\
        \"MAXREDIRECTS\" \"4\"\r\n\"SASL\" \"PLAIN OAUTHBEARER\"\r\n\"STARTTLS\"\r\n\"UNAUTHENTICATE\"\r\n\"XCLIENT\" \"ADDR\"\r\n\"OWNER\" \"alice\"\r\n\
        \"VERSION\" \"1.0\"\r\nOK \"ready\"\r\n";

    #[test]
    fn what_is_not_known_is_not_told() {
        let told = String::from_utf8(after_login(THEIRS, Forwarding::Allow)).unwrap();
        assert_eq!(
            told,
            "\"IMPLEMENTATION\" \"nologd\"\r\n\"SIEVE\" \"fileinto enotify vacation\"\r\n\"NOTIFY\" \"mailto\"\r\n\"MAXREDIRECTS\" \"4\"\r\n\
             \"OWNER\" \"alice\"\r\n\"VERSION\" \"1.0\"\r\nOK \"Done\"\r\n"
        );
        let told = String::from_utf8(after_login(THEIRS, Forwarding::Refuse)).unwrap();
        assert!(
            told.contains("\"SIEVE\" \"fileinto vacation\"\r\n\"MAXREDIRECTS\" \"0\"\r\n") && !told.contains("NOTIFY"),
            "{told}"
        );
        assert_eq!(find(THEIRS, true), Ok(Some((THEIRS.len(), Final::Ok))));
        assert!(
            has(THEIRS, "STARTTLS", None)
                && has(THEIRS, "SASL", Some(MechanismName::Plain))
                && !has(THEIRS, "SASL", Some(MechanismName::Login))
        );
    }

    #[test]
    fn before_login_it_is_what_all_have() {
        let other = SieveCapabilities { extensions: vec!["vacation".into(), "regex".into()], ..SieveCapabilities::default() };
        let list = read(THEIRS).common(&other);
        let told = |secure| String::from_utf8(before_login(secure, &list, "x")).unwrap();
        assert_eq!(
            told(true),
            "\"IMPLEMENTATION\" \"nologd\"\r\n\"SIEVE\" \"vacation\"\r\n\"SASL\" \"PLAIN LOGIN OAUTHBEARER\"\r\n\"VERSION\" \"1.0\"\r\nOK \"x\"\r\n"
        );
        assert!(told(false).contains("\"SASL\" \"\"\r\n\"STARTTLS\"\r\n"));
    }
}
