//! What is left of a DATA that was refused (RFC 5321 4.1.1.4): it must be read to its one true end before the answer.

use super::dot::Dotted;

/// Finds the end of a DATA that is not wanted any more. Bare CR and LF mean nothing to it: only `CRLF . CRLF` ends, so that
/// nothing behind a false end is ever read as a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Swallow {
    /// Behind CRLF, or at the very start.
    LineStart,
    /// Within a line.
    Middle,
    /// Behind CR.
    Cr,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a dot and CR.
    DotCr,
}

impl From<Dotted> for Swallow {
    /// Goes on where `dotted` stopped, with the bytes that it did not pass.
    fn from(dotted: Dotted) -> Swallow {
        if dotted.line_start { Swallow::LineStart } else { Swallow::Middle }
    }
}

impl Swallow {
    /// Takes bytes: how many were swallowed, and whether they were the last.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Swallow::DotCr, b'\n') => return (at + 1, true),
                (Swallow::LineStart, b'.') => Swallow::Dot,
                (Swallow::Dot, b'\r') => Swallow::DotCr,
                (Swallow::Cr, b'\n') => Swallow::LineStart,
                (_, b'\r') => Swallow::Cr,
                _ => Swallow::Middle,
            };
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swallowing_ends_at_the_one_true_end() {
        let wire = b"a\n.\nMAIL\r.\r\nx\n.\r\ny\r\n.\rz\r\n..\r\n.\r\nQUIT";
        for size in [1, 2, 7, wire.len()] {
            let (mut swallow, mut used, mut end) = (Swallow::LineStart, 0, false);
            for piece in wire.chunks(size) {
                if !end {
                    let (count, last) = swallow.feed(piece);
                    used += count;
                    end = last;
                }
            }
            assert_eq!(&wire[used..], b"QUIT");
        }
        assert_eq!(Swallow::LineStart.feed(b".\r\nQUIT"), (3, true));
    }
}
