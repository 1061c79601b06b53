//! Lines, each ended by LF alone.

use memchr::memchr;

/// The longest line that is looked at, in octets without its end. What Dovecot sends is below 400.
pub const MAX_LINE: usize = 4096;

/// What came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UsageFrame<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// One that was too long and is gone, but for the letter that it began with: some want an answer.
    Long(u8),
}

/// Finds lines in what is read. Holds no octet of them but the first of one that is too long.
#[derive(Default)]
pub struct UsageFramer {
    skipping: Option<u8>,
}

impl UsageFramer {
    /// The next line, and how many octets of `input` are done with; there may be some though no line has ended.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> (usize, Option<UsageFrame<'a>>) {
        match (memchr(b'\n', input), self.skipping) {
            (Some(end), Some(first)) => {
                self.skipping = None;
                (end + 1, Some(UsageFrame::Long(first)))
            }
            (Some(end), None) if end <= MAX_LINE => (end + 1, Some(UsageFrame::Line(&input[..end]))),
            (Some(end), None) => (end + 1, Some(UsageFrame::Long(input[0]))),
            (None, Some(_)) => (input.len(), None),
            (None, None) if input.len() > MAX_LINE => {
                self.skipping = Some(input[0]);
                (input.len(), None)
            }
            (None, None) => (0, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_skipped_and_its_letter_kept_however_it_comes() {
        let long = [b"C".as_slice(), &[b'1'; MAX_LINE], b"\nC2\n"].concat();
        for size in [1, 7, 4096, long.len()] {
            let (mut framer, mut held, mut found) = (UsageFramer::default(), Vec::new(), Vec::new());
            for piece in long.chunks(size) {
                held.extend_from_slice(piece);
                loop {
                    let (used, frame) = framer.next(&held);
                    found.extend(frame.map(|frame| match frame {
                        UsageFrame::Line(line) => line.to_vec(),
                        UsageFrame::Long(first) => vec![first, b'!'],
                    }));
                    held.drain(..used);
                    assert!(held.len() <= MAX_LINE || used > 0);
                    if used == 0 || held.is_empty() {
                        break;
                    }
                }
            }
            assert_eq!(found, [b"C!".to_vec(), b"C2".to_vec()], "{size}");
        }
        let longest = [&[b'x'; MAX_LINE][..], b"\n"].concat();
        assert!(matches!(UsageFramer::default().next(&longest), (_, Some(UsageFrame::Line(line))) if line.len() == MAX_LINE));
    }
}
