//! What a client says (RFC 5804 4): a verb, then strings and numbers, with CRLF at the end. A string is quoted, or a literal that is
//! not waited for.
//!
//! Nothing is kept between two calls: a line is read from its start, in at most as many octets as the caller allows.

use memchr::memchr;
use zeroize::Zeroizing;

use crate::fault::{Fault, Side};

/// The longest number, in digits.
const DIGITS: usize = 10;

/// What stands behind a verb.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// The octets of a string, whichever way it came.
    Text(Zeroizing<Vec<u8>>),
    /// A number.
    Number(u64),
}

/// What stands at the front of what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SieveLine<'a> {
    /// More bytes are needed.
    Need,
    /// A whole command of so many octets. The verb is empty where the line begins with a string.
    Whole(usize, &'a [u8], Vec<Operand>),
    /// The same up to a literal of so many octets, which the caller wants to see come.
    Open(usize, &'a [u8], Vec<Operand>, u64),
    /// A line of so many octets that is no command; a literal may belong to it, of so many octets, and then more of the line.
    Unfit(usize, Option<u64>),
    /// Where the next line begins cannot be said.
    Lost(Fault),
}

/// Reads the first line of `input`, its literals included, of at most `most` octets. A literal that `opens` wants, by the verb and
/// the number of operands before it, is left to the caller.
pub(super) fn read<'a>(input: &'a [u8], most: usize, opens: impl Fn(&[u8], usize) -> bool) -> SieveLine<'a> {
    // However much there is, so that nothing depends on how it came.
    let input = &input[..input.len().min(most)];
    let mut at = input.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let verb = &input[..at];
    let mut operands = Vec::new();
    loop {
        // A string may begin the line; else a space stands before each operand.
        let spaces = input[at..].iter().take_while(|byte| **byte == b' ').count();
        let start = at + spaces;
        match (input.get(start), input.get(start + 1)) {
            (None, _) | (Some(b'\r'), None) => return short(input, most, start),
            (Some(b'\r'), Some(b'\n')) => return SieveLine::Whole(start + 2, verb, operands),
            _ if spaces == 0 && at > 0 => return unfit(input, most, start),
            _ => {}
        }
        match operand(&input[start..]) {
            ReadOperand::Short => return short(input, most, start),
            ReadOperand::Text(len, text) => {
                at = start + len;
                operands.push(Operand::Text(text));
            }
            ReadOperand::Number(len, number) => {
                at = start + len;
                operands.push(Operand::Number(number));
            }
            ReadOperand::Literal(len, size) if opens(verb, operands.len()) => {
                return SieveLine::Open(start + len, verb, operands, size);
            }
            ReadOperand::Literal(len, size) => {
                let from = start + len;
                let end = usize::try_from(size).ok().and_then(|size| from.checked_add(size)).filter(|end| *end < most);
                let Some(end) = end else { return SieveLine::Unfit(from, Some(size)) };
                let Some(text) = input.get(from..end) else { return SieveLine::Need };
                at = end;
                operands.push(Operand::Text(Zeroizing::new(text.to_vec())));
            }
            ReadOperand::Unfit => return unfit(input, most, start),
        }
    }
}

/// What a line that is refused ends with: the same question for the rest of one, behind a literal.
pub(super) fn rest(input: &[u8], most: usize) -> SieveLine<'_> {
    unfit(&input[..input.len().min(most)], most, 0)
}

enum ReadOperand {
    Short,
    Text(usize, Zeroizing<Vec<u8>>),
    Number(usize, u64),
    Literal(usize, u64),
    Unfit,
}

fn operand(input: &[u8]) -> ReadOperand {
    match input.first() {
        None => ReadOperand::Short,
        Some(b'"') => quoted(input),
        Some(b'{') => literal(input),
        Some(b'0'..=b'9') => match digits(input) {
            // The end of the number has not come.
            (count, _) if count == input.len() => ReadOperand::Short,
            (count, Some(number)) => ReadOperand::Number(count, number),
            _ => ReadOperand::Unfit,
        },
        Some(_) => ReadOperand::Unfit,
    }
}

fn digits(input: &[u8]) -> (usize, Option<u64>) {
    let count = input.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&input[..count]).ok().and_then(|digits| digits.parse().ok());
    (count, number.filter(|_| count <= DIGITS))
}

/// Sized before it is filled: a buffer that grows would leave copies of a secret behind.
fn quoted(input: &[u8]) -> ReadOperand {
    let mut len = 1;
    let mut escapes = 0;
    loop {
        match (input.get(len), input.get(len + 1)) {
            (None, _) | (Some(b'\\'), None) => return ReadOperand::Short,
            (Some(b'"'), _) => break,
            (Some(b'\\'), Some(b'"' | b'\\')) => {
                escapes += 1;
                len += 2;
            }
            (Some(b'\\' | b'\r' | b'\n' | 0), _) => return ReadOperand::Unfit,
            _ => len += 1,
        }
    }
    let mut text = Zeroizing::new(Vec::with_capacity(len - 1 - escapes));
    let mut escaped = false;
    for byte in &input[1..len] {
        escaped = *byte == b'\\' && !escaped;
        if !escaped {
            text.push(*byte);
        }
    }
    ReadOperand::Text(len + 1, text)
}

