//! Lines (RFC 1939 3), and where a response of many lines ends.

use memchr::{memchr, memmem};

/// What ends a response, its first line aside.
const END: &[u8] = b"\r\n.\r\n";
/// How many octets may be the begin of it.
const CONTEXT: usize = END.len() - 1;

/// What stands at the front of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pop3Line {
    /// More bytes are needed.
    Need,
    /// No line ends within the bound.
    TooLong,
    /// A line of so many octets, its end included. Not `clean`: it does not end in CRLF, or a CR or NUL stands in it.
    Whole { len: usize, clean: bool },
}

/// The first line of `input`, of at most `most` octets.
pub(super) fn line(input: &[u8], most: usize) -> Pop3Line {
    let seen = &input[..input.len().min(most)];
    match memchr(b'\n', seen) {
        None if input.len() >= most => Pop3Line::TooLong,
        None => Pop3Line::Need,
        Some(end) => {
            let clean = seen[..end].strip_suffix(b"\r").is_some_and(|text| !text.contains(&b'\r') && !text.contains(&0));
            Pop3Line::Whole { len: end + 1, clean }
        }
    }
}

/// Looks for the line with a single dot that ends a response of many lines (RFC 1939 3). Only CRLF ends a line here: LF.CRLF in a
/// message is a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseEnd {
    /// A line begins.
    #[default]
    LineStart,
    /// In a line.
    Text,
    /// Behind a CR.
    Cr,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind a dot that begins a line, and a CR.
    DotCr,
}

impl ResponseEnd {
    /// How many octets of `input` belong to the response, and whether it has ended with the last of them.
    pub(super) fn scan(&mut self, input: &[u8]) -> (usize, bool) {
        // An end that begins before `input` is over within four octets of it. All others are looked for in one go, and not line by line:
        // a message has millions of lines.
        if let Some((first, _)) = input.split_at_checked(CONTEXT) {
            if let (len, true) = self.follow(first) {
                return (len, true);
            }
            if let Some(found) = memmem::find(input, END) {
                return (found + END.len(), true);
            }
            // Nothing before the last four octets matters for what comes.
            *self = ResponseEnd::Text;
            self.follow(&input[input.len() - CONTEXT..]);
            return (input.len(), false);
        }
        self.follow(input)
    }

    /// The same, octet by octet.
    fn follow(&mut self, input: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(octet) = input.get(at) {
            *self = match (*self, octet) {
                (ResponseEnd::DotCr, b'\n') => return (at + 1, true),
                (ResponseEnd::Cr, b'\n') => ResponseEnd::LineStart,
                (ResponseEnd::LineStart, b'.') => ResponseEnd::Dot,
                (ResponseEnd::Dot, b'\r') => ResponseEnd::DotCr,
                (_, b'\r') => ResponseEnd::Cr,
                _ => {
                    // Nothing but a CR matters in a line.
                    at += memchr(b'\r', &input[at..]).unwrap_or(input.len() - at);
                    *self = ResponseEnd::Text;
                    continue;
                }
            };
            at += 1;
        }
        (input.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(line(b"STAT\r\nX", 10), Pop3Line::Whole { len: 6, clean: true });
        assert_eq!(line(b"STAT\n", 10), Pop3Line::Whole { len: 5, clean: false });
        assert_eq!(line(b"ST\rAT\r\n", 10), Pop3Line::Whole { len: 7, clean: false });
        assert_eq!(line(b"STAT", 10), Pop3Line::Need);
        assert_eq!((line(b"0123456789\r\n", 12), line(b"0123456789\r\n", 11)), {
            (Pop3Line::Whole { len: 12, clean: true }, Pop3Line::TooLong)
        });
    }

    /// The end is where RFC 1939 has it, however the octets come.
    #[test]
    fn only_a_dot_alone_between_two_line_ends_ends_a_response() {
        for (text, ends) in [
            (&b".\r\n"[..], true),
            (b"a\r\n.\r\n", true),
            (b"\r\n.\r\n", true),
            (b"..\r\n.\r\n", true),
            (b"a\n.\r\n", false),
            (b"a\r.\r\n", false),
            (b"a\r\n.\n", false),
            (b"a\r\n..\r\n", false),
            (b"a\r\n.\r\r\n", false),
            (b"a\r\n. \r\n", false),
            (b"a.\r\n", false),
            (b"\r\r\n.\r\n", true),
        ] {
            for size in [1, 2, 7] {
                let (mut end, mut taken, mut ended) = (ResponseEnd::default(), 0, false);
                for piece in text.chunks(size) {
                    assert!(!ended, "it ended early: {text:?}");
                    let (count, now) = end.scan(piece);
                    (taken, ended) = (taken + count, now);
                }
                assert_eq!((taken, ended), (text.len(), ends), "{text:?}");
            }
            let more = [text, b"+OK"].concat();
            assert_eq!(ResponseEnd::default().scan(&more).1, ends);
        }
        assert_eq!(ResponseEnd::default().scan(b"x\r\n.\r\n+OK\r\n"), (6, true));
    }

    /// What is found in one go is what is found octet by octet, in pieces of any size: all texts of eight octets of these four.
    #[test]
    fn looking_far_ahead_finds_the_same_end() {
        for number in 0..4_usize.pow(8) {
            let text: Vec<u8> = (0..8).map(|at| b"\r\n.x"[(number >> (2 * at)) & 3]).collect();
            let (mut slow, mut expected) = (ResponseEnd::default(), None);
            for at in 0..text.len() {
                if expected.is_none() && slow.follow(&text[at..=at]).1 {
                    expected = Some(at + 1);
                }
            }
            for size in [3, 4, 5, 8] {
                let (mut end, mut taken, mut found) = (ResponseEnd::default(), 0, None);
                for piece in text.chunks(size) {
                    if found.is_none() {
                        let (count, ended) = end.scan(piece);
                        taken += count;
                        found = ended.then_some(taken);
                    }
                }
                assert_eq!(found, expected, "{} in pieces of {size}", text.escape_ascii());
                assert!(found.is_some() || end == slow, "{} in pieces of {size}", text.escape_ascii());
            }
        }
    }
}
