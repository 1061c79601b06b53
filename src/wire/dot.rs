//! The form of a message in SMTP: lines that end in CRLF, and after DATA a dot alone on the last one.
//!
//! RFC 5321 2.3.8 and 4.5.2. Only `CRLF . CRLF` ends DATA (and `. CRLF` as the very first line, 4.1.1.4). A CR or LF that
//! stands alone is told as [`Next::Bare`]: servers disagree on what it means, and SMTP smuggling lives in that gap. A NUL is
//! told as [`Next::Nul`] where that is asked for: a server that strips it (RFC 5322 4 lets one) sees another end than we do.
//!
//! The scanners keep no bytes. They say how many bytes from the front of what they are shown can go on as they are; bytes
//! whose meaning the next read decides (a CR, a dot) are left in the caller's buffer and shown again. Dot-stuffing stays in:
//! what came stuffed goes on stuffed, so a body needs no copy.

use memchr::{memchr2, memchr3, memmem};

pub use super::swallow::Swallow;

/// How much of the shown bytes is message, and what comes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Octets at the front that belong to the message and can be passed on.
    pub pass: usize,
    /// What follows them.
    pub next: Next,
}

/// What stands behind the passed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Not decided yet: show what is left again, with more behind it.
    More,
    /// The empty line that ends the header block; it is within the passed bytes. Only if it was asked for.
    Blank,
    /// The end of DATA: [`END`] follows the passed bytes.
    End,
    /// A CR or LF alone.
    Bare,
    /// A NUL.
    Nul,
}

/// What ends DATA, at the start of a line.
pub const END: &[u8] = b".\r\n";

/// Reads what follows DATA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dotted {
    pub(super) line_start: bool,
    nul: bool,
}

impl Default for Dotted {
    fn default() -> Dotted {
        Dotted { line_start: true, nul: false }
    }
}

impl Dotted {
    /// One that tells of a NUL.
    pub fn without_nul() -> Dotted {
        Dotted { nul: true, ..Dotted::default() }
    }

    /// Looks at the bytes of the body.
    pub fn body(&mut self, bytes: &[u8]) -> Seen {
        self.scan(bytes, false)
    }

    /// Looks at the bytes of the header block, and stops behind the empty line.
    pub fn header(&mut self, bytes: &[u8]) -> Seen {
        self.scan(bytes, true)
    }

    /// The CR alone that was told goes on like any other octet: it ends no line, and what follows it begins none.
    pub fn pass_cr(&mut self) {
        self.line_start = false;
    }

    fn scan(&mut self, bytes: &[u8], blank: bool) -> Seen {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            if self.line_start {
                match rest {
                    [b'.', b'\r', b'\n', ..] => return Seen { pass: at, next: Next::End },
                    [b'.'] | [b'.', b'\r'] => return Seen { pass: at, next: Next::More },
                    [b'\r', b'\n', ..] if blank => return Seen { pass: at + 2, next: Next::Blank },
                    _ => {}
                }
            }
            let (length, next) = match if self.nul { line_without_nul(rest) } else { line(rest) } {
                DotLine::Whole(length) => {
                    at += length;
                    self.line_start = true;
                    continue;
                }
                DotLine::Part(length) => (length, Next::More),
                DotLine::Bare(length) => (length, Next::Bare),
                DotLine::Nul(length) => (length, Next::Nul),
            };
            self.line_start &= length == 0;
            return Seen { pass: at + length, next };
        }
    }
}

/// Reads a message in chunks of known size (BDAT, RFC 3030): no dots, no end of its own. A CRLF may be cut by the end of
/// a chunk, so this one keeps the CR and copies what it passes. It always tells of a NUL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunked {
    /// What is not a held CR ended with CRLF.
    line_start: bool,
    held_cr: bool,
}

impl Default for Chunked {
    fn default() -> Chunked {
        Chunked { line_start: true, held_cr: false }
    }
}

