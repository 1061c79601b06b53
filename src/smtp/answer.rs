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
    let (status, text) = match (defer, verdict) {
        (false, Verdict::TooManyMailboxes) => ("552 5.2.2", "No more mailboxes"),
        (_, Verdict::NotNow) => ("451 4.3.2", "Not now"),
        (true, Verdict::TooManyMailboxes) => ("452 4.2.2", "No more mailboxes at the moment"),
        (false, _) => ("552 5.2.2", "No space left"),
        (true, _) => ("452 4.2.2", "No space left at the moment"),
    };
    coded(status, text, verdict.code())
}

/// The only line of a session that is not taken: 421 whatever the code.
pub fn turned_away(code: RefusalCode) -> Vec<u8> {
    coded("421 4.7.0", "No session for you at the moment", code)
}

/// The usual answer that carries `code`. Without a wildcard, so that a new word gets its text here too.
pub(crate) fn refusal(code: RefusalCode) -> Vec<u8> {
    let (status, text) = match code {
        RefusalCode::AskAdmins | RefusalCode::NotAllowed => ("525 5.7.13", "This account cannot be used"),
        RefusalCode::AssociationFull | RefusalCode::MailboxFull => ("552 5.2.2", "No space left"),
        RefusalCode::BackendConfused => ("451 4.3.0", "The mail server made no sense, nothing was sent"),
        RefusalCode::BackendDown => ("451 4.3.0", "The mail server does not answer, nothing was sent"),
        RefusalCode::BackendSetup => ("454 4.7.0", "The mail server takes no passwords from here"),
        RefusalCode::BareLineEnd => ("550 5.6.0", "A line ends in CR or LF alone"),
        RefusalCode::ForwardingOff | RefusalCode::ScriptTooLong => ("550 5.7.1", "Not for filters"),
        RefusalCode::HeaderTooLong => ("552 5.3.4", "Message header too long"),
        RefusalCode::LineTooLong => ("500 5.5.6", "Line too long"),
        RefusalCode::LoginFirst => ("530 5.7.0", "Authentication required"),
        RefusalCode::LoginMethod => ("504 5.5.4", "Mechanism not known"),
        RefusalCode::MessageMalformed => ("550 5.6.0", "Malformed message header"),
        RefusalCode::MessageTooLong => ("552 5.3.4", "Message too long"),
        RefusalCode::NoSender => ("550 5.6.0", "No sender in the message header"),
        RefusalCode::NoSuchFolder | RefusalCode::NoSuchMessage | RefusalCode::NotYourFolder => ("550 5.2.0", "Nothing there"),
        RefusalCode::FolderBusy => ("450 4.2.0", "In use"),
        RefusalCode::NotHere => ("502 5.5.1", "Not available here"),
        RefusalCode::NotYourAddress => ("550 5.7.1", "Not your address"),
        RefusalCode::PasswordExpired => ("535 5.7.8", "The password has expired"),
        RefusalCode::ReadOnly | RefusalCode::Suspended => ("550 5.7.1", "Sending is not possible at the moment"),
        RefusalCode::SenderUnclear => ("550 5.6.0", "The sender in the message header is not clear"),
        RefusalCode::SendingOff => ("550 5.7.1", "Sending is switched off for this mailbox"),
        RefusalCode::SentOrNot => ("451 4.4.2", "It is not known whether the message was sent"),
        RefusalCode::SessionEnded => ("421 4.3.2", "Session ended"),
        RefusalCode::SizeUnknown => ("451 4.3.0", "The size is not known"),
        RefusalCode::Stopping => ("421 4.3.2", "Service restarts"),
        // Only admins meet it.
        RefusalCode::StoreUnwritable => ("451 4.3.0", "Not possible at the moment"),
        RefusalCode::Syntax => ("500 5.5.2", "Not understood"),
        RefusalCode::Standby => ("421 4.3.2", "Another machine serves"),
        RefusalCode::TakingOver => ("451 4.3.2", "Not now"),
        RefusalCode::TlsFirst => ("538 5.7.11", "Encryption required for authentication"),
        RefusalCode::TooManyConnections => ("421 4.7.0", "Too many connections"),
        RefusalCode::TooManyMailboxes => ("552 5.2.2", "No more mailboxes"),
        RefusalCode::TooManyMessages => ("450 4.7.1", "Too many messages"),
        RefusalCode::TooManyRecipients => ("452 4.5.3", "Too many recipients"),
        RefusalCode::TooManyTries => ("421 4.7.0", "Too many tries"),
        RefusalCode::TooManyWrites => ("451 4.3.2", "Too much was announced at once"),
        RefusalCode::TooSlow => ("421 4.4.2", "Too slow"),
        RefusalCode::UnknownDomain => ("550 5.1.2", "No such domain here"),
        RefusalCode::UnknownMailbox => ("550 5.1.1", "No such mailbox"),
        RefusalCode::WrongPassword => ("535 5.7.8", "Authentication failed"),
    };
    coded(status, text, code)
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
