//! A mail address, RFC 5321 4.1.2, and the domain that finds the association.
//!
//! Absent on purpose: address literals (`user@[192.0.2.1]`) as logins; they name no association.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use idna::{AsciiDenyList, domain_to_ascii_cow};

use super::local_part::LocalPart;

/// A domain in lower case, at most 255 octets, without a trailing dot. Not personal by itself, but never logged either.
///
/// `vélo.example` and `xn--vlo-bma.example` are two spellings of one domain (RFC 5890 2.3.2.5): equal, with one place in every
/// order and every map. The ASCII one is the key everywhere; how it was written is kept beside it.
///
/// # Examples
///
/// ```
/// use nologd::private::Domain;
///
/// let [written, ascii] = ["Vélo.example", "xn--vlo-bma.example"].map(|text| Domain::parse(text).unwrap());
/// assert!(written == ascii);
/// assert_eq!(written.reveal(), "xn--vlo-bma.example");
/// ```
///
/// A copy shares the text: a book of a million addresses has each domain once.
#[derive(Clone)]
pub struct Domain(Arc<Spellings>);

struct Spellings {
    ascii: Box<str>,
    /// In lower case, where that is something else.
    written: Option<Box<str>>,
}

impl Domain {
    /// Reads a domain: letters, digits, `-`, `.`, `_`, and what IDNA (UTS 46) makes an ASCII name of; no empty label.
    pub fn parse(text: &str) -> Option<Domain> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > 1024 {
            return None;
        }
        let written = text.to_lowercase();
        let other = if text.is_ascii() && !has_two_spellings(&written) {
            None
        } else {
            match domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::EMPTY) {
                Ok(ascii) => Some(ascii.into_owned()).filter(|ascii| *ascii != written),
                // Of no other spelling, and what was a name in the DNS stays one.
                Err(_) if text.is_ascii() => None,
                Err(_) => return None,
            }
        };
        let (ascii, written) = match other {
            Some(ascii) => (ascii, Some(written.into())),
            None => (written, None),
        };
        let fits = !ascii.is_empty() && ascii.len() <= 255;
        let labels = ascii.split('.').all(|label| {
            let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(known)
        });
        (fits && labels).then(|| Domain(Arc::new(Spellings { ascii: ascii.into(), written })))
    }

    /// Whether it is more than one label: what a domain of an association is, and a mistyped name mostly is not.
    pub fn has_dot(&self) -> bool {
        self.reveal().contains('.')
    }

    /// Whether it is the name of a host of the DNS (RFC 1123 2.1), and not of this machine or network alone.
    pub fn is_host(&self) -> bool {
        let is_label = |label: &str| !label.starts_with('-') && !label.ends_with('-') && !label.contains('_');
        // A number at its end is an address of the network, however it is written.
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let last = self.reveal().rsplit('.').next().unwrap_or_default();
        self.has_dot() && self.reveal().split('.').all(is_label) && !is_number(last)
    }

    /// The domain's text in ASCII: for routes, keys, answers and other servers.
    pub fn reveal(&self) -> &str {
        &self.0.ascii
    }

    /// As it was written, in lower case: for who knows it in that spelling.
    pub fn reveal_written(&self) -> &str {
        self.0.written.as_deref().unwrap_or(&self.0.ascii)
    }

    /// Whether it can be written in two ways.
    pub fn has_two_spellings(&self) -> bool {
        has_two_spellings(self.reveal())
    }
}

fn has_two_spellings(ascii: &str) -> bool {
    ascii.split('.').any(|label| label.starts_with("xn--"))
}

impl PartialEq for Domain {
    fn eq(&self, other: &Domain) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.reveal() == other.reveal()
    }
}

impl Eq for Domain {}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.reveal().hash(state);
    }
}

impl PartialOrd for Domain {
    fn partial_cmp(&self, other: &Domain) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Domain {
    fn cmp(&self, other: &Domain) -> Ordering {
        self.reveal().cmp(other.reveal())
    }
}

/// `local@domain`, at most 64 + 1 + 255 octets. The domain is in lower case; the local part is compared without case, as
/// Dovecot and Postfix do by default.
///
/// # Examples
///
/// ```
/// use nologd::private::Address;
///
/// let address = Address::parse("Alice+News@Velo.example").unwrap();
/// assert_eq!(address.without_tag('+').reveal(), "alice@velo.example");
/// assert!(Address::parse("\"alice\"@velo.example") == Address::parse("alice@velo.example"));
/// assert!(Address::parse("velo.example").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: LocalPart,
    domain: Domain,
}

