//! Answers of ours. Generic text with a code word; nothing a peer sent is echoed.

use crate::fault::{Fault, Lang, RefusalCode, ResponseKind};
use crate::wire::contract::Voice;

/// The first line we send. Without a timestamp: that would offer APOP (RFC 1939 7).
pub const GREETING: &[u8] = b"+OK nologd ready\r\n";

/// `+OK text`.
pub fn ok(text: &str) -> Vec<u8> {
    format!("+OK {text}\r\n").into_bytes()
}

/// `-ERR [RESPONSE] text (WORD)`.
pub fn refused(code: RefusalCode) -> Vec<u8> {
    let response = response(code.responses().kind);
    let response = if response.is_empty() { String::new() } else { format!("[{response}] ") };
    let line = format!("-ERR {response}{}", code.text(Lang::En));
    format!("{line}{}\r\n", code.ending(line.len())).into_bytes()
}

/// The answer to a login that was refused: the same for an unknown user, an unknown domain and a wrong password.
pub fn denied() -> Vec<u8> {
    refused(RefusalCode::WrongPassword)
}

/// The last words of a session that ends by `fault`.
pub fn ended(fault: Fault) -> Vec<u8> {
    refused(fault.code())
}

/// The only line of a session that is not taken.
pub fn turned_away(code: RefusalCode) -> Vec<u8> {
    refused(code)
}

/// POP3's words for what drivers say.
pub struct Pop3Voice;

impl Voice for Pop3Voice {
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

/// The response code that tells programs what to do (RFC 2449 8, RFC 3206 4, 5); empty: no code says it. AUTH makes a mail program ask
/// for another password, so it stands only where that may help. Nothing is stored or sent in POP3.
fn response(kind: ResponseKind) -> &'static str {
    match kind {
        ResponseKind::Password => "AUTH",
        ResponseKind::Connections => "IN-USE",
        ResponseKind::Tries => "LOGIN-DELAY",
        ResponseKind::Later => "SYS/TEMP",
        ResponseKind::Hosts => "SYS/PERM",
        ResponseKind::Encryption | ResponseKind::Flood | ResponseKind::Full | ResponseKind::None | ResponseKind::TooLarge => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2449 4: a status line has at most 512 octets, and only a password that another one may replace is told as AUTH.
    #[test]
    fn every_code_is_one_short_line() {
        for code in RefusalCode::ALL {
            let line = String::from_utf8(refused(*code)).unwrap();
            assert!(line.is_ascii() && line.len() <= 512 && line.matches('\n').count() == 1, "{line}");
            assert!(line.starts_with("-ERR ") && line.ends_with(&format!(" ({})\r\n", code.word())), "{line}");
            let about_password = matches!(code, RefusalCode::WrongPassword | RefusalCode::PasswordExpired);
            assert_eq!(line.starts_with("-ERR [AUTH] "), about_password, "{line}");
            let known = ["", "AUTH", "IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM"];
            assert!(known.contains(&response(code.responses().kind)), "{line}");
        }
        assert!(refused(RefusalCode::TooManyConnections).starts_with(b"-ERR [IN-USE] "));
        assert!(refused(RefusalCode::TooManyTries).starts_with(b"-ERR [LOGIN-DELAY] "));
        assert!(ended(Fault::Down).starts_with(b"-ERR [SYS/TEMP] "));
        assert!(!GREETING.contains(&b'<'));
    }
}
