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
    /// Reads `local@domain`; the last `@` divides. A local part in quotes is kept with its quotes.
    pub fn parse(text: &str) -> Option<Address> {
        let (local, domain) = text.rsplit_once('@')?;
        let fits = !local.is_empty() && local.len() <= 64 && !local.chars().any(|c| c.is_control() || c == '<' || c == '>');
        let bare = !local.contains([' ', '@', '"', '\\', '(', ')', ',', ';', ':', '[', ']']);
        let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
        let domain = Domain::parse(domain)?;
        (fits && (bare || quoted)).then(|| Address { local: local.to_lowercase().into(), domain })
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
}
