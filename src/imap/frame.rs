//! Framing: a stream of IMAP bytes is cut into lines and literals, before anything is understood (RFC 9051 2.2, 4.3).
//!
//! Framing first is what makes the proxy safe: a command that we do not understand still has a clear end, and the bytes of
//! a literal are never taken for a command. Two traps decide the rules here:
//! - In server lines, `{5}` at the end of free text (an echoed folder name, say) is no literal. So none is looked for in
//!   tagged lines, in `* OK / NO / BAD / BYE / PREAUTH` and in `+` lines.
//! - In client lines, `{5}` behind an open quote or behind an atom, and `{5-}`, are read in different ways by different
//!   servers. Such a line is [`Flaw::Ambiguous`]: it has a clear end, and no server ever sees it.
//!
//! Absent on purpose: any look into the bytes of a literal, and any buffer. The caller keeps the bytes and passes the
//! same slice, grown, until a frame comes.

use memchr::memchr;

use super::announcement::{Announced, announcement};
use crate::fault::{Fault, Side};

pub use super::announcement::Literal;

/// Longest client line, with its CRLF. Dovecot's own bound is the same.
pub const LINE: usize = 64 * 1024;

/// What a piece of a long server line must keep back, so that `{18446744073709551615}` and CRLF are seen whole.
const TAIL: usize = 32;

/// What was found at the front of the bytes. `len` always counts the bytes to take away.
#[allow(missing_docs)] // the fields are explained by their variants
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// No frame yet; more bytes are needed.
    Need,
    /// A line of `len` bytes, CRLF included.
    Line { len: usize, literal: Option<Literal>, flaw: Option<Flaw> },
    /// The first `len` bytes of a line that is longer than the buffer. Its rest follows; a client's ends with
    /// [`Flaw::TooLong`].
    Piece { len: usize },
    /// `len` bytes of the announced literal; `done` when they are its last.
    Literal { len: usize, done: bool },
}

/// What is wrong with a client line whose end is clear all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// LF without CR, or CR without LF.
    BareLineEnd,
    /// A NUL, or another control octet that is not a TAB in a quoted string (RFC 9051 9, CTL).
    Control,
    /// A literal announced where servers disagree whether it is one, or with a size that is no number of 63 bits. What the
    /// client sends behind it is told by `Line::literal` all the same, where it does not wait for an answer.
    Ambiguous,
    /// Longer than [`LINE`]. These are the last bytes of it; the others came as pieces.
    TooLong,
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the mail program.
    Client,
    /// From the backend.
    Server,
}

/// Cuts one direction into frames.
///
/// # Examples
///
/// ```
/// use nologd::imap::frame::{Direction, Frame, Framer};
///
/// let mut framer = Framer::new(Direction::Client);
/// let input = b"a1 APPEND Sent {5}\r\nhello\r\n";
/// let Ok(Frame::Line { len, literal: Some(literal), flaw: None }) = framer.next(input, false) else { panic!() };
/// assert!(len == 20 && literal.size == 5 && literal.sync);
/// // The octets of a literal are data, whatever they look like.
/// framer.enter(literal.size);
/// assert_eq!(framer.next(&input[len..], false), Ok(Frame::Literal { len: 5, done: true }));
/// ```
pub struct Framer {
    direction: Direction,
    midst: Midst,
}

enum Midst {
    /// In a line; its first `scanned` bytes hold no LF. `head` is what the line began with, if its front is gone already.
    Line { scanned: usize, head: Option<Head> },
    /// In a literal with `left` bytes to come.
    Literal { left: u64 },
    /// Behind a literal: the line goes on, as part of the same command or response.
    Rest { scanned: usize },
}

/// Whether a line may end in a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Data,
    FreeText,
    /// A client's line of which the front is gone.
    Skipped,
}

impl Framer {
    /// At the start of a line.
    pub fn new(direction: Direction) -> Framer {
        Framer { direction, midst: Midst::Line { scanned: 0, head: None } }
    }

    /// Whether the next byte begins a command or a response: here, and only here, something else may be put in between.
    pub fn at_start(&self) -> bool {
        matches!(self.midst, Midst::Line { head: None, .. })
    }

    /// Octets that are still to come of the literal that it is in.
    pub fn left(&self) -> u64 {
        if let Midst::Literal { left } = self.midst { left } else { 0 }
    }

    /// Enters the literal that the last line announced. For the client's direction, where it depends on the backend
    /// whether a synchronising literal comes at all.
    pub fn enter(&mut self, size: u64) {
        self.midst = if size == 0 { Midst::Rest { scanned: 0 } } else { Midst::Literal { left: size } };
    }

    /// What is at the front of `input`. After `Line`, `Piece` or `Literal` the caller takes `len` bytes away before the next
    /// call. `full` tells that the caller has no room for more bytes.
    ///
    /// # Errors
    /// `Garbage(Backend)` for a server line that ends in a bare LF, or announces a literal that is none.
    pub fn next(&mut self, input: &[u8], full: bool) -> Result<Frame, Fault> {
        match self.midst {
            Midst::Literal { left } => Ok(self.literal(input, left)),
            Midst::Line { scanned, head } => {
                let head = head.or_else(|| (self.direction == Direction::Server).then(|| classify(input)));
                self.line(input, scanned, head, full)
            }
            Midst::Rest { scanned } => self.line(input, scanned, Some(Head::Data), full),
        }
    }

