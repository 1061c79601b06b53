//! Whether a script forwards mail or sends notices: a reader of Sieve's tokens (RFC 5228 8.1), and not of its text. `redirect` and `notify`
//! are found where they are identifiers, which is where a command or a test stands and nowhere else; in comments and strings they are
//! words. What `require` names is looked at too, so that whoever asks for an extension learns at once that it is not there.
//!
//! The reader must see every token that the mail server sees. So what two readers could read in two ways is no script here: line ends of
//! both kinds in one script (a comment to the end of the line would end in two places), a bare CR, NUL, and a string or comment without
//! an end.
//!
//! Not held: scripts that are there already, also by `include`; `vacation` and `reject`, which answer the one who wrote.

use memchr::{memchr, memchr2, memmem};

use super::forwarding::SENDING;

/// Commands that send mail, or what is in it, to an address of the script's choice.
const COMMANDS: [&[u8]; 3] = [b"redirect", b"notify", b"report"];

/// What a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKind {
    /// It sends nothing to an address of its choice.
    Stays,
    /// It does.
    Sends,
    /// It cannot be read in one way.
    Unclear,
}

/// Reads `script`.
pub fn kind(script: &[u8]) -> ScriptKind {
    if !has_one_kind_of_line_ends(script) || memchr(0, script).is_some() {
        return ScriptKind::Unclear;
    }
    let mut rest = script;
    // Strings behind `require`, up to its end.
    let mut requires = false;
    while let Some(first) = rest.first() {
        let (len, sends) = match first {
            b'#' => (line(rest), false),
            b'/' if rest.starts_with(b"/*") => match memmem::find(&rest[2..], b"*/") {
                Some(end) => (end + 4, false),
                None => return ScriptKind::Unclear,
            },
            b'"' => match quoted(rest) {
                Some(len) => (len, requires && names_sending(&rest[1..len - 1])),
                None => return ScriptKind::Unclear,
            },
            // A tag: no command, whatever its name is.
            b':' => (1 + word(&rest[1..]), false),
            byte if is_letter(*byte) => {
                let len = word(rest);
                let name = rest[..len].to_ascii_lowercase();
                if name == b"text" && rest.get(len) == Some(&b':') {
                    match multi_line(&rest[len + 1..]) {
                        Some(more) => (len + 1 + more, false),
                        None => return ScriptKind::Unclear,
                    }
                } else {
                    requires = name == b"require";
                    (len, COMMANDS.contains(&&*name))
                }
            }
            b'0'..=b'9' => (number(rest), false),
            byte => {
                requires &= *byte != b';';
                (1, false)
            }
        };
        if sends {
            return ScriptKind::Sends;
        }
        rest = &rest[len..];
    }
    ScriptKind::Stays
}

fn has_one_kind_of_line_ends(script: &[u8]) -> bool {
    let (mut with, mut without, mut rest) = (false, false, script);
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        let is_crlf = rest[at..].starts_with(b"\r\n");
        if !is_crlf && rest[at] == b'\r' {
            return false;
        }
        with |= is_crlf;
        without |= !is_crlf;
        rest = &rest[at + 1 + usize::from(is_crlf)..];
    }
    !(with && without)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// The length of the identifier at the front. A dot is none of its letters (RFC 5228 8.1).
fn word(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| is_letter(**byte) || byte.is_ascii_digit()).count()
}

/// The length of a number, with its K, M or G.
fn number(rest: &[u8]) -> usize {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = rest.get(digits).is_some_and(|byte| matches!(byte, b'K' | b'M' | b'G' | b'k' | b'm' | b'g'));
    digits + usize::from(unit)
}

/// The length of the line at the front, with its end.
fn line(rest: &[u8]) -> usize {
    memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)
}

/// The length of a quoted string, with its quotes. A backslash stands for whatever is behind it.
fn quoted(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', rest.get(at..)?)?;
        if rest[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The length of what stands behind `text:`, up to its line with a single dot.
fn multi_line(rest: &[u8]) -> Option<usize> {
    let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if !matches!(rest.get(blank), Some(b'#' | b'\r' | b'\n')) {
        return None;
    }
    let mut at = blank + line(&rest[blank..]);
    loop {
        let text = rest.get(at..).filter(|text| !text.is_empty())?;
        let len = line(text);
        at += len;
        if matches!(&text[..len], b".\r\n" | b".\n") {
            return Some(at);
        }
    }
}

fn names_sending(string: &[u8]) -> bool {
    SENDING.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sends_is_found_wherever_it_stands() {
        for script in [
            &b"redirect \"a@b.example\";"[..],
            b"REDIRECT \"a@b.example\";",
            b"if true { keep; redirect \"a@b.example\"; }",
            b"# a comment\r\nredirect \"x\";",
            b"# a comment\nredirect \"x\";",
            b"/* a /* comment */redirect \"x\";",
            b"/**/ redirect :copy text:\r\nx\r\n.\r\n;",
            b"set \"a\" text: # \"\r\nit's\r\n..\r\n.\r\n;redirect \"x\";",
            b"set \"a\" \"\\\\\"; redirect \"x\";",
            b"set \"a\" \"\r\n# \"; redirect \"x\";",
            b"if size :over 1Kredirect",
            b"if ihave \"enotify\" { notify \"mailto:a@b.example\"; }",
            b"require \"enotify\";",
            b"require [\"fileinto\", /* x */ \"ENOTIFY\"];",
            b"require text:\n.\n;redirect \"x\";",
            b": redirect",
            b"\xff redirect \"x\";",
        ] {
            assert_eq!(kind(script), ScriptKind::Sends, "{}", String::from_utf8_lossy(script));
        }
    }

    #[test]
    fn what_only_speaks_of_it_stays() {
        for script in [
            &b""[..],
            b"keep;",
            b"require [\"fileinto\", \"vacation\"]; if header \"x\" \"redirect\" { fileinto \"notify\"; }",
            b"# redirect \"x\";\r\nkeep;",
            b"/* redirect \"x\"; */",
            b"vacation text:\r\nredirect \"x\";\r\n\"\r\n.redirect\r\n.\r\n;",
            b"set \"a\" \"\\\"; redirect \";",
            b"keep :redirect;",
            b"redirected; my_notify; x1notify;",
            b"require \"fileinto\"; fileinto \"enotify\";",
            b"text;\nkeep;\n",
        ] {
            assert_eq!(kind(script), ScriptKind::Stays, "{}", String::from_utf8_lossy(script));
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_no_script() {
        for script in [
            &b"# a\rredirect \"x\";"[..],
            b"# a\r\n# b\nredirect \"x\";",
            b"keep;\r",
            b"\"x",
            b"\"x\\",
            b"/* x",
            b"/*/",
            b"text:\r\nx\r\n",
            b"text: x\r\n.\r\n",
            b"text:",
            b"keep;\0",
        ] {
            assert_eq!(kind(script), ScriptKind::Unclear, "{}", String::from_utf8_lossy(script));
        }
    }
}
