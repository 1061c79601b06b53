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
pub(super) enum HeaderCopy {
    None,
    Present,
    /// The payload is closed, or its start was not given.
    Unseen,
}

/// What a Content-Type says that matters here.
struct ContentKind {
    /// It says itself that there is a copy.
    says_so: bool,
    payload: Payload,
}

enum Payload {
    Open,
    /// multipart/signed, with its boundary.
    Signed(Option<String>),
    /// It cannot be seen from here.
    Closed,
}

/// Whether [`find`] looks at the body of this message at all.
pub(super) fn needs_body(parts: &[Part<'_>]) -> bool {
    content_types(parts).any(|kind| matches!(kind, ContentKind { says_so: false, payload: Payload::Signed(_) }))
}

/// Looks for protected headers. Of `body_start`, the first [`BODY_START`] octets count.
pub(super) fn find(parts: &[Part<'_>], body_start: &[u8]) -> HeaderCopy {
    let body = body_start.get(..BODY_START).unwrap_or(body_start);
    let mut found = if is_too_long(parts) { HeaderCopy::Unseen } else { HeaderCopy::None };
    for kind in content_types(parts) {
        if kind.says_so {
            return HeaderCopy::Present;
        }
        let inside = match kind.payload {
            Payload::Open | Payload::Signed(None) => HeaderCopy::None,
            Payload::Signed(Some(boundary)) => first_part(&boundary, body),
            Payload::Closed => HeaderCopy::Unseen,
        };
        match inside {
            HeaderCopy::None => {}
            HeaderCopy::Present => return inside,
            HeaderCopy::Unseen => found = inside,
        }
    }
    found
}

fn first_part(boundary: &str, body: &[u8]) -> HeaderCopy {
    let line = format!("--{boundary}");
    let mut starts = memmem::find_iter(body, line.as_bytes());
    let Some(at) = starts.find(|at| *at == 0 || body.get(..*at).is_some_and(|before| before.ends_with(b"\n"))) else {
        return HeaderCopy::Unseen;
    };
    let after = body.get(at + line.len()..).unwrap_or_default();
    let Some(header_at) = memmem::find(after, b"\r\n") else { return HeaderCopy::Unseen };
    let header = after.get(header_at + 2..).unwrap_or_default();
    let Some(length) = EndFinder::new().find(header) else { return HeaderCopy::Unseen };
    let parts: Vec<_> = split(header.get(..length).unwrap_or_default()).collect();
    if content_types(&parts).any(|kind| kind.says_so) { HeaderCopy::Present } else { HeaderCopy::None }
}

fn content_types(parts: &[Part<'_>]) -> impl Iterator<Item = ContentKind> {
    let mut budget = LONGEST;
    let values = values(parts).take_while(move |value| {
        let fits = value.len() <= budget;
        budget = budget.saturating_sub(value.len());
        fits
    });
    values.filter_map(read)
}

/// Reads a value as it goes out, without blanks at its end: behind a quote that is not closed they would be part of it, and a second
/// pass would see another value than the first.
fn read(value: &[u8]) -> Option<ContentKind> {
    let text = [value.trim_ascii_end(), b"\r\n"].concat();
    match MessageStream::new(&text).parse_content_type() {
        HeaderValue::ContentType(kind) => Some(ContentKind { says_so: says_so(&kind), payload: payload(&kind) }),
        _ => None,
    }
}

fn payload(kind: &ContentType<'_>) -> Payload {
    if is(kind, "multipart", "signed") {
        Payload::Signed(kind.attribute("boundary").filter(|boundary| !boundary.is_empty()).map(str::to_owned))
    } else if is(kind, "multipart", "encrypted") || is_pkcs7(kind) {
        Payload::Closed
    } else {
        Payload::Open
    }
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

    fn found(kind: &str, body: &str) -> HeaderCopy {
        let header = format!("Content-Type: {kind}\r\n\r\n");
        let parts: Vec<_> = split(header.as_bytes()).collect();
        find(&parts, body.as_bytes())
    }

    #[test]
    fn by_content_type_and_first_part() {
        use HeaderCopy::{None, Present, Unseen};
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

    /// Found by fuzzing: the blank is not written, so it must not count either.
    #[test]
    fn a_blank_behind_an_open_quote_changes_nothing() {
        let body = "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\n";
        for end in ["", " ", "\t \r\n "] {
            assert_eq!(found(&format!("multipart/signed; boundary=\"b1{end}"), body), HeaderCopy::None, "{end:?}");
        }
    }
}
