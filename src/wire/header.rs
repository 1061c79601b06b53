//! The top-level header block of a message, cut into fields byte for byte (RFC 5322 2.2, 3.6.8, 4.5).
//!
//! Two tools: [`EndFinder`] tells where the block ends while it is still arriving, [`split`] cuts a whole block.
//! The parts given out, put together again, are always the input: what is not understood is [`Part::Malformed`], and never
//! the silent end of the header, because a `Bcc` behind a junk line must not be overlooked.
//!
//! Absent on purpose: decoding of values, and any repair of line ends. Only CRLF ends a line; only CRLF CRLF ends the block.

use memchr::{memchr, memchr_iter, memchr3_iter, memmem};

/// Looks for the end of the header block in a buffer that grows. Never looks at the same byte twice, three excepted.
///
/// # Examples
///
/// ```
/// use nologd::wire::header::{EndFinder, Part, split};
///
/// let mut finder = EndFinder::new();
/// assert_eq!(finder.find(b"Subject: a\r\n b\r\n\r"), None);
/// let message = b"Subject: a\r\n b\r\n\r\nbody";
/// let end = finder.find(message).unwrap();
/// let parts: Vec<_> = split(&message[..end]).collect();
/// assert!(matches!(parts[..], [Part::Field(field), Part::End(_)] if field.is("subject")));
/// ```
#[derive(Default)]
pub struct EndFinder {
    /// How many bytes were searched in vain.
    seen: usize,
}

impl EndFinder {
    /// A finder at the start of a message.
    pub fn new() -> EndFinder {
        EndFinder::default()
    }

    /// The length in octets of the header block with its blank line, once `grown` holds all of it.
    ///
    /// `grown` starts at the first byte of the message and holds at least what it held at the last call. A message that
    /// starts with CRLF has a header block without fields. A line of white space is a fold and ends nothing.
    pub fn find(&mut self, grown: &[u8]) -> Option<usize> {
        if grown.starts_with(b"\r\n") {
            return Some(2);
        }
        let from = self.seen.saturating_sub(3).min(grown.len());
        self.seen = grown.len();
        let at = memmem::find(grown.get(from..)?, b"\r\n\r\n")?;
        Some(from + at + 4)
    }

    /// The same where lines may also end in LF alone, as in messages that a program stores and forgets to convert. The first
    /// blank line of either kind is the end, as it is for the servers that store it.
    pub fn find_any(&mut self, grown: &[u8]) -> Option<usize> {
        match grown {
            [b'\n', ..] => return Some(1),
            [b'\r', b'\n', ..] => return Some(2),
            _ => {}
        }
        // A line end and what may follow of the next one: three octets.
        let from = self.seen.saturating_sub(2).min(grown.len());
        self.seen = grown.len();
        let mut ends = memchr_iter(b'\n', grown.get(from..)?).map(|at| from + at + 1);
        ends.find_map(|next| match grown.get(next..)? {
            [b'\n', ..] => Some(next + 1),
            [b'\r', b'\n', ..] => Some(next + 2),
            _ => None,
        })
    }
}

/// A piece of a header block. All pieces in order are the input.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// A field with its folds.
    Field(Field<'a>),
    /// A line with its folds that is no field: no colon, other bytes in the name, a fold without a field before it, a bare
    /// CR or LF, a NUL, or no CRLF at the end.
    Malformed(&'a [u8]),
    /// The blank line and whatever follows it. Comes at most once, as the last.
    End(&'a [u8]),
}

impl<'a> Part<'a> {
    /// The bytes of this piece.
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Part::Field(field) => field.raw,
            Part::Malformed(raw) | Part::End(raw) => raw,
        }
    }
}

/// One header field, as it stands in the message.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    raw: &'a [u8],
    name: usize,
    colon: usize,
}

impl<'a> Field<'a> {
    /// The whole field: name, colon, value, folds and the final CRLF.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The name, without the white space that RFC 5322 4.5 allows before the colon. Never empty, printable ASCII only.
    pub fn name(&self) -> &'a [u8] {
        self.raw.get(..self.name).unwrap_or_default()
    }

    /// What follows the colon, folds and final CRLF included. Octets above 127 are kept.
    pub fn value(&self) -> &'a [u8] {
        self.raw.get(self.colon + 1..).unwrap_or_default()
    }

    /// Whether the field has this name, in any case of letters.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Cuts a header block into its parts.
pub fn split(block: &[u8]) -> Parts<'_> {
    Parts { rest: block }
}

/// The parts of a header block, in order.
pub struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if self.rest.starts_with(b"\r\n") {
            return Some(Part::End(std::mem::take(&mut self.rest)));
        }
        let (raw, rest) = self.rest.split_at_checked(unfolded_end(self.rest))?;
        self.rest = rest;
        Some(field(raw).map_or(Part::Malformed(raw), Part::Field))
    }
}