    fn literal(&mut self, input: &[u8], left: u64) -> Frame {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if len == 0 {
            return Frame::Need;
        }
        let left = left - len as u64;
        self.enter(left);
        Frame::Literal { len, done: left == 0 }
    }

    fn line(&mut self, input: &[u8], scanned: usize, head: Option<Head>, full: bool) -> Result<Frame, Fault> {
        let Some(end) = memchr(b'\n', &input[scanned.min(input.len())..]) else {
            return self.unfinished(input, head, full);
        };
        let len = scanned + end + 1;
        let line = &input[..len];
        let frame = match self.direction {
            Direction::Client => client_line(line, head == Some(Head::Skipped) || len > LINE),
            Direction::Server => server_line(line, head)?,
        };
        self.midst = Midst::Line { scanned: 0, head: None };
        if let (Direction::Server, Frame::Line { literal: Some(literal), .. }) = (self.direction, &frame) {
            self.enter(literal.size);
        }
        Ok(frame)
    }

    fn unfinished(&mut self, input: &[u8], head: Option<Head>, full: bool) -> Result<Frame, Fault> {
        let client = self.direction == Direction::Client;
        if (full || client && input.len() >= LINE) && input.len() > TAIL {
            let len = input.len() - TAIL;
            let head = if client { Some(Head::Skipped) } else { head };
            self.midst = Midst::Line { scanned: TAIL, head };
            return Ok(Frame::Piece { len });
        }
        match &mut self.midst {
            Midst::Line { scanned, .. } | Midst::Rest { scanned } => *scanned = input.len(),
            Midst::Literal { .. } => {}
        }
        Ok(Frame::Need)
    }
}

fn client_line(line: &[u8], too_long: bool) -> Frame {
    let text = line.strip_suffix(b"\r\n");
    let read = text.unwrap_or(line.strip_suffix(b"\n").unwrap_or(line));
    let announced = announcement(read);
    let clear = match &announced {
        Announced::No => true,
        Announced::Yes(literal) => begins_clearly(&line[..literal.at]),
        Announced::Endless(_) | Announced::Broken => false,
    };
    let flaw = match (too_long, text) {
        (true, _) => Some(Flaw::TooLong),
        (_, None) => Some(Flaw::BareLineEnd),
        (_, Some(text)) if memchr(b'\r', text).is_some() => Some(Flaw::BareLineEnd),
        _ if !clear => Some(Flaw::Ambiguous),
        (_, Some(text)) => has_control(text).then_some(Flaw::Control),
    };
    let literal = match announced {
        Announced::Yes(literal) | Announced::Endless(literal) => Some(literal),
        Announced::No | Announced::Broken => None,
    };
    Frame::Line { len: line.len(), literal, flaw }
}

/// Whether a literal announced behind `text` is one for every server: in no quoted string, and where an argument begins.
fn begins_clearly(text: &[u8]) -> bool {
    matches!(text.last(), Some(b' ' | b'(')) && !in_quotes(text)
}

// A quoted string may hold a TAB (RFC 9051 9, TEXT-CHAR); between arguments none is allowed.
fn has_control(text: &[u8]) -> bool {
    match text.iter().find(|byte| byte.is_ascii_control()) {
        None => false,
        Some(b'\t') => {
            let other = text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
            other || !tabs_are_quoted(text)
        }
        Some(_) => true,
    }
}

fn server_line(line: &[u8], head: Option<Head>) -> Result<Frame, Fault> {
    let text = line.strip_suffix(b"\r\n").ok_or(Fault::Garbage(Side::Backend))?;
    let literal = match head {
        Some(Head::Data) => match announcement(text) {
            Announced::Yes(literal) => Some(literal),
            Announced::No => None,
            Announced::Endless(_) | Announced::Broken => return Err(Fault::Garbage(Side::Backend)),
        },
        _ => None,
    };
    Ok(Frame::Line { len: line.len(), literal, flaw: None })
}

/// Whether a server line is one whose end is free text.
fn classify(line: &[u8]) -> Head {
    let Some(rest) = line.strip_prefix(b"* ") else { return Head::FreeText };
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\r')).unwrap_or(rest.len());
    let free = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"];
    if free.iter().any(|word| rest[..end].eq_ignore_ascii_case(word)) { Head::FreeText } else { Head::Data }
}

/// Whether a quoted string is still open at the end of `text`. Strings do not go over lines or literals.
fn in_quotes(text: &[u8]) -> bool {
    walk(text, |_, _| true).unwrap_or(false)
}

fn tabs_are_quoted(text: &[u8]) -> bool {
    walk(text, |byte, open| byte != b'\t' || open).is_some()
}