/// `{5+}` and CRLF.
fn literal(input: &[u8]) -> ReadOperand {
    let (count, number) = digits(&input[1..]);
    let end: &[u8] = b"+}\r\n";
    let there = &input[(1 + count).min(input.len())..];
    match number {
        _ if count == 0 && there.is_empty() => ReadOperand::Short,
        Some(number) if there.starts_with(end) => ReadOperand::Literal(1 + count + end.len(), number),
        Some(_) if end.starts_with(there) => ReadOperand::Short,
        _ => ReadOperand::Unfit,
    }
}

/// Not whole, or too long to become it.
fn short(input: &[u8], most: usize, from: usize) -> SieveLine<'_> {
    if input.len() < most { SieveLine::Need } else { unfit(input, most, from) }
}

/// The end of a line that is no command, from the octet `from` of it.
fn unfit(input: &[u8], most: usize, from: usize) -> SieveLine<'_> {
    let Some(end) = input.get(from..).and_then(|input| memchr(b'\n', input)) else {
        return if input.len() < most { SieveLine::Need } else { SieveLine::Lost(Fault::TooLong(Side::Client)) };
    };
    let line = &input[from..from + end];
    let announced = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}");
    let len = from + end + 1;
    let Some(announced) = announced else { return SieveLine::Unfit(len, None) };
    let brace = announced.iter().rposition(|byte| *byte == b'{');
    let size = brace.and_then(|brace| announced.get(brace + 1..)).unwrap_or_default();
    match size.strip_suffix(b"+").map(|size| (size.len(), digits(size))) {
        Some((len_of, (count, Some(number)))) if count == len_of && line.ends_with(b"\r") => SieveLine::Unfit(len, Some(number)),
        // Whether octets follow is read in two ways.
        _ if brace.is_some() => SieveLine::Lost(Fault::Garbage(Side::Client)),
        _ => SieveLine::Unfit(len, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 100;

    fn text(text: &[u8]) -> Operand {
        Operand::Text(Zeroizing::new(text.to_vec()))
    }

    fn script(verb: &[u8], count: usize) -> bool {
        verb == b"PUTSCRIPT" && count == 1
    }

    #[test]
    fn lines_and_their_strings() {
        let whole = |line: &'static [u8]| read(line, MOST, script);
        assert_eq!(whole(b"LOGOUT\r\nX"), SieveLine::Whole(8, b"LOGOUT", vec![]));
        assert_eq!(whole(b"X  \"a \\\"b\\\\\" 12 \r\n"), SieveLine::Whole(18, b"X", vec![text(b"a \"b\\"), Operand::Number(12)]));
        assert_eq!(whole(b"X {3+}\r\na\r\n {0+}\r\n\r\n"), SieveLine::Whole(20, b"X", vec![text(b"a\r\n"), text(b"")]));
        assert_eq!(whole(b"\"*\"\r\n"), SieveLine::Whole(5, b"", vec![text(b"*")]));
        assert_eq!(whole(b"PUTSCRIPT \"a\" {9999999+}\r\nx"), SieveLine::Open(26, b"PUTSCRIPT", vec![text(b"a")], 9_999_999));
        assert_eq!(whole(b"PUTSCRIPT {1+}\r\na {7+}\r\nx"), SieveLine::Open(24, b"PUTSCRIPT", vec![text(b"a")], 7));
    }

    #[test]
    fn what_is_no_command_has_an_end_too() {
        for (line, unfit) in [
            (&b"X a\r\n"[..], SieveLine::Unfit(5, None)),
            (b"\n", SieveLine::Unfit(1, None)),
            (b"X\n", SieveLine::Unfit(2, None)),
            (b"X \"a\\b\"\r\n", SieveLine::Unfit(9, None)),
            (b"X \"a\r\n", SieveLine::Unfit(6, None)),
            (b"X\"a\"\r\n", SieveLine::Unfit(6, None)),
            (b"X 12345678901\r\n", SieveLine::Unfit(15, None)),
            (b"X \"a {5+}\r\n", SieveLine::Unfit(11, Some(5))),
            (b"X {99+}\r\n", SieveLine::Unfit(9, Some(99))),
            (b"X {a}\r\n", SieveLine::Lost(Fault::Garbage(Side::Client))),
            (b"X {5}\r\n", SieveLine::Lost(Fault::Garbage(Side::Client))),
            (b"X {5+}\n", SieveLine::Lost(Fault::Garbage(Side::Client))),
            (b"X {99999999999+}\r\n", SieveLine::Lost(Fault::Garbage(Side::Client))),
        ] {
            assert_eq!(read(line, MOST, script), unfit, "{line:?}");
        }
        assert_eq!(read(&[b'X'; 100], MOST, script), SieveLine::Lost(Fault::TooLong(Side::Client)));
        assert_eq!(read(&[b' '; 100], MOST, script), SieveLine::Lost(Fault::TooLong(Side::Client)));
    }

    /// However much of it has come: more is needed, and then it is what it is.
    #[test]
    fn a_line_that_is_not_whole_is_waited_for() {
        for line in [&b"X  \"a \\\"b\\\\\" 12\r\n"[..], b"X {3+}\r\na\r\n 4 {1+}\r\nx\r\n", b"X a {12+}\r\n", b"XX\n"] {
            let whole = read(line, MOST, script);
            assert!(!matches!(whole, SieveLine::Need | SieveLine::Lost(_)), "{line:?}");
            for len in 0..line.len() {
                assert_eq!(read(&line[..len], MOST, script), SieveLine::Need, "{line:?} {len}");
            }
        }
    }
}
