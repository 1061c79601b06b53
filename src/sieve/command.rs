//! What may be said after login (RFC 5804 2), and how it goes to the backend: in our spelling, so that it cannot be read in two ways.

use zeroize::Zeroizing;

use super::frame::Operand;
use crate::fault::RefusalCode;

/// The longest name of a script, in octets. RFC 5804 1.6 asks for 512.
const NAME: usize = 512;

/// A command after login. What decides who is asked about it, and how its response is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SieveKind {
    /// Answered with a list, which is filtered.
    Capability,
    /// A script to be looked at.
    CheckScript,
    /// Takes a script away.
    DeleteScript,
    /// A script.
    GetScript,
    /// Whether a script of so many octets would find room.
    HaveSpace(u64),
    /// The names.
    ListScripts,
    /// The end.
    Logout,
    /// Nothing.
    Noop,
    /// A script to be kept.
    PutScript,
    /// Gives a script another name.
    RenameScript,
    /// Says which script runs.
    SetActive,
}

/// Who is asked before a command goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nobody.
    Nobody,
    /// Whether the association may be changed.
    Change,
    /// Whether there is room for so many octets.
    Room(u64),
}

impl SieveKind {
    /// Whether lines stand before the last one of its response.
    pub(super) fn has_lines(self) -> bool {
        matches!(self, SieveKind::Capability | SieveKind::GetScript | SieveKind::ListScripts)
    }

    /// Without a wildcard: whoever adds a command says so here.
    pub(super) fn asks(self) -> Asks {
        match self {
            SieveKind::Capability | SieveKind::CheckScript | SieveKind::GetScript | SieveKind::ListScripts => Asks::Nobody,
            SieveKind::Logout | SieveKind::Noop => Asks::Nobody,
            SieveKind::DeleteScript | SieveKind::PutScript | SieveKind::RenameScript | SieveKind::SetActive => Asks::Change,
            SieveKind::HaveSpace(octets) => Asks::Room(octets),
        }
    }
}

/// A command that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SieveCommand {
    pub(super) kind: SieveKind,
    /// What the backend is sent, without CRLF, and without the script that belongs to it.
    pub(super) spelling: Vec<u8>,
    /// The script, where it came as a quoted string.
    pub(super) script: Option<Zeroizing<Vec<u8>>>,
}

/// Whether the operand number `count` behind `verb` is a script, whose literal is not read with its command.
pub(super) fn is_script(verb: &[u8], count: usize) -> bool {
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    is(b"PUTSCRIPT") && count == 1 || is(b"CHECKSCRIPT") && count == 0
}

/// Reads one command. `open`: the literal of its script is still to come.
///
/// # Errors
/// What the client is told.
pub(super) fn parse(verb: &[u8], operands: Vec<Operand>, open: bool) -> Result<SieveCommand, RefusalCode> {
    let verb = verb.to_ascii_uppercase();
    let mut operands = operands.into_iter();
    let mut name = |empty: bool| match operands.next() {
        Some(Operand::Text(text)) if is_name(&text, empty) => Ok(quoted(&text)),
        _ => Err(RefusalCode::Syntax),
    };
    let (kind, names) = match &*verb {
        b"CAPABILITY" => (SieveKind::Capability, vec![]),
        b"CHECKSCRIPT" => (SieveKind::CheckScript, vec![]),
        b"DELETESCRIPT" => (SieveKind::DeleteScript, vec![name(false)?]),
        b"GETSCRIPT" => (SieveKind::GetScript, vec![name(false)?]),
        b"HAVESPACE" => (SieveKind::HaveSpace(0), vec![name(false)?]),
        b"LISTSCRIPTS" => (SieveKind::ListScripts, vec![]),
        b"LOGOUT" => (SieveKind::Logout, vec![]),
        b"NOOP" => (SieveKind::Noop, vec![]),
        b"PUTSCRIPT" => (SieveKind::PutScript, vec![name(false)?]),
        b"RENAMESCRIPT" => (SieveKind::RenameScript, vec![name(false)?, name(false)?]),
        b"SETACTIVE" => (SieveKind::SetActive, vec![name(true)?]),
        b"AUTHENTICATE" | b"STARTTLS" | b"UNAUTHENTICATE" | b"XCLIENT" => return Err(RefusalCode::NotHere),
        _ => return Err(RefusalCode::Syntax),
    };
    let mut command = SieveCommand { kind, spelling: verb, script: None };
    for name in names {
        command.spelling.push(b' ');
        command.spelling.extend(name);
    }
    match (kind, operands.next()) {
        (SieveKind::HaveSpace(_), Some(Operand::Number(octets))) => {
            command.kind = SieveKind::HaveSpace(octets);
            command.spelling.extend(format!(" {octets}").bytes());
        }
        (SieveKind::Noop, Some(Operand::Text(tag))) if is_name(&tag, true) => {
            command.spelling.push(b' ');
            command.spelling.extend(quoted(&tag));
        }
        (SieveKind::CheckScript | SieveKind::PutScript, Some(Operand::Text(script))) if !open => command.script = Some(script),
        (SieveKind::CheckScript | SieveKind::PutScript, None) if open => {}
        (SieveKind::HaveSpace(_) | SieveKind::CheckScript | SieveKind::PutScript, _) => return Err(RefusalCode::Syntax),
        (_, None) => {}
        (_, Some(_)) => return Err(RefusalCode::Syntax),
    }
    if operands.next().is_some() { Err(RefusalCode::Syntax) } else { Ok(command) }
}

