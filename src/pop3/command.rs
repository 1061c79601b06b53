//! What may be said after login (RFC 1939 5, 7; RFC 2449 5; RFC 6856 2, 3), and how it goes to the backend: in our spelling, so
//! that it cannot be read in two ways.

use crate::fault::RefusalCode;

/// A command after login. What decides how its response is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandKind {
    /// Answered with a list, which is filtered.
    Capa,
    /// Marks a message to be deleted at QUIT.
    Dele,
    /// LANG with a language.
    Lang,
    /// LANG without one: which there are.
    LangAll,
    /// LIST of one message.
    List,
    /// LIST of all.
    ListAll,
    /// Nothing.
    Noop,
    /// The end, and all that was marked is deleted.
    Quit,
    /// A message.
    Retr,
    /// Takes all marks away.
    Rset,
    /// How many, how big.
    Stat,
    /// The header of a message, and some lines.
    Top,
    /// UIDL of one message.
    Uidl,
    /// UIDL of all.
    UidlAll,
    /// UTF8.
    Utf8,
}

impl CommandKind {
    /// Whether a +OK to it is followed by lines up to a dot. Without a wildcard: whoever adds a command says so here.
    pub(super) fn is_multi_line(self) -> bool {
        match self {
            CommandKind::Capa | CommandKind::LangAll | CommandKind::ListAll | CommandKind::UidlAll => true,
            CommandKind::Retr | CommandKind::Top => true,
            CommandKind::Dele | CommandKind::Lang | CommandKind::List | CommandKind::Noop | CommandKind::Quit => false,
            CommandKind::Rset | CommandKind::Stat | CommandKind::Uidl | CommandKind::Utf8 => false,
        }
    }
}

/// A command that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pop3Command {
    pub(super) kind: CommandKind,
    /// What the backend is sent, with its CRLF.
    pub(super) spelling: String,
}

/// Reads one line without its CRLF.
///
/// # Errors
/// What the client is told.
pub(super) fn parse(line: &[u8]) -> Result<Pop3Command, RefusalCode> {
    let text = std::str::from_utf8(line).map_err(|_| RefusalCode::Syntax)?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let arguments = [words.next(), words.next()];
    let one = |kind, word| Ok((kind, format!("{verb} {}", number(word)?)));
    let (kind, spelling) = match (&*verb, arguments) {
        _ if words.next().is_some() => Err(RefusalCode::Syntax),
        ("CAPA", [None, _]) => Ok((CommandKind::Capa, verb)),
        ("DELE", [Some(word), None]) => one(CommandKind::Dele, word),
        ("LANG", [None, _]) => Ok((CommandKind::LangAll, verb)),
        ("LANG", [Some(word), None]) => Ok((CommandKind::Lang, format!("LANG {}", language(word)?))),
        ("LIST", [None, _]) => Ok((CommandKind::ListAll, verb)),
        ("LIST", [Some(word), None]) => one(CommandKind::List, word),
        ("NOOP", [None, _]) => Ok((CommandKind::Noop, verb)),
        ("QUIT", [None, _]) => Ok((CommandKind::Quit, verb)),
        ("RETR", [Some(word), None]) => one(CommandKind::Retr, word),
        ("RSET", [None, _]) => Ok((CommandKind::Rset, verb)),
        ("STAT", [None, _]) => Ok((CommandKind::Stat, verb)),
        ("TOP", [Some(word), Some(lines)]) => Ok((CommandKind::Top, format!("TOP {} {}", number(word)?, number(lines)?))),
        ("UIDL", [None, _]) => Ok((CommandKind::UidlAll, verb)),
        ("UIDL", [Some(word), None]) => one(CommandKind::Uidl, word),
        ("UTF8", [None, _]) => Ok((CommandKind::Utf8, verb)),
        ("APOP" | "AUTH" | "PASS" | "STLS" | "USER" | "XCLIENT" | "XTND", _) => Err(RefusalCode::NotHere),
        _ => Err(RefusalCode::Syntax),
    }?;
    Ok(Pop3Command { kind, spelling: spelling + "\r\n" })
}

/// A number of a message, or of lines. Greater ones are no messages, and as many lines as there are.
fn number(word: &str) -> Result<u32, RefusalCode> {
    let digits = word.len() <= 10 && word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten().ok_or(RefusalCode::Syntax)
}

/// A language tag (RFC 5646 2.1), or `*` for the backend's own.
fn language(word: &str) -> Result<&str, RefusalCode> {
    let tag = word.len() <= 35 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if tag || word == "*" { Ok(word) } else { Err(RefusalCode::Syntax) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_go_on_in_our_spelling() {
        for (line, spelling) in [
            ("stat", "STAT\r\n"),
            ("List  007 ", "LIST 7\r\n"),
            ("TOP 1 0", "TOP 1 0\r\n"),
            ("uidl", "UIDL\r\n"),
            ("lang *", "LANG *\r\n"),
            ("LANG fr-FR", "LANG fr-FR\r\n"),
            ("retr 4294967295", "RETR 4294967295\r\n"),
        ] {
            assert_eq!(parse(line.as_bytes()).map(|command| command.spelling), Ok(spelling.to_owned()));
        }
        for line in
            ["", " ", "RETR", "RETR 1 2", "RETR -1", "RETR +1", "RETR 1\t", "TOP 1", "STAT 1", "RETR 99999999999", "LANG a_b"]
        {
            assert_eq!(parse(line.as_bytes()), Err(RefusalCode::Syntax), "{line}");
        }
        for line in ["STLS", "user bob", "XCLIENT ADDR=192.0.2.1", "APOP a b", "AUTH PLAIN"] {
            assert_eq!(parse(line.as_bytes()), Err(RefusalCode::NotHere), "{line}");
        }
        assert_eq!(parse(b"XBRANDNEW").err(), Some(RefusalCode::Syntax));
        assert_eq!(parse(b"RETR \xff").err(), Some(RefusalCode::Syntax));
    }
}