impl Chunked {
    /// Copies the bytes of the header block behind `out`, up to and with the empty line. How many were taken, and what is next.
    pub fn header(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Seen {
        self.copy(bytes, true, out)
    }

    /// Copies the bytes of the body behind `out`, with stuffed dots.
    pub fn body(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Seen {
        self.copy(bytes, false, out)
    }

    /// The last chunk is over: false when it ended in half a line end. A last line without an end gets one.
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        if !self.line_start {
            out.extend_from_slice(b"\r\n");
        }
        !self.held_cr
    }

    fn copy(&mut self, bytes: &[u8], header: bool, out: &mut Vec<u8>) -> Seen {
        let mut at = 0;
        if self.held_cr {
            match bytes.first() {
                None => return Seen { pass: 0, next: Next::More },
                Some(b'\n') => out.extend_from_slice(b"\r\n"),
                Some(_) => return Seen { pass: 0, next: Next::Bare },
            }
            at = 1;
            self.held_cr = false;
            if std::mem::replace(&mut self.line_start, true) && header {
                return Seen { pass: 1, next: Next::Blank };
            }
        }
        let (from, began) = (at, self.line_start);
        let next = loop {
            let rest = &bytes[at..];
            if header && self.line_start && rest.starts_with(b"\r\n") {
                at += 2;
                break Next::Blank;
            }
            match line_without_nul(rest) {
                DotLine::Whole(length) => at += length,
                DotLine::Part(length) => {
                    at += length;
                    self.line_start &= length == 0;
                    break Next::More;
                }
                DotLine::Bare(length) => {
                    at += length;
                    break Next::Bare;
                }
                DotLine::Nul(length) => {
                    at += length;
                    break Next::Nul;
                }
            }
            self.line_start = true;
        };
        match header {
            true => out.extend_from_slice(&bytes[from..at]),
            false => stuff(&bytes[from..at], began, out),
        }
        self.held_cr = next == Next::More && at < bytes.len();
        Seen { pass: at + usize::from(self.held_cr), next }
    }
}

enum DotLine {
    /// So many bytes, CRLF included.
    Whole(usize),
    /// So many bytes without an end; a CR at the very end is not among them.
    Part(usize),
    /// So many bytes, then a CR or LF alone.
    Bare(usize),
    /// So many bytes, then a NUL.
    Nul(usize),
}

fn line(bytes: &[u8]) -> DotLine {
    ended(bytes, memchr2(b'\r', b'\n', bytes))
}

fn line_without_nul(bytes: &[u8]) -> DotLine {
    ended(bytes, memchr3(b'\r', b'\n', 0, bytes))
}

fn ended(bytes: &[u8], at: Option<usize>) -> DotLine {
    let Some(at) = at else { return DotLine::Part(bytes.len()) };
    match &bytes[at..] {
        [0, ..] => DotLine::Nul(at),
        [b'\r', b'\n', ..] => DotLine::Whole(at + 2),
        [b'\r'] => DotLine::Part(at),
        _ => DotLine::Bare(at),
    }
}

/// Takes the stuffed dots out of whole lines: for header blocks, which are small.
pub fn unstuff(lines: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        plain.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    plain
}

/// Writes `bytes` with stuffed dots behind `out`. `line_start` says whether they begin a line; lines end in CRLF.
pub fn stuff(bytes: &[u8], line_start: bool, out: &mut Vec<u8>) {
    if line_start && bytes.starts_with(b".") {
        out.push(b'.');
    }
    let mut from = 0;
    for at in memmem::find_iter(bytes, b"\n.") {
        out.extend_from_slice(&bytes[from..=at]);
        out.push(b'.');
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `wire` through a scanner in pieces of `size`, the way a driver does: what is not passed is shown again.
    fn dotted(wire: &[u8], size: usize) -> (Vec<u8>, Next, usize) {
        let (mut scan, mut held, mut out, mut used) = (Dotted::default(), Vec::new(), Vec::new(), 0);
        for piece in wire.chunks(size) {
            held.extend_from_slice(piece);
            let seen = scan.body(&held);
            out.extend(held.drain(..seen.pass));
            used += seen.pass;
            if seen.next != Next::More {
                return (out, seen.next, used);
            }
            assert!(held.len() <= 2);
        }
        (out, Next::More, used)
    }

    #[test]
    fn the_same_at_every_chunk_size() {
        let cases: &[(&[u8], &[u8], Next)] = &[
            (b".\r\nRSET", b"", Next::End),
            (b"..\r\n.\r\n", b"..\r\n", Next::End),
            (b"a\r\n.\r\nMAIL", b"a\r\n", Next::End),
            (b"a\r\n.b\r\n..\r\n.\r\n", b"a\r\n.b\r\n..\r\n", Next::End),
            (b"a\r\n\r\n.\r\n", b"a\r\n\r\n", Next::End),
            (b"a\n.\n", b"a", Next::Bare),
            (b"a\n.\r\n", b"a", Next::Bare),
            (b"a\r\n.\n", b"a\r\n.", Next::Bare),
            (b"a\r.\r", b"a", Next::Bare),
            (b"a\r\n.\rb", b"a\r\n.", Next::Bare),
            (b"a\r\n.\r\r\n", b"a\r\n.", Next::Bare),
            (b"a\r\r\n.\r\n", b"a", Next::Bare),
            (b"\n", b"", Next::Bare),
            (b"a\r\n.", b"a\r\n", Next::More),
        ];
        for (wire, message, next) in cases {
            for size in [1, 2, 3, 7, wire.len()] {
                let (out, end, _) = dotted(wire, size);
                assert_eq!((out.as_slice(), end), (*message, *next), "{wire:?} at {size}");
            }
        }
    }

    /// `CRLF NUL . CRLF` is an end of data to a server that strips the NUL, and what follows would be read as commands.
    #[test]
    fn a_nul_is_told_before_anything_behind_it_is_passed() {
        for (wire, pass) in [(&b"a\r\n\0.\r\nMAIL"[..], 3), (b"a\0\r\n", 1), (b"\0", 0), (b"a\r\n.\0\r\n", 4)] {
            for size in [1, 2, wire.len()] {
                let (mut scan, mut held, mut passed, mut next) = (Dotted::without_nul(), Vec::new(), 0, Next::More);
                for piece in wire.chunks(size) {
                    held.extend_from_slice(piece);
                    let seen = if next == Next::More { scan.body(&held) } else { continue };
                    held.drain(..seen.pass);
                    passed += seen.pass;
                    next = seen.next;
                }
                assert_eq!((passed, next), (pass, Next::Nul), "{wire:?} at {size}");
            }
            let mut out = Vec::new();
            assert_eq!(Chunked::default().body(wire, &mut out), Seen { pass, next: Next::Nul });
        }
        assert_eq!(Dotted::default().body(b"a\0b\r\n").next, Next::More);
        assert_eq!(Dotted::without_nul().header(b"A: \0\r\n\r\n"), Seen { pass: 3, next: Next::Nul });
        // A CR alone in front of it comes first.
        assert_eq!(Dotted::without_nul().body(b"a\r\0"), Seen { pass: 1, next: Next::Bare });
    }

    #[test]
    fn a_header_ends_at_the_empty_line() {
        assert_eq!(Dotted::default().header(b"A: b\r\n\r\nbody"), Seen { pass: 8, next: Next::Blank });
        assert_eq!(Dotted::default().header(b"\r\nbody"), Seen { pass: 2, next: Next::Blank });
        assert_eq!(Dotted::default().header(b"A: b\r\n.\r\n"), Seen { pass: 6, next: Next::End });
        assert_eq!(Dotted::default().header(b"A: b\r\n\r"), Seen { pass: 6, next: Next::More });
    }

    #[test]
    fn chunks_may_cut_anything() {
        let wire = b"A: b\r\n.x: c\r\n\r\n.body\r\n\r\n..\r\nend";
        for size in [1, 2, 3, 7, wire.len()] {
            let (mut scan, mut header, mut body, mut blank) = (Chunked::default(), Vec::new(), Vec::new(), false);
            for mut piece in wire.chunks(size) {
                if !blank {
                    let seen = scan.header(piece, &mut header);
                    blank = seen.next == Next::Blank;
                    piece = &piece[seen.pass..];
                }
                if blank {
                    assert_eq!(scan.body(piece, &mut body), Seen { pass: piece.len(), next: Next::More });
                }
            }
            assert!(scan.finish(&mut body));
            assert_eq!(header, b"A: b\r\n.x: c\r\n\r\n");
            assert_eq!(body, b"..body\r\n\r\n...\r\nend\r\n", "at {size}");
        }
        for wire in [&b"a\nb"[..], b"a\rb", b"a\r\r\n"] {
            let (mut scan, mut out) = (Chunked::default(), Vec::new());
            let bare = wire.chunks(1).any(|piece| scan.body(piece, &mut out).next == Next::Bare);
            assert!(bare && out == b"a" && Chunked::default().body(wire, &mut out).next == Next::Bare);
        }
        let mut scan = Chunked::default();
        scan.body(b"a\r", &mut Vec::new());
        assert!(!scan.finish(&mut Vec::new()));
    }

    #[test]
    fn stuffing_and_back() {
        for plain in [&b"a: b\r\n.c\r\n..\r\n"[..], b".\r\n", b"", b"a\r\n."] {
            let mut stuffed = Vec::new();
            stuff(plain, true, &mut stuffed);
            assert_eq!(unstuff(&stuffed), plain);
            assert!(memmem::find(&stuffed, b"\r\n.\r\n").is_none());
        }
        let mut out = Vec::new();
        stuff(b".x", false, &mut out);
        assert_eq!(out, b".x");
    }

    /// Prints nothing; fails when scanning is far from memory speed. Only meaningful with optimisation.
    #[test]
    #[cfg(not(debug_assertions))]
    fn a_gigabyte_a_second() {
        let body = [&[b'A'; 76][..], b"\r\n"].concat().repeat(840);
        let start = std::time::Instant::now();
        let mut scan = Dotted::default();
        let mut passed = 0;
        for _ in 0..4000 {
            passed += scan.body(&body).pass;
        }
        let rate = passed as f64 / start.elapsed().as_secs_f64() / 1e9;
        assert!(rate > 1.0, "{rate} GB/s");
    }
}
