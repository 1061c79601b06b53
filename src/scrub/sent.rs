//! What is a copy of a message just sent, and what is old mail that is brought in?
//!
//! Programs store their copy in Sent by APPEND (RFC 9051 6.3.12), and so do tools that move a mailbox from one host to another.
//! The copy is scrubbed like the message that went out; old mail stays byte for byte, since others refer to its identifiers,
//! and a tool that looks for what is there already would not find it. Two things tell old mail:
//!
//! - APPEND names a date and time of long ago. Programs name the present, or nothing;
//! - it has travelled: a server has put a Received field on it, which is not ours. Servers write from whom they had it, their
//!   name and the moment (RFC 5321 4.4); where one is missing it comes from a program. A webmail's own (`with HTTP`) is none of
//!   these either, for it is written before the message is sent.
//!
//! The Date field tells nothing: it may be the moment at which somebody began to write.

use crate::policy::headers::Profile;
use crate::wire::header::{Part, split};

use super::context::MessageContext;
use super::date;
use super::line_ends::{with_crlf, without_cr};
use super::scrubber::{PARTS, Scrubbed, Scrubber};

/// Seconds. A message waits in an outbox for a weekend without a network; a mailbox that moves is older for the most part.
const RECENT: i64 = 48 * 3600;

impl Scrubber {
    /// Scrubs a copy for Sent as [`Scrubber::scrub`] does in that place, whatever its lines end in, unless it is old mail.
    ///
    /// `header` is the block up to [`EndFinder::find_any`](crate::wire::header::EndFinder::find_any), or the whole message if it
    /// has no blank line; `date_time` is the argument of APPEND, without its quotes. Where all lines of the block end in LF
    /// alone, so do those of the result.
    pub fn scrub_copy(&self, header: &[u8], date_time: Option<&[u8]>, context: &MessageContext<'_>) -> Scrubbed {
        let untouched = || Scrubbed { header: header.to_vec(), touched: false };
        if header.len() > self.headers().header_limit() {
            return untouched();
        }
        let canonical = with_crlf(header);
        if is_long_ago(date_time, context.now) || has_travelled(&canonical) {
            return untouched();
        }
        let body_start = with_crlf(context.body_start);
        let context = MessageContext { profile: Profile::Sent, body_start: &body_start, ..*context };
        let Ok(scrubbed) = self.scrub(&canonical, &context) else { return untouched() };
        if !scrubbed.touched {
            return untouched();
        }
        match memchr::memmem::find(header, b"\r\n") {
            None if header.contains(&b'\n') => Scrubbed { header: without_cr(&scrubbed.header), touched: true },
            _ => scrubbed,
        }
    }
}

fn is_long_ago(date_time: Option<&[u8]>, now: i64) -> bool {
    date_time.and_then(date::internal).is_some_and(|instant| instant < now.saturating_sub(RECENT))
}

/// Whether a server other than this one has had it in its hands.
fn has_travelled(header: &[u8]) -> bool {
    let shows = |part| matches!(part, Part::Field(field) if field.is("Received") && is_by_server(field.value().trim_ascii()));
    split(header).take(PARTS).any(shows)
}

/// RFC 5321 4.4: `from NAME ... by NAME ...; moment`. Ours names no `from`. RFC 3848 knows no HTTP, but all webmails that write a trace name it:
/// `with HTTP`, also HTTPS and HTTP/1.1.
fn is_by_server(value: &[u8]) -> bool {
    let Some(semicolon) = value.iter().rposition(|b| *b == b';') else { return false };
    let (clauses, moment) = value.split_at(semicolon);
    let words: Vec<_> = clauses.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let is = |word: &&&[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let by_webmail = words.windows(2).any(|pair| {
        matches!(pair, [with, what] if is(&with, "with") && what.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP")))
    });
    let whole = words.first().is_some_and(|word| is(&word, "from")) && words.iter().any(|word| is(&word, "by"));
    whole && !by_webmail && date::instant(moment.get(1..).unwrap_or_default()).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::invariants::{ALICE, context, shared_scrubber};
    use super::*;

    const FRESH: &str = "From: alice@asso.example\r\nDate: Sun, 22 Nov 2026 17:40:02 +0100\r\nUser-Agent: Test/1\r\n\
        Message-ID: <1@laptop.local>\r\nSubject: x\r\n\r\n";

    fn copy(header: &str, date_time: Option<&str>) -> (String, bool) {
        let context = context(Profile::Sent, &ALICE, b"");
        let scrubbed = shared_scrubber().scrub_copy(header.as_bytes(), date_time.map(str::as_bytes), &context);
        (String::from_utf8(scrubbed.header().to_vec()).unwrap(), scrubbed.touched())
    }

    /// Whether it is left byte for byte.
    fn is_import(header: &str, date_time: Option<&str>) -> bool {
        let (copied, touched) = copy(header, date_time);
        assert_eq!(touched, copied != header);
        !touched
    }

    #[test]
    fn a_copy_of_what_was_just_sent_is_told_from_old_mail() {
        assert!(!is_import(FRESH, None));
        assert!(!is_import(FRESH, Some("22-Nov-2026 17:40:02 +0100")));
        assert!(!is_import(FRESH, Some("20-Nov-2026 16:00:00 +0000")));
        assert!(is_import(FRESH, Some("20-Nov-2026 15:59:59 +0000")));
        assert!(is_import(FRESH, Some(" 2-Mar-2019 10:00:00 +0100")));
        // A clock that is wrong is no import.
        assert!(!is_import(FRESH, Some("22-Nov-2028 17:40:02 +0100")));
        assert!(!is_import(FRESH, Some("today")));
    }

    #[test]
    fn what_has_travelled_is_left_alone() {
        let with = |received: &str| format!("Received: {received}\r\n{FRESH}");
        assert!(is_import(&with("from a by b with ESMTPSA id 1;\r\n Sun, 22 Nov 2026 16:40:03 +0000"), None));
        assert!(!is_import(
            &with("from [192.0.2.7] by webmail.asso.example\r\n with HTTP (HTTP/1.1 POST); Sun, 22 Nov 2026 16:40:03 +0000"),
            None
        ));
        assert!(!is_import(&with("by mail.nolog.example (nologd); Sun, 22 Nov 2026 16:00:00 +0000"), None));
        assert!(!is_import(&with("from laptop ([192.0.2.7]) by laptop"), None));
        assert!(!is_import(&with("by laptop; Sun, 22 Nov 2026 16:40:03 +0000"), None));
        assert!(is_import(&FRESH.replace("alice@", "bob@"), None));
    }

    #[test]
    fn line_ends_make_no_difference() {
        let (plain, _) = copy(FRESH, None);
        assert!(plain.contains("+0000") && !plain.contains("User-Agent") && !plain.contains("laptop"));
        assert_eq!(copy(&FRESH.replace("\r\n", "\n"), None), (plain.replace("\r\n", "\n"), true));
        assert_eq!(copy(&FRESH.replacen("\r\n", "\n", 1), None), (plain, true));
        let signed = FRESH.replacen("Subject: x", "Content-Type: multipart/signed; boundary=b", 1);
        assert!(shared_scrubber().needs_body_start(signed.replace("\r\n", "\n").as_bytes()));
        // A CR alone is no line end: nothing is known of such a message.
        assert!(is_import(&FRESH.replacen("\r\n", "\r", 1), None));
    }
}
