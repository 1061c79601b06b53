//! The strict readers: what is judged is read whole, by the grammar of RFC 9051 9, and what does not fit it is answered by us
//! and never reaches a backend. No server has to be guessed at then: there is one reading.
//!
//! The readers see a command as its lines put together, each literal as `{n}` CRLF and its octets.

pub mod append;
pub mod folder;
pub mod transfer;

use super::command;

/// Reads a command from its front. Each step takes what it read, or says that it is not there.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the first octet.
    pub fn new(text: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: text }
    }

    /// What was not read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Exactly these octets.
    pub fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// These letters in any case.
    pub fn letters(&mut self, word: &[u8]) -> Option<()> {
        let (found, rest) = self.rest.split_at_checked(word.len())?;
        found.eq_ignore_ascii_case(word).then(|| self.rest = rest)
    }

    /// One space; another one behind it is no grammar any more.
    pub fn space(&mut self) -> Option<()> {
        self.word(b" ")
    }

    /// The end of the command.
    pub fn end(&mut self) -> Option<()> {
        if self.rest == b"\r\n" || self.rest.is_empty() { Some(()) } else { None }
    }

    /// As many octets as `belongs` takes, at least one.
    pub fn run(&mut self, belongs: impl Fn(u8) -> bool) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| !belongs(*byte)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        if run.is_empty() { None } else { Some(run) }
    }

    /// A mailbox name or other astring: an atom of ASCII, a quoted string, or a literal. No control octets, in any form.
    pub fn astring(&mut self) -> Option<Vec<u8>> {
        let (value, rest) = match self.rest.first()? {
            b'"' => {
                let (value, taken) = command::astring(self.rest)?;
                (value, self.rest.get(taken..)?)
            }
            b'{' => literal(self.rest)?,
            _ => (self.run(is_astring_char)?.to_vec(), self.rest),
        };
        self.rest = rest;
        let clean = !value.iter().any(u8::is_ascii_control);
        clean.then_some(value)
    }
}

// RFC 9051 9: ASTRING-CHAR = ATOM-CHAR / resp-specials.
fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\".contains(&byte)
}

/// The octets of a literal at the front of `text`, and what is behind it.
fn literal(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let line = text.strip_prefix(b"{")?;
    let end = line.iter().position(|byte| *byte == b'}')?;
    let digits = line.get(..end)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let size: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let octets = line.get(end..)?.strip_prefix(b"}\r\n")?;
    let (value, rest) = octets.split_at_checked(size)?;
    Some((value.to_vec(), rest))
}

/// `name` as a quoted string, as it is written in a command.
pub fn quoted(name: &[u8]) -> Vec<u8> {
    let escaped = name.iter().flat_map(|byte| {
        let escape = matches!(byte, b'"' | b'\\').then_some(b'\\');
        escape.into_iter().chain([*byte])
    });
    [b'"'].into_iter().chain(escaped).chain([b'"']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn astrings_in_all_forms() {
        for (text, value, rest) in [
            (&b"Sent x"[..], &b"Sent"[..], &b" x"[..]),
            (b"\"a \\\"b\" x", b"a \"b", b" x"),
            (b"{3}\r\na b x", b"a b", b" x"),
            (b"{3+}\r\na b x", b"a b", b" x"),
            (b"a]b\r\n", b"a]b", b"\r\n"),
            (b"{0}\r\n x", b"", b" x"),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(cursor.astring().as_deref(), Some(value));
            assert_eq!(cursor.rest(), rest);
        }
        for text in [&b" Sent"[..], b"", b"(x", b"\"open", b"{9}\r\nabc", b"\"a\x01\"", b"{2}\r\na\n", b"a\xc3\xa9"] {
            let mut cursor = Cursor::new(text);
            let whole = cursor.astring().is_some() && matches!(cursor.rest(), b"" | b" ");
            assert!(!whole, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn quoted_strings_are_read_back() {
        for name in [&b"a \"b\\"[..], b"", b"Sent"] {
            let written = quoted(name);
            assert_eq!(Cursor::new(&written).astring().as_deref(), Some(name));
        }
    }
}
