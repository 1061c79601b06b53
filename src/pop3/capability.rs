//! CAPA (RFC 2449): what is told before login, and what of the backend's list is told after.
//!
//! Before login there is no backend, so TOP and UIDL are told as nearly all servers have them; one that has not says so when it is
//! asked. After login only what is known here passes: a capability that nobody has read could change how responses end.

use super::frame::{Pop3Line, ResponseEnd, line};
use crate::wire::sasl::MechanismName;
use crate::wire::tokens::Tokens;

/// The longest list of a backend that is read, in octets.
pub(super) const LIST: usize = 8 * 1024;

/// What is ours whatever the backend has: our refusals have codes, and commands may be sent ahead.
const OURS: &str = "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n";

/// The answer to CAPA before login.
pub(super) fn before_login(secure: bool, tokens: Tokens) -> Vec<u8> {
    let names = [MechanismName::Plain, MechanismName::Login, MechanismName::XOAuth2, MechanismName::OAuthBearer];
    let names: Vec<_> = names.into_iter().filter(|name| tokens.allow(*name)).map(MechanismName::word).collect();
    let ways = if secure { format!("USER\r\nSASL {}\r\n", names.join(" ")) } else { "STLS\r\n".to_owned() };
    format!("+OK\r\nTOP\r\nUIDL\r\n{OURS}{ways}.\r\n").into_bytes()
}

/// The answer to CAPA after login. `list` is the backend's, from behind its status line to its dot; empty where it has none.
pub(super) fn after_login(list: &[u8]) -> Vec<u8> {
    let passes = |name: &str| ["TOP", "UIDL", "EXPIRE", "LOGIN-DELAY", "UTF8", "LANG"].contains(&name);
    let theirs = words(list).filter(|words| passes(&words[0]));
    let theirs: String = theirs.map(|words| words.join(" ") + "\r\n").collect();
    format!("+OK\r\n{theirs}{OURS}.\r\n").into_bytes()
}

/// The lines of a list, each with its name, in capitals, and what stands behind.
fn words(list: &[u8]) -> impl Iterator<Item = Vec<String>> {
    let lines = list.split(|byte| *byte == b'\n').filter(|line| line.is_ascii());
    let read = |line: &[u8]| String::from_utf8_lossy(line).split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    lines.map(read).filter(|words: &Vec<String>| words.iter().any(|word| word != "."))
}

/// How a backend takes passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordWay {
    /// AUTH PLAIN.
    Plain,
    /// USER and PASS.
    User,
    /// Not at all, on this connection.
    None,
}

/// What a backend's list says. A server without CAPA has USER and PASS, as every one had before RFC 2449.
pub(super) fn password_way(list: Option<&[u8]>) -> PasswordWay {
    let Some(list) = list else { return PasswordWay::User };
    let has = |name: &str, word: &str| {
        words(list).any(|words| words[0] == name && (word.is_empty() || words.contains(&word.to_owned())))
    };
    match () {
        () if has("SASL", "PLAIN") => PasswordWay::Plain,
        () if has("USER", "") => PasswordWay::User,
        () => PasswordWay::None,
    }
}

/// Which mechanisms for tokens a list has; none where there is no list.
pub(super) fn tokens(list: Option<&[u8]>) -> Tokens {
    let mut tokens = Tokens::default();
    for word in words(list.unwrap_or_default()).filter(|words| words[0] == "SASL").flatten().skip(1) {
        match MechanismName::parse(word.as_bytes()) {
            Some(MechanismName::OAuthBearer) => tokens.bearer = true,
            Some(MechanismName::XOAuth2) => tokens.xoauth2 = true,
            Some(MechanismName::Login | MechanismName::Plain) | None => {}
        }
    }
    tokens
}

/// How a backend's list stands at the front of `input`, behind its status line.
pub(super) enum FoundList {
    /// Not whole yet.
    Need,
    /// So many octets, its dot included.
    Whole(usize),
    /// Too long to be one.
    TooLong,
}

/// Finds the end of a list.
pub(super) fn find(input: &[u8]) -> FoundList {
    match ResponseEnd::default().scan(&input[..input.len().min(LIST)]) {
        (len, true) => FoundList::Whole(len),
        _ if input.len() >= LIST => FoundList::TooLong,
        _ => FoundList::Need,
    }
}

/// The length of a status line at the front of `input` and whether it is +OK; `Some(None)`: it is no status line.
pub(super) fn status(input: &[u8], most: usize) -> Option<Option<(usize, bool)>> {
    match line(input, most) {
        Pop3Line::Need => None,
        Pop3Line::Whole { len, clean: true } if is_status(input, b"+OK") => Some(Some((len, true))),
        Pop3Line::Whole { len, clean: true } if is_status(input, b"-ERR") => Some(Some((len, false))),
        Pop3Line::Whole { .. } | Pop3Line::TooLong => Some(None),
    }
}

fn is_status(line: &[u8], word: &[u8]) -> bool {
    line.strip_prefix(word).is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'\r')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_told() {
        let list = b"CAPA\r\nTOP\r\nUIDL\r\nSTLS\r\nuser\r\nSASL PLAIN\r\nIMPLEMENTATION Canary\r\nEXPIRE never\r\nXNEW a\r\nPIPELINING\r\n.\r\n";
        let told = String::from_utf8(after_login(list)).unwrap();
        assert_eq!(told, "+OK\r\nTOP\r\nUIDL\r\nEXPIRE NEVER\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n.\r\n");
        assert_eq!(after_login(b""), b"+OK\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n.\r\n");
        let (plain, secure) = (before_login(false, Tokens::default()), before_login(true, Tokens::default()));
        assert!(plain.windows(4).any(|word| word == b"STLS") && !plain.windows(4).any(|word| word == b"SASL" || word == b"USER"));
        assert!(!secure.windows(4).any(|word| word == b"STLS") && secure.windows(10).any(|word| word == b"SASL PLAIN"));
    }

    #[test]
    fn tokens_are_what_stands_behind_sasl() {
        let both = Tokens { bearer: true, xoauth2: true };
        assert_eq!(tokens(Some(b"TOP\r\nSASL PLAIN xoauth2 OAUTHBEARER\r\n.\r\n")), both);
        assert_eq!(tokens(Some(b"IMPLEMENTATION XOAUTH2\r\nXOAUTH2 SASL\r\n.\r\n")), Tokens::default());
        assert_eq!(tokens(None), Tokens::default());
        let told = String::from_utf8(before_login(true, Tokens { xoauth2: false, ..both })).unwrap();
        assert!(told.contains("SASL PLAIN LOGIN OAUTHBEARER\r\n"), "{told}");
        assert!(!String::from_utf8(before_login(false, both)).unwrap().contains("SASL"));
    }

    #[test]
    fn ways_to_tell_a_password() {
        assert_eq!(password_way(None), PasswordWay::User);
        assert_eq!(password_way(Some(b"SASL LOGIN PLAIN\r\n.\r\n")), PasswordWay::Plain);
        assert_eq!(password_way(Some(b"SASL CRAM-MD5\r\nUSER\r\n.\r\n")), PasswordWay::User);
        assert_eq!(password_way(Some(b"TOP\r\n.\r\n")), PasswordWay::None);
    }
}
