//! Header protection: a copy of the header inside of the signed or encrypted payload (RFC 9788, and the older
//! `protected-headers`). The reader's program shows the inner copy and warns if the outer one differs, so the outer Date and
//! Message-ID are left alone. User-Agent and its like are dropped all the same.
//!
//! Three cases, by the top-level Content-Type:
//! - it says `hp=` or `protected-headers=` itself: protected;
//! - multipart/signed: the first part's header tells, and is looked for in the start of the body. If it does not end within
//!   [`BODY_START`] octets, it cannot be seen;
//! - multipart/encrypted, application/pkcs7-mime: cannot be seen from here, nor can what a Content-Type says that is longer than any
//!   program writes.
//!
//! What cannot be seen is treated as the policy says (`unseen_payload`): by default as protected, because nearly every
//! program that encrypts today protects. The price: such a message keeps its time zone and its own Message-ID.

use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, HeaderValue};
use memchr::memmem;

use crate::wire::header::{EndFinder, Part, split};

/// Octets of the body that are looked at, no more, wherever the message comes from: else submission and Sent would differ.
pub const BODY_START: usize = 4096;

/// Octets of Content-Type that are read, of all such fields together. Real ones have some hundred.
const LONGEST: usize = 16 * 1024;

/// Whether the payload holds a copy of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    None,
    Present,
    /// The payload is closed, or its start was not given.
    Unseen,
}

/// Whether [`find`] looks at the body of this message at all.
pub(super) fn needs_body(parts: &[Part<'_>]) -> bool {
    content_types(parts).any(|kind| is(&kind, "multipart", "signed") && !says_so(&kind))
}

/// Looks for protected headers. Of `body_start`, the first [`BODY_START`] octets count.
pub(super) fn find(parts: &[Part<'_>], body_start: &[u8]) -> Protection {
    let body = body_start.get(..BODY_START).unwrap_or(body_start);
    let mut found = if is_too_long(parts) { Protection::Unseen } else { Protection::None };
    for kind in content_types(parts) {
        if says_so(&kind) {
            return Protection::Present;
        }
        let inside = if is(&kind, "multipart", "signed") {
            first_part(&kind, body)
        } else if is(&kind, "multipart", "encrypted") || is_pkcs7(&kind) {
            Protection::Unseen
        } else {
            Protection::None
        };
        match inside {
            Protection::None => {}
            Protection::Present => return inside,
            Protection::Unseen => found = inside,
        }
    }
    found
}

fn first_part(kind: &ContentType<'_>, body: &[u8]) -> Protection {
    let Some(boundary) = kind.attribute("boundary").filter(|boundary| !boundary.is_empty()) else { return Protection::None };
    let line = format!("--{boundary}");
    let mut starts = memmem::find_iter(body, line.as_bytes());
    let Some(at) = starts.find(|at| *at == 0 || body.get(..*at).is_some_and(|before| before.ends_with(b"\n"))) else {
        return Protection::Unseen;
    };
    let after = body.get(at + line.len()..).unwrap_or_default();
    let Some(header_at) = memmem::find(after, b"\r\n") else { return Protection::Unseen };
    let header = after.get(header_at + 2..).unwrap_or_default();
    let Some(length) = EndFinder::new().find(header) else { return Protection::Unseen };
    let parts: Vec<_> = split(header.get(..length).unwrap_or_default()).collect();
    if content_types(&parts).any(|kind| says_so(&kind)) { Protection::Present } else { Protection::None }
}

fn content_types<'a>(parts: &[Part<'a>]) -> impl Iterator<Item = ContentType<'a>> {
    let mut budget = LONGEST;
    let values = values(parts).take_while(move |value| {
        let fits = value.len() <= budget;
        budget = budget.saturating_sub(value.len());
        fits
    });
    values.filter_map(|value| match MessageStream::new(value).parse_content_type() {
        HeaderValue::ContentType(kind) => Some(kind),
        _ => None,
    })
}

fn is_too_long(parts: &[Part<'_>]) -> bool {
    values(parts).map(<[u8]>::len).sum::<usize>() > LONGEST
}

fn values<'a>(parts: &[Part<'a>]) -> impl Iterator<Item = &'a [u8]> {
    parts.iter().filter_map(|part| match part {
        Part::Field(field) if field.is("Content-Type") => Some(field.value()),
        _ => None,
    })
}

fn says_so(kind: &ContentType<'_>) -> bool {
    kind.has_attribute("hp") || kind.has_attribute("protected-headers")
}

fn is(kind: &ContentType<'_>, main: &str, sub: &str) -> bool {
    kind.ctype().eq_ignore_ascii_case(main) && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case(sub))
}

fn is_pkcs7(kind: &ContentType<'_>) -> bool {
    is(kind, "application", "pkcs7-mime") || is(kind, "application", "x-pkcs7-mime")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &str, body: &str) -> Protection {
        let header = format!("Content-Type: {kind}\r\n\r\n");
        let parts: Vec<_> = split(header.as_bytes()).collect();
        find(&parts, body.as_bytes())
    }

    #[test]
    fn by_content_type_and_first_part() {
        use Protection::{None, Present, Unseen};
        let signed = "multipart/signed; protocol=\"application/pgp-signature\";\r\n boundary=\"b1\"";
        let part = |kind: &str| format!("This is signed.\r\n--b1\r\nContent-Type: {kind}\r\n\r\nhp=clear\r\n--b1\r\n");
        assert_eq!(found("text/plain; charset=utf-8", ""), None);
        assert_eq!(found("text/plain; HP=\"clear\"", ""), Present);
        assert_eq!(found("multipart/mixed; boundary=x; protected-headers=\"v1\"", ""), Present);
        assert_eq!(found("multipart/encrypted; boundary=x", ""), Unseen);
        assert_eq!(found("Application/PKCS7-MIME; smime-type=enveloped-data", ""), Unseen);
        assert_eq!(found(signed, &part("text/plain; charset=utf-8")), None);
        assert_eq!(found(signed, &part("multipart/mixed; boundary=c;\r\n protected-headers=\"v1\"")), Present);
        assert_eq!(found(signed, &part("text/plain; hp=clear")), Present);
        assert_eq!(found(signed, "--b1\r\nContent-Type: text/plain; hp"), Unseen);
        assert_eq!(found(signed, ""), Unseen);
        assert_eq!(found(&format!("text/plain; x={}", "y".repeat(LONGEST)), ""), Unseen);
        assert_eq!(found(signed, &"x\r\n".repeat(BODY_START)), Unseen);
    }
}
