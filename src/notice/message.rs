//! A notice as a message and its envelope, built by lettre.
//!
//! `Auto-Submitted` (RFC 3834) and the empty return path keep answering machines and bounces away.

use lettre::address::Envelope;
use lettre::message::header::{self, ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Mailboxes, Message};

use super::Notice;
use crate::private::Address;
use crate::smtp::delivery::Letter;

/// In place of both addresses, while the message is built.
const STAND_IN: &str = "postmaster@localhost";

/// Builds the message. `date` is a header field, `random` the left side of the Message-ID.
///
/// None when an address is one that lettre does not take, and so nobody can be told.
pub fn letter(notice: Notice, from: &Address, to: &Address, date: Date, random: &str) -> Option<Letter> {
    let mailbox = |address: &Address| Some(Mailbox::new(None, address.reveal().parse().ok()?));
    let (sender, recipient) = (mailbox(from)?, mailbox(to)?);
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
    // The builder reads the fields From and To anew, and takes no local part in quotes from them. What is written is written right, so they come last.
    let stand_in = Mailbox::new(None, STAND_IN.parse().ok()?);
    let mut message = Message::builder()
        .from(stand_in.clone())
        .to(stand_in)
        .envelope(Envelope::new(None, vec![recipient.email.clone()]).ok()?)
        .subject(notice.subject)
        .header(date)
        .message_id(Some(format!("<{random}@{}>", from.domain().reveal())))
        .raw_header(automatic)
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        // Seven bits: a relay without 8BITMIME takes it too.
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(notice.body)
        .ok()?;
    message.headers_mut().set(header::From::from(Mailboxes::from(sender)));
    message.headers_mut().set(header::To::from(Mailboxes::from(recipient.clone())));
    // As lettre has read it: nothing that could end the path.
    Some(Letter { recipient: recipient.email.to_string(), message: canonical(&message.formatted()) })
}

/// Every line ends in CRLF, and the last one is not empty. A bare LF would let a line with a dot in it end the message early (SMTP
/// smuggling).
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in message.split(|byte| *byte == b'\n') {
        // A CR in the middle of a line has no meaning that would be worth a risk.
        lines.push(line.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines.iter().flat_map(|line| line.iter().chain(b"\r\n")).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Lang;
    use crate::quota::{Amount, Crossing, Fact, Level, Limit, Subject};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn about(alice: &Address) -> Notice {
        let crossing = Crossing {
            subject: Subject::Mailbox(alice.clone()),
            was: Level::Low,
            now: Level::High,
            used: Amount { octets: 80, messages: 1 },
            storage: Limit::At(100),
            messages: Limit::None,
            lang: Lang::Fr,
            contact: None,
        };
        Notice::about(&Fact::Crossing(crossing)).unwrap()
    }

    #[test]
    fn a_letter_is_plain_and_tells_nothing_of_us() {
        let (alice, from) = (address("alice@velo.example"), address("postmaster@velo.example"));
        let date = Date::from(std::time::UNIX_EPOCH);
        let letter = letter(about(&alice), &from, &alice, date, "abc").unwrap();
        assert_eq!(letter.recipient, "alice@velo.example");
        let text = String::from_utf8(letter.message).unwrap();
        assert!(text.is_ascii() && !text.replace("\r\n", "").contains(['\r', '\n']) && text.ends_with("\r\n"));
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        let mut names: Vec<_> =
            header.lines().filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
        names.sort_unstable();
        let known = ["Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID"];
        assert_eq!(names, [&known[..], &["Subject", "To"]].concat());
        for line in ["Auto-Submitted: auto-generated", "Message-ID: <abc@velo.example>", "From: postmaster@velo.example"] {
            assert!(header.contains(line), "{header}");
        }
        assert!(body.contains("bo=C3=AEte"));
    }

    /// Whatever the check takes as an address that mail can reach ([`Address::is_reachable`]) is written as it is.
    #[test]
    fn a_local_part_in_quotes_is_written_as_one() {
        let addresses = [
            r#""a b"@velo.example"#,
            r#""a@b"@velo.example"#,
            r#""a\"b\\"@velo.example"#,
            r#""a,b;c:d"@velo.example"#,
            r#""(a)[b]"@velo.example"#,
            r#"" a "@velo.example"#,
            "o'neil+x=y@velo.example",
            "postmaster@velo.example",
        ];
        for (text, other) in addresses.iter().zip(addresses.iter().rev()) {
            let (to, from) = (address(text), address(other));
            assert!(to.is_reachable());
            let letter =
                letter(about(&to), &from, &to, Date::from(std::time::UNIX_EPOCH), "abc").unwrap_or_else(|| panic!("{text}"));
            assert_eq!(letter.recipient, *text);
            let message = String::from_utf8(letter.message).unwrap();
            let lines: Vec<_> =
                message.split("\r\n").filter(|line| line.starts_with("To:") || line.starts_with("From:")).collect();
            assert_eq!(lines.len(), 2, "{message}");
            for line in [format!("To: {text}"), format!("From: {other}")] {
                assert!(lines.contains(&&*line), "{lines:?}");
            }
        }
    }

    #[test]
    fn line_ends() {
        assert_eq!(canonical(b"a\nb\r\n.\r.\n\r\n\n"), b"a\r\nb\r\n..\r\n");
        assert_eq!(canonical(b""), b"");
    }
}
