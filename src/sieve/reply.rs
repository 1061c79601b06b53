//! Answers of ours. Generic text with a code word; nothing a peer sent is echoed but the tag of NOOP, which is there for that.

use super::command::quoted;
use crate::fault::{Fault, Lang, RefusalCode, ResponseKind};
use crate::wire::contract::Voice;

/// `OK "text"`.
pub fn ok(text: &str) -> Vec<u8> {
    format!("OK \"{text}\"\r\n").into_bytes()
}

/// `OK (TAG "tag") "Done"` (RFC 5804 2.13), for a tag that can stand in a quoted string.
pub(super) fn tagged(tag: &[u8]) -> Vec<u8> {
    [b"OK (TAG ", &*quoted(tag), b") \"Done\"\r\n"].concat()
}

/// `NO (CODE) "text (WORD)"`.
pub fn refused(code: RefusalCode) -> Vec<u8> {
    said("NO", code)
}

/// The answer to a login that was refused.
pub fn denied() -> Vec<u8> {
    refused(RefusalCode::WrongPassword)
}

/// The last words of a session that ends by `fault`.
pub fn bye(fault: Fault) -> Vec<u8> {
    said("BYE", fault.code())
}

/// The only line of a session that is not taken, and the last one of a session that ends for `code`.
pub fn turned_away(code: RefusalCode) -> Vec<u8> {
    said("BYE", code)
}

/// ManageSieve's words for what drivers say.
pub struct SieveVoice;

impl Voice for SieveVoice {
    fn welcome(note: Option<&str>) -> Vec<u8> {
        ok(&note.map_or("Logged in".to_owned(), |note| format!("Logged in. {note}")))
    }

    fn denied() -> Vec<u8> {
        denied()
    }

    fn refused(code: RefusalCode) -> Vec<u8> {
        refused(code)
    }

    fn ended(code: RefusalCode) -> Vec<u8> {
        turned_away(code)
    }
}

fn said(word: &str, code: RefusalCode) -> Vec<u8> {
    let response = response(code.responses().kind);
    let response = if response.is_empty() { String::new() } else { format!("({response}) ") };
    format!("{word} {response}\"{} ({})\"\r\n", code.text(Lang::En), code.word()).into_bytes()
}

/// The response code that tells programs what to do (RFC 5804 1.3); empty: no code says it.
fn response(kind: ResponseKind) -> &'static str {
    match kind {
        ResponseKind::Encryption => "ENCRYPT-NEEDED",
        ResponseKind::Full => "QUOTA",
        ResponseKind::TooLarge => "QUOTA/MAXSIZE",
        ResponseKind::Later | ResponseKind::Connections | ResponseKind::Tries | ResponseKind::Flood => "TRYLATER",
        ResponseKind::Hosts | ResponseKind::None | ResponseKind::Password => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5804 4: a quoted string has at most 1024 octets, and none of ours needs an escape.
    #[test]
    fn every_code_is_one_line() {
        for code in RefusalCode::ALL {
            for line in [refused(*code), turned_away(*code)] {
                let line = String::from_utf8(line).unwrap();
                assert!(
                    line.is_ascii() && line.len() <= 1024 && line.matches('\n').count() == 1 && !line.contains('\\'),
                    "{line}"
                );
                assert!(line.matches('"').count() == 2 && line.ends_with(&format!(" ({})\"\r\n", code.word())), "{line}");
            }
        }
        assert!(refused(RefusalCode::MailboxFull).starts_with(b"NO (QUOTA) \""));
        assert!(bye(Fault::Down).starts_with(b"BYE (TRYLATER) \""));
        assert_eq!(tagged(b"a\"b"), b"OK (TAG \"a\\\"b\") \"Done\"\r\n");
    }
}
