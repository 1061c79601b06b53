//! Answers of ours. Generic text with a code word; nothing a peer sent is echoed but the tag.

use super::tag::Tag;
use crate::fault::{Fault, Lang, RefusalCode};
use crate::incident::alerts;

/// `* ID` with a fixed value (RFC 2971): the same for everyone, so that it tells nothing.
const ID: &[u8] = b"* ID (\"name\" \"nologd\")\r\n";

/// What is there in place of a tag where no command is answered (RFC 9051 2.2.2).
const UNTAGGED: &[u8] = b"*";

/// `tag OK text`.
pub fn ok(tag: &Tag<'_>, text: &str) -> Vec<u8> {
    status(tag.octets(), "OK", text)
}

/// `tag BAD text (WORD)`.
pub fn bad(tag: &Tag<'_>, code: RefusalCode) -> Vec<u8> {
    refusal(tag.octets(), "BAD", "", code)
}

/// The same for a line that is no command: with the tag that it begins with, or `*` where that is none.
pub fn bad_line(line: &[u8], code: RefusalCode) -> Vec<u8> {
    match Tag::at_start(line) {
        Some(tag) => bad(&tag, code),
        None => bad_untagged(code),
    }
}

/// `* BAD text (WORD)`: no command is answered.
pub fn bad_untagged(code: RefusalCode) -> Vec<u8> {
    refusal(UNTAGGED, "BAD", "", code)
}

/// `tag NO [RESPONSE-CODE] text (WORD)`; `response` is a code of RFC 5530 or 9051, or empty.
pub fn no(tag: &Tag<'_>, response: &str, code: RefusalCode) -> Vec<u8> {
    refusal(tag.octets(), "NO", response, code)
}

/// `NO` with the response code that goes with `code`.
pub fn refused(tag: &Tag<'_>, code: RefusalCode) -> Vec<u8> {
    no(tag, code.responses().imap, code)
}

/// `* BYE`, the last words of a session that ends by `fault`.
pub fn bye(fault: Fault) -> Vec<u8> {
    let response = match fault {
        Fault::Down | Fault::Stopping => "UNAVAILABLE",
        Fault::Limit => "LIMIT",
        Fault::Barred(code) => code.responses().imap,
        Fault::Gone(_) | Fault::Garbage(_) | Fault::Slow(_) | Fault::TooLong(_) | Fault::Tls(_) | Fault::Denied => "",
    };
    refusal(UNTAGGED, "BYE", response, fault.code())
}

/// The only line of a session that is not taken.
pub fn turned_away(code: RefusalCode) -> Vec<u8> {
    refusal(UNTAGGED, "BYE", code.responses().imap, code)
}

/// `* BYE` of a session that others ended: an admin, or the book.
pub fn bye_by(code: RefusalCode) -> Vec<u8> {
    refusal(UNTAGGED, "BYE", code.responses().imap, code)
}

/// `* BYE` of a session that cannot go on without storing more than there is room for.
pub fn bye_full(code: RefusalCode) -> Vec<u8> {
    refusal(UNTAGGED, "BYE", "OVERQUOTA", code)
}

/// Told to a person whose session is watched. In both languages where none is known.
pub fn incident(lang: Option<Lang>, minutes: u64) -> Vec<u8> {
    alerts(lang, minutes).into_iter().flat_map(|text| status(UNTAGGED, "OK", &format!("[ALERT] {text}"))).collect()
}

/// The answer to ID: ours, never the backend's, and never what the client said.
pub fn id(tag: &Tag<'_>) -> Vec<u8> {
    [ID, &ok(tag, "ID done")].concat()
}

/// `+`: go on with the literal.
pub fn go_on() -> Vec<u8> {
    b"+ OK\r\n".to_vec()
}

fn refusal(tag: &[u8], word: &str, response: &str, code: RefusalCode) -> Vec<u8> {
    let response = if response.is_empty() { String::new() } else { format!("[{response}] ") };
    let text = format!("{response}{}", code.text(Lang::En));
    let ending = code.ending(tag.len() + word.len() + 2 + text.len());
    status(tag, word, &format!("{text}{ending}"))
}

fn status(tag: &[u8], word: &str, text: &str) -> Vec<u8> {
    [tag, b" ", word.as_bytes(), b" ", text.as_bytes(), b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tag::tag;
    use super::*;

    #[test]
    fn every_text_is_ascii_and_one_line() {
        for code in RefusalCode::ALL {
            let line = no(&tag(b"a"), "", *code);
            assert!(line.is_ascii() && line.ends_with(b"\r\n"));
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
        for (lang, lines) in [(Some(Lang::En), 1), (Some(Lang::Fr), 1), (None, 2)] {
            let told = incident(lang, 7);
            assert!(told.is_ascii() && told.starts_with(b"* OK [ALERT] ") && told.ends_with(b".\r\n"));
            assert_eq!(told.iter().filter(|byte| **byte == b'\n').count(), lines);
        }
        assert!(bye(Fault::Down).starts_with(b"* BYE [UNAVAILABLE] "));
    }

    /// Only a wrong password is told as one (RFC 5530 3), and who only reads mail hears nothing of sending it.
    #[test]
    fn every_code_has_an_answer_and_few_are_about_passwords() {
        for code in RefusalCode::ALL {
            let line = String::from_utf8(refused(&tag(b"a"), *code)).unwrap();
            assert!(line.starts_with("a NO ") && line.ends_with(&format!(" ({})\r\n", code.word())), "{line}");
            assert_eq!(line.contains("[AUTHENTICATIONFAILED]"), *code == RefusalCode::WrongPassword, "{line}");
        }
        let first = String::from_utf8(bad(&tag(b"a"), RefusalCode::LoginFirst)).unwrap();
        assert!(!first.contains("outgoing") && !first.contains("send"), "{first}");
    }
}