/// RFC 5804 1.6: no control characters, and no line or paragraph separators.
fn is_name(text: &[u8], empty: bool) -> bool {
    let plain = |text: &str| !text.chars().any(|char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}'));
    text.len() <= NAME && (empty || !text.is_empty()) && std::str::from_utf8(text).is_ok_and(plain)
}

/// A quoted string.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut string = vec![b'"'];
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            string.push(b'\\');
        }
        string.push(*byte);
    }
    string.push(b'"');
    string
}

#[cfg(test)]
mod tests {
    use super::super::frame::{SieveLine, read};
    use super::*;

    fn parsed(line: &str) -> Result<SieveCommand, RefusalCode> {
        match read(line.as_bytes(), 2000, is_script) {
            SieveLine::Whole(_, verb, operands) => parse(verb, operands, false),
            SieveLine::Open(_, verb, operands, _) => parse(verb, operands, true),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn commands_go_on_in_our_spelling() {
        for (line, spelling) in [
            ("listscripts\r\n", "LISTSCRIPTS"),
            ("SetActive  \"\"\r\n", "SETACTIVE \"\""),
            ("GETSCRIPT {5+}\r\na \"\\b\r\n", "GETSCRIPT \"a \\\"\\\\b\""),
            ("RENAMESCRIPT \"a\" \"\u{e9}t\u{e9}\"\r\n", "RENAMESCRIPT \"a\" \"\u{e9}t\u{e9}\""),
            ("havespace \"a\" 007\r\n", "HAVESPACE \"a\" 7"),
            ("NOOP \"x\"\r\n", "NOOP \"x\""),
            ("NOOP\r\n", "NOOP"),
            ("PUTSCRIPT \"a\" {9+}\r\n", "PUTSCRIPT \"a\""),
            ("CHECKSCRIPT \"keep;\"\r\n", "CHECKSCRIPT"),
        ] {
            assert_eq!(parsed(line).map(|command| command.spelling), Ok(spelling.as_bytes().to_vec()), "{line}");
        }
        assert_eq!(parsed("PUTSCRIPT \"a\" \"keep;\"\r\n").unwrap().script.as_deref().map(Vec::as_slice), Some(&b"keep;"[..]));
        assert_eq!(parsed("HAVESPACE \"a\" 7\r\n").unwrap().kind.asks(), Asks::Room(7));
    }

    #[test]
    fn what_fits_no_command_stays_here() {
        for line in [
            "\r\n",
            "XNEW\r\n",
            "LISTSCRIPTS \"a\"\r\n",
            "GETSCRIPT\r\n",
            "GETSCRIPT \"\"\r\n",
            "GETSCRIPT 1\r\n",
            "GETSCRIPT \"a\" \"b\"\r\n",
            "HAVESPACE \"a\"\r\n",
            "HAVESPACE \"a\" \"1\"\r\n",
            "HAVESPACE \"a\" 1 2\r\n",
            "NOOP 1\r\n",
            "NOOP \"a\" \"b\"\r\n",
            "PUTSCRIPT \"a\"\r\n",
            "PUTSCRIPT \"a\" \"b\" \"c\"\r\n",
            "PUTSCRIPT {4+}\r\na\r\nb {1+}\r\n",
            "GETSCRIPT {2+}\r\n\r\n\r\n",
            "GETSCRIPT \"a\tb\"\r\n",
            "\"LOGOUT\"\r\n",
            "GETSCRIPT \"a\u{2028}b\"\r\n",
            "RENAMESCRIPT \"a\"\r\n",
            "SETACTIVE\r\n",
            "CHECKSCRIPT\r\n",
        ] {
            assert_eq!(parsed(line), Err(RefusalCode::Syntax), "{line}");
        }
        for line in ["UNAUTHENTICATE\r\n", "starttls\r\n", "AUTHENTICATE \"PLAIN\"\r\n", "XCLIENT\r\n"] {
            assert_eq!(parsed(line), Err(RefusalCode::NotHere), "{line}");
        }
        assert_eq!(parsed(&format!("GETSCRIPT \"{}\"\r\n", "a".repeat(513))), Err(RefusalCode::Syntax));
    }
}