/// Goes through `text` as long as `goes_on(byte, in a quoted string)`. Whether a string is open at the end.
fn walk(text: &[u8], goes_on: impl Fn(u8, bool) -> bool) -> Option<bool> {
    let mut open = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => open = !open,
            b'\\' if open => drop(bytes.next()),
            byte if !goes_on(*byte, open) => return None,
            _ => {}
        }
    }
    Some(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(direction: Direction, input: &[u8]) -> Result<Frame, Fault> {
        Framer::new(direction).next(input, false)
    }

    fn literal(frame: Frame) -> Option<u64> {
        match frame {
            Frame::Line { literal, flaw: None, .. } => literal.map(|literal| literal.size),
            _ => None,
        }
    }

    #[test]
    fn literals_of_clients() {
        for (line, size) in [
            (&b"a APPEND x {310}\r\n"[..], Some(310)),
            (b"a APPEND x {310+}\r\n", Some(310)),
            (b"a APPEND x (\\Seen) ~{7}\r\n", Some(7)),
            (b"a SEARCH SUBJECT \"a {3}\"\r\n", None),
            (b"a SEARCH SUBJECT \"a\\\" \" {3}\r\n", Some(3)),
            (b"a X {}\r\n", None),
            (b"a X {x}\r\n", None),
        ] {
            assert_eq!(literal(first(Direction::Client, line).unwrap()), size);
        }
    }

    #[test]
    fn flaws_of_clients() {
        for (line, flaw) in [
            (&b"a NOOP\n"[..], Flaw::BareLineEnd),
            (b"a NO\rOP\r\n", Flaw::BareLineEnd),
            (b"a NO\0OP\r\n", Flaw::Control),
            (b"a NOOP\t\r\n", Flaw::Control),
            (b"a SELECT \"a\x01\"\r\n", Flaw::Control),
            (b"a SELECT a{3}\r\n", Flaw::Ambiguous),
            (b"a APPEND x {3-}\r\n", Flaw::Ambiguous),
            (b"{3+}\r\n", Flaw::Ambiguous),
            (b"a LOGIN \"x {3}\r\n", Flaw::Ambiguous),
            (b"a LOGIN x {3}\n", Flaw::BareLineEnd),
            (b"a LOGIN x {99999999999999999999}\r\n", Flaw::Ambiguous),
        ] {
            assert!(matches!(first(Direction::Client, line), Ok(Frame::Line { flaw: Some(found), .. }) if found == flaw));
        }
        assert!(matches!(first(Direction::Client, b"a SEARCH SUBJECT \"a\tb\"\r\n"), Ok(Frame::Line { flaw: None, .. })));
        let mut framer = Framer::new(Direction::Client);
        let long = vec![b'a'; LINE];
        assert_eq!(framer.next(&long, true), Ok(Frame::Piece { len: LINE - TAIL }));
        let end = [&long[LINE - TAIL..], b" {3+}\r\n"].concat();
        let Ok(Frame::Line { literal: Some(literal), flaw: Some(Flaw::TooLong), .. }) = framer.next(&end, false) else {
            panic!("the end of a long line")
        };
        assert!(literal.size == 3 && !literal.sync);
    }

    #[test]
    fn free_text_of_servers_holds_no_literal() {
        for line in [&b"* OK text ends {5}\r\n"[..], b"a NO [NONEXISTENT] no such folder: foo {5}\r\n", b"+ go {3}\r\n"] {
            assert_eq!(literal(first(Direction::Server, line).unwrap()), None);
        }
        assert_eq!(literal(first(Direction::Server, b"* 1 FETCH (BODY[] {5}\r\n").unwrap()), Some(5));
        assert_eq!(first(Direction::Server, b"* OK\n"), Err(Fault::Garbage(Side::Backend)));
    }

    #[test]
    fn a_response_goes_on_behind_its_literal() {
        let mut framer = Framer::new(Direction::Server);
        assert!(matches!(framer.next(b"* 1 FETCH (A {3}\r\n", false), Ok(Frame::Line { literal: Some(_), .. })));
        assert!(!framer.at_start());
        assert_eq!(framer.next(b"ab", false), Ok(Frame::Literal { len: 2, done: false }));
        assert_eq!(framer.next(b"c B {2}\r\n", false), Ok(Frame::Literal { len: 1, done: true }));
        assert!(matches!(framer.next(b" B {2}\r\n", false), Ok(Frame::Line { literal: Some(_), .. })));
        assert_eq!(framer.next(b"xy)\r\n", false), Ok(Frame::Literal { len: 2, done: true }));
        assert!(matches!(framer.next(b")\r\n", false), Ok(Frame::Line { literal: None, .. })));
        assert!(framer.at_start());
    }

    #[test]
    fn a_long_server_line_passes_in_pieces_and_keeps_its_literal() {
        let mut framer = Framer::new(Direction::Server);
        let long = [b"* 1 FETCH (X \"".to_vec(), vec![b'x'; 100], b"\" BODY[] {4}".to_vec()].concat();
        let Ok(Frame::Piece { len }) = framer.next(&long, true) else { panic!("no piece") };
        assert!(!framer.at_start());
        let rest = [&long[len..], b"\r\n"].concat();
        assert_eq!(literal(framer.next(&rest, false).unwrap()), Some(4));
    }
}