/// Where the line at the start of `block` ends, with the lines folded to it.
fn unfolded_end(block: &[u8]) -> usize {
    for at in memmem::find_iter(block, b"\r\n") {
        if !matches!(block.get(at + 2), Some(b' ' | b'\t')) {
            return at + 2;
        }
    }
    block.len()
}

fn field(raw: &[u8]) -> Option<Field<'_>> {
    if !raw.ends_with(b"\r\n") || !clean(raw) {
        return None;
    }
    let colon = memchr(b':', raw)?;
    let before = raw.get(..colon)?;
    let name = before.len() - before.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    // RFC 5322 3.6.8 ftext: any printable US-ASCII octet; the colon is already excluded.
    let fine = name > 0 && before.get(..name)?.iter().all(|b| matches!(b, 33..=126));
    fine.then_some(Field { raw, name, colon })
}

/// No NUL, and every CR and LF is half of a CRLF.
fn clean(raw: &[u8]) -> bool {
    memchr3_iter(b'\r', b'\n', 0, raw).all(|at| match raw.get(at) {
        Some(b'\r') => raw.get(at + 1) == Some(&b'\n'),
        Some(b'\n') => at > 0 && raw.get(at - 1) == Some(&b'\r'),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(block: &[u8]) -> String {
        let together: Vec<u8> = split(block).flat_map(|part| part.raw().to_vec()).collect();
        assert_eq!(together, block);
        let word = |part| match part {
            Part::Field(field) => format!("{};", String::from_utf8_lossy(field.name())),
            Part::Malformed(raw) => format!("!{};", raw.len()),
            Part::End(raw) => format!("end{}", raw.len()),
        };
        split(block).map(word).collect()
    }

    #[test]
    fn fields_with_folds_and_obsolete_blanks() {
        assert_eq!(shape(b"To: a\r\n\tb\r\n \r\n c\r\nBcc \t: x\r\n\r\nbody"), "To;Bcc;end6");
        assert_eq!(shape(b"\r\n"), "end2");
        assert_eq!(shape(b"A:\r\n"), "A;");
        assert_eq!(shape(b"Subject: caf\xe9\r\n\r\n"), "Subject;end2");
        let Some(Part::Field(field)) = split(b"A \t: b:c\r\n d\r\n").next() else { panic!() };
        assert!(field.is("a") && field.value() == b" b:c\r\n d\r\n");
    }

    #[test]
    fn what_is_no_field_is_told_and_ends_nothing() {
        assert_eq!(shape(b"junk\r\n \r\nBcc: x\r\n\r\n"), "!9;Bcc;end2");
        assert_eq!(shape(b"Bc c: x\r\nBcc: y\r\n"), "!9;Bcc;");
        assert_eq!(shape(b" fold: x\r\nA: b\r\n"), "!10;A;");
        assert_eq!(shape(b": x\r\n"), "!5;");
        assert_eq!(shape(b"Bcc\r\n : x\r\n"), "!11;");
        assert_eq!(shape(b"A: b\rBcc: c\r\nD: e\r\n"), "!13;D;");
        assert_eq!(shape(b"A: b\nBcc: c\r\nD: e\r\n"), "!13;D;");
        assert_eq!(shape(b"A: \0\r\nD: e\r\n"), "!6;D;");
        assert_eq!(shape(b"A\xe9: b\r\n"), "!7;");
        assert_eq!(shape(b"A: b"), "!4;");
        assert_eq!(shape(b"A: b\r\r\n"), "!7;");
    }

    #[test]
    fn the_end_of_a_block_with_lf_is_found_at_any_chunking() {
        for (message, end) in [
            (&b"A: b\n \nC: d\n\nbody\n\n"[..], Some(13)),
            (b"A: b\r\nC: d\r\n\r\nbody", Some(14)),
            (b"A: b\n\r\nbody", Some(7)),
            (b"\nbody", Some(1)),
            (b"\r\nbody", Some(2)),
            (b"A: b\n", None),
            (b"A: b\r\r\n", None),
        ] {
            assert_eq!(EndFinder::new().find_any(message), end);
            let mut finder = EndFinder::new();
            assert_eq!((0..=message.len()).find_map(|length| finder.find_any(&message[..length])), end);
        }
    }

    #[test]
    fn the_end_is_found_at_any_chunking() {
        for (message, end) in [
            (&b"A: b\r\n \r\nC: d\r\n\r\nbody\r\n\r\n"[..], Some(17)),
            (b"\r\nbody\r\n\r\n", Some(2)),
            (b"A: b\r\n", None),
            (b"A: b\n\nc\r\n", None),
        ] {
            assert_eq!(EndFinder::new().find(message), end);
            let mut finder = EndFinder::new();
            let found = (0..=message.len()).find_map(|length| finder.find(&message[..length]));
            assert_eq!(found, end);
        }
    }
}
