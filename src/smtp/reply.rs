//! What a relay answers: one or more lines with the same code. RFC 5321 4.2, RFC 2034.
//!
//! A relay's text reaches the mail program, so it is bounded and stripped of what could act as protocol or on a terminal.

use crate::fault::{Fault, Side};

/// The longest line that is read, in octets with CRLF. RFC 5321 4.5.3.1.5 asks for 512.
const MAX_LINE: usize = 2048;
/// The most lines of one answer.
const MAX_LINES: usize = 100;
/// How much of a line's text is passed on: with code and CRLF within the 512 of RFC 5321 4.5.3.1.5.
const MAX_TEXT: usize = 500;

/// A whole answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// Texts behind the code, without control characters.
    lines: Vec<Box<[u8]>>,
}

impl Reply {
    /// Reads one answer from the front of `input`: the answer and the octets it takes, or `None` when more must come.
    ///
    /// # Errors
    /// `Garbage(Backend)`: no code of three digits from 200 to 599, codes that differ, bare CR, LF or NUL, a line over 2,048
    /// octets, more than 100 lines.
    pub fn parse(input: &[u8]) -> Result<Option<(Reply, usize)>, Fault> {
        let garbage = Fault::Garbage(Side::Backend);
        let mut reply = Reply { code: 0, lines: Vec::new() };
        let mut at = 0;
        while reply.lines.len() < MAX_LINES {
            let rest = &input[at..];
            let Some(end) = memchr::memchr(b'\n', &rest[..rest.len().min(MAX_LINE)]) else {
                return if rest.len() >= MAX_LINE { Err(garbage) } else { Ok(None) };
            };
            let line = rest[..end].strip_suffix(b"\r").ok_or(garbage)?;
            let (code, last, text) = split(line).ok_or(garbage)?;
            if !reply.lines.is_empty() && code != reply.code {
                return Err(garbage);
            }
            reply.code = code;
            reply.lines.push(harmless(text));
            at += end + 1;
            if last {
                return Ok(Some((reply, at)));
            }
        }
        Err(garbage)
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// 2xx.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4xx or 5xx.
    pub fn is_negative(&self) -> bool {
        (400..600).contains(&self.code)
    }

    /// The texts behind the code, line by line.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(|line| &**line)
    }

    /// The enhanced status code (RFC 2034), if the first line begins with one of the same class.
    pub fn enhanced(&self) -> Option<(u8, u16, u16)> {
        let word = self.lines.first()?.split(|byte| *byte == b' ').next()?;
        let mut parts = std::str::from_utf8(word).ok()?.split('.');
        let (class, subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && u16::from(class) == self.code / 100).then_some((class, subject, detail))
    }

    /// Writes the answer for the mail program behind `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (position, line) in self.lines.iter().enumerate() {
            out.extend_from_slice(self.code.to_string().as_bytes());
            out.push(if position + 1 == self.lines.len() { b' ' } else { b'-' });
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
}

// RefusalCode, whether it is the last line, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let digits = code.iter().all(u8::is_ascii_digit);
    let code = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0')));
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    (digits && (200..600).contains(&code) && !text.contains(&b'\r') && !text.contains(&0)).then_some((code, last, text))
}

fn harmless(text: &[u8]) -> Box<[u8]> {
    let visible = text.iter().copied().filter(|byte| *byte >= 0x20 && *byte != 0x7f);
    visible.take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(input: &[u8]) -> (Reply, usize) {
        Reply::parse(input).ok().flatten().unwrap()
    }

    #[test]
    fn one_line_and_many() {
        let (reply, used) = parsed(b"250-2.1.5 a\r\n250-b\x1b[0m\r\n250\r\n354 ");
        assert_eq!((reply.code(), used, reply.enhanced()), (250, 29, Some((2, 1, 5))));
        let mut out = Vec::new();
        reply.write(&mut out);
        assert_eq!(out, b"250-2.1.5 a\r\n250-b[0m\r\n250 \r\n");
        assert!(Reply::parse(b"250-a\r\n250 b\r").ok().unwrap().is_none());
        assert_eq!(parsed(b"550 5.1 x\r\n").0.enhanced(), None);
        assert_eq!(parsed(b"550 2.1.5 x\r\n").0.enhanced(), None);
    }

    #[test]
    fn garbage() {
        let endless = b"250-x\r\n".repeat(MAX_LINES + 1);
        let long = vec![b'2'; MAX_LINE];
        for input in [
            &b"hello\r\n"[..],
            b"250 a\n",
            b"250-a\r\n251 b\r\n",
            b"25\r\n",
            b"199 x\r\n",
            b"600 x\r\n",
            b"250_x\r\n",
            b"250 a\rb\r\n",
            &endless,
            &long,
        ] {
            assert!(matches!(Reply::parse(input), Err(Fault::Garbage(Side::Backend))));
        }
    }
}
