//! The head of a client command: tag and verb (RFC 9051 9, `command`), and the argument forms we must read ourselves.
//!
//! Only what the decisions need is read here, without a copy. What is judged is read whole, in [`super::grammar`].

use super::tag::Tag;
use super::verbs::{self, VerbRow};

/// Tag and verb of a command, and where its arguments start.
pub struct CommandHead<'a> {
    /// The client's tag.
    pub tag: Tag<'a>,
    /// What is asked.
    pub row: &'static VerbRow,
    /// The arguments' bytes, without the line end.
    pub arguments: &'a [u8],
}

/// Reads the head of `line` (without literals behind it). `None`: the tag is no tag, or there is no verb.
pub fn head(line: &[u8]) -> Option<CommandHead<'_>> {
    let line = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(line);
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (tag, rest) = (&line[..space], &line[space + 1..]);
    let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let (word, arguments) = (&rest[..end], rest.get(end + 1..).unwrap_or(b""));
    let named =
        !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'='));
    let tag = Tag::read(tag).filter(|_| named)?;
    Some(CommandHead { tag, row: verbs::row(word), arguments })
}

/// The verb behind UID, and its arguments (RFC 9051 6.4.9). None: there is no verb.
pub fn behind_uid(arguments: &[u8]) -> Option<(&'static VerbRow, &[u8])> {
    let end = arguments.iter().position(|byte| *byte == b' ').unwrap_or(arguments.len());
    let word = &arguments[..end];
    let named = !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
    named.then(|| (verbs::behind_uid(word), arguments.get(end + 1..).unwrap_or_default()))
}

/// A mailbox name or other astring at the front of `text`: its value, and how many bytes it took. `None`: it is a literal,
/// or no astring.
pub fn astring(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end =
            text.iter().position(|byte| matches!(byte, b' ' | b'(' | b')' | b'{' | b'"' | b'\r' | b'\n')).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_vec(), end));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, at + 2)),
            b'\\' => value.push(*bytes.next()?.1),
            byte => value.push(*byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::verbs::Verb;
    use super::*;

    #[test]
    fn heads() {
        let read = head(b"a1 append Sent {3}\r\n").unwrap();
        assert_eq!((read.tag.octets(), read.row.verb, read.arguments), (&b"a1"[..], Verb::Append, &b"Sent {3}"[..]));
        assert_eq!(head(b"a1 NOOP\r\n").unwrap().row.verb, Verb::Noop);
        assert_eq!(head(b"a1 XYZZY 1\r\n").unwrap().row.verb, Verb::Unknown);
        for line in [&b"* NOOP\r\n"[..], b"+ NOOP\r\n", b"a1\r\n", b"a1 \r\n", b" NOOP\r\n", b"\r\n", b"a{ NOOP\r\n"] {
            assert!(head(line).is_none());
        }
    }

    #[test]
    fn astrings() {
        assert_eq!(astring(b"Sent (\\Seen)"), Some((b"Sent".to_vec(), 4)));
        assert_eq!(astring(b"\"a \\\"b\\\\\" x"), Some((b"a \"b\\".to_vec(), 9)));
        assert_eq!(astring(b"{3}"), None);
        assert_eq!(astring(b"\"open"), None);
    }
}
