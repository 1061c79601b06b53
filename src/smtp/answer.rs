//! Our own answers: a status (RFC 5321 4.2.3), an enhanced code (RFC 3463), a text, and the code word that a person can
//! pass on. The text never holds anything from a peer.

use crate::fault::RefusalCode;
use crate::quota::Verdict;

/// `status text (CODE)`.
pub(crate) fn coded(status: &str, text: &str, code: RefusalCode) -> Vec<u8> {
    let line = format!("{status} {text}");
    format!("{line}{}\r\n", code.ending(line.len())).into_bytes()
}

/// No room for incoming mail: for good, or to be tried again.
pub(crate) fn no_space(verdict: Verdict, defer: bool) -> Vec<u8> {
    let none = match verdict {
        Verdict::NotNow => return coded("451 4.3.2", "Not now", verdict.code()),
        Verdict::TooManyMailboxes => "No more mailboxes",
        Verdict::AssociationFull | Verdict::MailboxFull | Verdict::TooManyMessages | Verdict::TooManyWrites => "No space left",
        Verdict::ReadOnly | Verdict::SendingOff | Verdict::Suspended | Verdict::Unknown => "No space left",
    };
    let (status, when) = if defer { ("452 4.2.2", " at the moment") } else { ("552 5.2.2", "") };
    coded(status, &format!("{none}{when}"), verdict.code())
}

/// The only line of a session that is not taken: 421 whatever the code.
pub fn turned_away(code: RefusalCode) -> Vec<u8> {
    coded("421 4.7.0", "No session for you at the moment", code)
}

/// The usual answer that carries `code`.
pub(crate) fn refusal(code: RefusalCode) -> Vec<u8> {
    let responses = code.responses();
    coded(responses.status, responses.said, code)
}

/// The last line of a session: 421 whatever the code.
pub(crate) fn farewell(code: RefusalCode) -> Vec<u8> {
    let line = refusal(code);
    if line.starts_with(b"421 ") { line } else { coded("421 4.7.0", "Closing", code) }
}

pub(crate) const CANCELLED: &[u8] = b"501 5.7.0 Authentication cancelled\r\n";
pub(crate) const GOODBYE: &[u8] = b"221 2.0.0 Goodbye\r\n";
pub(crate) const HELP: &[u8] = b"214 2.0.0 See the web page of your host\r\n";
pub(crate) const LOGGED_IN: &[u8] = b"235 2.7.0 Authentication successful\r\n";
pub(crate) const OK: &[u8] = b"250 2.0.0 OK\r\n";
pub(crate) const START_MAIL: &[u8] = b"354 Go ahead\r\n";
pub(crate) const START_TLS: &[u8] = b"220 2.0.0 Ready to start TLS\r\n";
pub(crate) const VRFY: &[u8] = b"252 2.5.0 Not told, but mail will be tried\r\n";

/// A command that does not fit the state (503).
pub(crate) fn out_of_order(text: &str) -> Vec<u8> {
    coded("503 5.5.1", text, RefusalCode::Syntax)
}

/// Arguments that are not right (501).
pub(crate) fn arguments() -> Vec<u8> {
    coded("501 5.5.4", "Arguments not understood", RefusalCode::Syntax)
}

/// A login without a verdict on the password: what the mail server says for good of the account or of the way to log in, or
/// that it cannot be judged at the moment.
pub(crate) fn cannot_judge(code: RefusalCode) -> Vec<u8> {
    let line = refusal(code);
    let of_logins = [&b"454 4.7.0 "[..], b"504 5.5.4 ", b"525 5.7.13 ", b"535 5.7.8 "];
    if of_logins.iter().any(|status| line.starts_with(status)) {
        return line;
    }
    coded("454 4.7.0", "Authentication is not possible at the moment", code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5321 4.2: three digits; RFC 3463: an enhanced code of the same class; the code word; one line of ASCII.
    #[test]
    fn every_code_has_an_answer() {
        for code in RefusalCode::ALL {
            for line in [refusal(*code), farewell(*code), cannot_judge(*code), turned_away(*code)] {
                let text = String::from_utf8(line).unwrap();
                let mut words = text.split(' ');
                let (status, enhanced) = (words.next().unwrap(), words.next().unwrap());
                assert!(status.len() == 3 && status.parse::<u16>().is_ok_and(|status| (400..600).contains(&status)), "{text}");
                assert!(enhanced.starts_with(&status[..1]) && enhanced.split('.').count() == 3, "{text}");
                assert!(text.is_ascii() && text.ends_with(&format!(" ({})\r\n", code.word())) && text.len() < 512, "{text}");
            }
            assert!(farewell(*code).starts_with(b"421 "));
        }
    }

    /// Only what says that the password is wrong may look like it: a program asks its person for another one then.
    #[test]
    fn only_a_wrong_or_old_password_is_535() {
        for code in RefusalCode::ALL {
            let password = matches!(code, RefusalCode::WrongPassword | RefusalCode::PasswordExpired);
            assert_eq!(cannot_judge(*code).starts_with(b"535 "), password, "{}", code.word());
        }
    }
}
