//! A mail address, RFC 5321 4.1.2, and the domain that finds the association.
//!
//! Absent on purpose: address literals (`user@[192.0.2.1]`) as logins; they name no association.

/// A domain in lower case, at most 255 octets, without a trailing dot. Not personal by itself, but never logged either.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// Reads a domain: letters, digits, `-`, `.`, `_`, and any non-ASCII letter (RFC 6531); no empty label.
    pub fn parse(text: &str) -> Option<Domain> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let fits = !text.is_empty() && text.len() <= 255;
        let labels = text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || !c.is_ascii() && c.is_alphanumeric())
        });
        (fits && labels).then(|| Domain(text.to_lowercase().into()))
    }

    /// The domain's text: for routes, answers and the book.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// `local@domain`, at most 64 + 1 + 255 octets. The domain is in lower case; the local part is compared without case, as
/// Dovecot and Postfix do by default.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: Box<str>,
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
        Some(Address { local: local.to_lowercase().into(), domain })
    }

    /// The part before the `@`, in lower case.
    pub fn reveal_local(&self) -> &str {
        &self.local
    }

    /// The domain, which finds the association.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The whole address.
    pub fn reveal(&self) -> String {
        format!("{}@{}", self.local, self.domain.reveal())
    }

    /// The mailbox that `user+tag@` is stored in: the same address without its sub-address (RFC 5233).
    pub fn without_tag(&self, separator: char) -> Address {
        let local = match self.local.split_once(separator) {
            Some((local, _)) if !local.is_empty() && !self.local.starts_with('"') => local.into(),
            _ => self.local.clone(),
        };
        Address { local, domain: self.domain.clone() }
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