impl Address {
    /// Reads `local@domain`; the last `@` divides. A local part in quotes loses them where it can do without, and is quoted in one
    /// way where it cannot: `"alice"`, `"al\ice"` and `alice` are one mailbox (RFC 5321 4.1.2), and must be one for the book.
    pub fn parse(text: &str) -> Option<Address> {
        let (local, domain) = text.rsplit_once('@')?;
        let fits = !local.is_empty() && local.len() <= 64 && !local.chars().any(|c| c.is_control() || c == '<' || c == '>');
        let domain = Domain::parse(domain)?;
        let local = if fits && is_bare(local) { local.into() } else { requoted(local).filter(|_| fits)? };
        Some(Address { local: LocalPart::new(&local.to_lowercase()), domain })
    }

    /// The part before the `@`, in lower case.
    pub fn reveal_local(&self) -> &str {
        self.local.reveal()
    }

    /// The domain, which finds the association.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The whole address, its domain in ASCII.
    pub fn reveal(&self) -> String {
        format!("{}@{}", self.reveal_local(), self.domain.reveal())
    }

    /// The same address, which shares the text of `domain`, an equal one.
    pub fn within(&self, domain: &Domain) -> Address {
        Address { local: self.local.clone(), domain: domain.clone() }
    }

    /// Their order as texts, which is another one than theirs as values: `a+b@` is before `a@`.
    pub fn cmp_as_text(&self, other: &Address) -> Ordering {
        let (one, two) = (self.local.octets(), other.local.octets());
        let both = one.len().min(two.len());
        one[..both].cmp(&two[..both]).then_with(|| {
            if one.len() == two.len() {
                return self.domain.cmp(&other.domain);
            }
            let [one, two] = [(one, &self.domain), (two, &other.domain)]
                .map(|(local, domain)| local[both..].iter().chain(b"@").chain(domain.reveal().as_bytes()));
            one.cmp(two)
        })
    }

    /// Whether a letter of ours can go there from anywhere: a Dot-string or a Quoted-string in ASCII (RFC 5321 4.1.2) at a host's name. What a
    /// person types as a contact has to be that; that somebody is there is another matter.
    pub fn is_reachable(&self) -> bool {
        let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let local = self.reveal_local();
        let is_dot_string = || local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        (local.starts_with('"') && local.is_ascii() || is_dot_string()) && self.domain.is_host()
    }

    /// The mailbox that `user+tag@` is stored in: the same address without its sub-address (RFC 5233).
    pub fn without_tag(&self, separator: char) -> Address {
        match self.reveal_local().split_once(separator) {
            Some((local, _)) if !local.is_empty() && !local.starts_with('"') => {
                Address { local: LocalPart::new(local), domain: self.domain.clone() }
            }
            _ => self.clone(),
        }
    }
}

impl FromStr for Domain {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Domain, &'static str> {
        Domain::parse(text).ok_or("This is no domain. Write it like velo.example.")
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Address, &'static str> {
        Address::parse(text).ok_or("This is no mail address. Write it like alice@velo.example.")
    }
}

fn is_bare(local: &str) -> bool {
    !local.is_empty() && !local.contains([' ', '@', '"', '\\', '(', ')', ',', ';', ':', '[', ']'])
}

