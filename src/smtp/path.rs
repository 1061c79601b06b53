//! What stands behind `MAIL FROM:` and `RCPT TO:`: a path, and ESMTP parameters. RFC 5321 4.1.1.2, 4.1.1.3, 4.1.2.
//!
//! Both are kept byte exact, because the relay must be told what the mail program said: quotes, `<Postmaster>`, xtext and
//! UTF-8 (RFC 6531) stay as they came. Source routes are taken off (RFC 5321 appendix C). Whether a domain exists, or a
//! parameter is known, is not judged here.

/// A sender or a recipient: octets as they came, within a command of at most 2048 octets (`command::MAX_LINE`), and personal, so it cannot be
/// printed. That it is an address here is for [`Address::parse`](crate::private::Address::parse) to say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// The path without `<` and `>`; empty for the null sender.
    pub fn reveal(&self) -> &'a [u8] {
        self.0
    }

    /// `<>`: the sender of bounces and receipts.
    pub fn is_null(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether SMTPUTF8 is needed.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

/// One ESMTP parameter: `KEYWORD` or `KEYWORD=value`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// As it came, for the relay.
    pub raw: &'a [u8],
    /// Before the `=`; compare without case.
    pub keyword: &'a [u8],
    /// Behind the `=`.
    pub value: Option<&'a [u8]>,
}

/// All parameters of one command, each of them well formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.0.split(|byte| *byte == b' ').filter(|raw| !raw.is_empty()).map(|raw| {
            let (keyword, value) = match memchr::memchr(b'=', raw) {
                Some(at) => (&raw[..at], Some(&raw[at + 1..])),
                None => (raw, None),
            };
            Parameter { raw, keyword, value }
        })
    }
}

/// Reads `<path> [parameters]`. Spaces before the path are allowed, as many programs send one; so is an address without `<` and
/// `>`, as scanners and old scripts send it. What is not in the grammar goes on in the grammar's form.
pub(super) fn parse(text: &[u8]) -> Option<(Path<'_>, Parameters<'_>)> {
    let text = text.trim_ascii_start();
    let (path, rest) = match text.strip_prefix(b"<") {
        Some(inner) => {
            let end = closing(inner)?;
            (without_route(&inner[..end])?, &inner[end + 1..])
        }
        None => bare(text)?,
    };
    let parameters = Parameters(rest);
    let apart = rest.is_empty() || rest.starts_with(b" ");
    (apart && parameters.iter().all(well_formed)).then_some((Path(path), parameters))
}

// An address up to the next space: nothing in it may need the brackets to be told apart.
fn bare(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let plain = path.iter().all(|byte| !matches!(byte, 0..=0x1f | 0x7f) && !b"<>()\",;:\\".contains(byte));
    let at = memchr::memchr(b'@', path).filter(|at| *at > 0 && at + 1 < path.len());
    (plain && at.is_some() && memchr::memrchr(b'@', path) == at).then_some((path, rest))
}

// The `>` that is not inside quotes. Spaces and `<` stand inside quotes only; controls nowhere, not behind a `\` either (RFC 5321
// 4.1.2, quoted-pairSMTP).
fn closing(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            0..=0x1f | 0x7f => return None,
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            b' ' | b'<' if !quoted => return None,
            _ => {}
        }
    }
    None
}

// RFC 5321 4.1.1.3: "@one,@two:" in front is to be ignored.
fn without_route(path: &[u8]) -> Option<&[u8]> {
    if !path.starts_with(b"@") {
        return Some(path);
    }
    let colon = memchr::memchr(b':', path)?;
    let path = &path[colon + 1..];
    (!path.is_empty() && !path.starts_with(b"@")).then_some(path)
}

// RFC 5321 4.1.2, esmtp-param; values may be UTF-8 (RFC 6531 3.3, RFC 6533 for ORCPT).
fn well_formed(parameter: Parameter<'_>) -> bool {
    let keyword = parameter.keyword.first().is_some_and(u8::is_ascii_alphanumeric)
        && parameter.keyword.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let value = parameter.value.is_none_or(|value| !value.is_empty() && value.iter().all(|byte| *byte > 0x20 && *byte != 0x7f));
    keyword && value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &[u8]) -> Option<&[u8]> {
        parse(text).map(|(path, _)| path.0)
    }

    #[test]
    fn paths_stay_byte_exact() {
        assert_eq!(path(b"<>"), Some(&b""[..]));
        assert_eq!(path(b" <Postmaster>"), Some(&b"Postmaster"[..]));
        assert_eq!(path(b"<\"john > doe\\\"\"@x.example>"), Some(&b"\"john > doe\\\"\"@x.example"[..]));
        assert_eq!(path(b"<@a.example,@b.example:c@d.example>"), Some(&b"c@d.example"[..]));
        assert_eq!(path(b"<a@[192.0.2.1]>"), Some(&b"a@[192.0.2.1]"[..]));
        assert_eq!(path("<jürgen@münchen.example>".as_bytes()), Some("jürgen@münchen.example".as_bytes()));
        let controls: [&[u8]; 2] = [b"<a\0@b>", b"<\"a\\\x07\"@b.example>"];
        for bad in
            [&b"<a@b.example"[..], b"<a b@c.example>", b"<a@b.example>x", b"<@a.example>", b"<<a@b>>"].into_iter().chain(controls)
        {
            assert!(path(bad).is_none());
        }
    }

    #[test]
    fn an_address_without_brackets_is_taken_where_it_needs_none() {
        let (path, parameters) = parse(b" alice@velo.example SIZE=10 BODY=8BITMIME").unwrap();
        assert_eq!((path.reveal(), parameters.iter().count()), (&b"alice@velo.example"[..], 2));
        for bad in [
            &b""[..],
            b"alice",
            b"SIZE=10",
            b"@a.example",
            b"a@",
            b"a@b@c.example",
            b"\"a\"@b.example",
            b"a@b.example>",
            b"a<b@c.example>",
            b"@a.example:b@c.example",
            b"a@b.example,c@d.example",
            b"a@b.example\tSIZE=1",
            b"a\0@b.example",
        ] {
            assert!(super::parse(bad).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn parameters_stay_raw() {
        let (_, parameters) = parse(b"<a@b.example> SIZE=10 orcpt=rfc822;a+2Bb@c.example  X-1").unwrap();
        let all: Vec<_> = parameters.iter().map(|parameter| (parameter.keyword, parameter.value)).collect();
        assert_eq!(all[0], (&b"SIZE"[..], Some(&b"10"[..])));
        assert_eq!(all[1], (&b"orcpt"[..], Some(&b"rfc822;a+2Bb@c.example"[..])));
        assert_eq!(all[2], (&b"X-1"[..], None));
        for bad in [&b"<a@b.example> =x"[..], b"<a@b.example> SIZE=", b"<a@b.example> S!ZE=1"] {
            assert!(parse(bad).is_none());
        }
    }
}