/// A Quoted-string without its quotes, or with as few escapes as there can be.
fn requoted(local: &str) -> Option<String> {
    let inner = local.strip_prefix('"')?.strip_suffix('"')?;
    let (mut plain, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.push(chars.next()?),
            '"' => return None,
            char => plain.push(char),
        }
    }
    if is_bare(&plain) {
        return Some(plain);
    }
    let escaped = plain.replace('\\', "\\\\").replace('"', "\\\"");
    (!plain.is_empty()).then(|| format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_tags() {
        let plain = Address::parse("Alice+News@Asso.Example").unwrap();
        assert!(plain == Address::parse("alice+news@asso.example.").unwrap());
        assert_eq!(plain.without_tag('+').reveal(), "alice@asso.example");
        assert_eq!(Address::parse("+x@a.example").unwrap().without_tag('+').reveal_local(), "+x");
    }

    #[test]
    fn two_spellings_are_one_domain() {
        let domain = |text: &str| Domain::parse(text).unwrap();
        let narrow = domain("xn--vlo-bma.example");
        for text in ["vélo.example", "VÉLO.Example", "ve\u{301}lo.example", "XN--VLO-BMA.example", "vélo\u{3002}example."] {
            let read = domain(text);
            assert!(read == narrow && read.cmp(&narrow) == Ordering::Equal, "{text}");
            assert_eq!(read.reveal(), "xn--vlo-bma.example");
            assert!(std::collections::HashSet::from([narrow.clone()]).contains(&read), "{text}");
        }
        assert_eq!((domain("Vélo.example").reveal_written(), narrow.reveal_written()), ("vélo.example", "xn--vlo-bma.example"));
        assert!(Address::parse("Zed@vélo.example") == Address::parse("zed@xn--vlo-bma.example"));
        assert_eq!(Address::parse("zed@vélo.example").unwrap().reveal(), "zed@xn--vlo-bma.example");
        // What only looks alike is another one: the first letter here is Cyrillic.
        assert!(domain("\u{430}sso.example") != domain("asso.example"));
        // A label that no other spelling leads to is itself.
        assert_eq!(domain("xn--a.example").reveal(), "xn--a.example");
        assert_eq!(domain("_dmarc.Asso.example").reveal(), "_dmarc.asso.example");
        let wide = |count: usize| "é".repeat(count) + ".example";
        assert!(Domain::parse(&wide(50)).is_some() && Domain::parse(&wide(70)).is_none());
        for text in ["é..example", "é@b.example", "é b.example", "\u{ad}", "a\u{3002}\u{3002}b", "é/b.example", &wide(2000)] {
            assert!(Domain::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_order_as_texts_is_that_of_the_texts() {
        let texts =
            ["a@a.example", "a@b.example", "a+b@a.example", "a.b@a.example", "ab@a.example", "a!@a.b", "z@a.example", "a~@a.b"];
        for (one, two) in texts.iter().flat_map(|one| texts.iter().map(move |two| (one, two))) {
            let [first, second] = [one, two].map(|text| Address::parse(text).unwrap());
            assert_eq!(first.cmp_as_text(&second), one.cmp(two), "{one} {two}");
            assert!(first.within(&second.domain) == first || first.domain != second.domain);
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "alice",
            "@a.example",
            "a@",
            "a b@c.example",
            "a@b@c.example",
            "a@b..example",
            "a\r\n@b.example",
            "a@[192.0.2.1]",
        ] {
            assert!(Address::parse(text).is_none());
        }
        assert!(Address::parse("\"a b\"@c.example").is_some());
    }

    #[test]
    fn what_a_letter_can_reach_is_somebody_at_a_host() {
        let reachable = |text: &str| Address::parse(text).unwrap_or_else(|| panic!("{text}")).is_reachable();
        for text in [
            "carl@velo.example",
            "c@a.b",
            "o'neil+x=y@velo.example",
            "\"a b\"@velo.example",
            "carl@vélo.example",
            "carl@xn--vlo-bma.example",
            "carl@1and1.example",
            "a.b-c@3.example",
        ] {
            assert!(reachable(text), "{text}");
        }
        for text in [
            "x@localhost",
            "x@localhost.",
            "x@192.0.2.1",
            "x@1.2",
            "x@-velo.example",
            "x@velo-.example",
            "x@ve_lo.example",
            "x@velo.-",
            ".x@velo.example",
            "x.@velo.example",
            "x..y@velo.example",
            "é@velo.example",
            "\"é b\"@velo.example",
        ] {
            assert!(!reachable(text), "{text}");
        }
    }

    #[test]
    fn quotes_make_no_other_mailbox() {
        let read = |text: &str| Address::parse(text).map(|address| address.reveal());
        for text in ["\"alice\"@a.example", "\"al\\ice\"@a.example", "\"ALICE\"@A.example", "alice@a.example"] {
            assert_eq!(read(text).as_deref(), Some("alice@a.example"), "{text}");
        }
        assert_eq!(Address::parse("\"alice+x\"@a.example").unwrap().without_tag('+').reveal_local(), "alice");
        for (text, local) in
            [("\"a\\ b\"@a.example", "\"a b\""), ("\"a\\\"b\"@a.example", "\"a\\\"b\""), ("\"a@b\"@c.example", "\"a@b\"")]
        {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.reveal_local(), local);
            assert!(Address::parse(&address.reveal()).unwrap() == address, "{text}");
        }
        for text in
            ["\"\"@a.example", "\"a\"b\"@a.example", "\"a\\\"@a.example", "\"a@b.example", "a\"@b.example", "\"@b.example"]
        {
            assert!(Address::parse(text).is_none(), "{text}");
        }
    }
}
