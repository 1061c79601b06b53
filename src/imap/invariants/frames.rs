//! The framer's part: what it sees does not depend on the pieces, and another reader of IMAP sees the same.

use imap_codec::fragmentizer::{FragmentInfo, Fragmentizer, LineEnding};

use super::{BUFFER, window};
use crate::imap::frame::{Direction, Frame, Framer};

/// The framer alone: any pieces give the same frames; and where imap-codec's Fragmentizer should see the same, it does.
pub fn check_frames(input: &[u8], random: &mut dyn FnMut() -> u64) {
    for direction in [Direction::Client, Direction::Server] {
        let whole = frames(direction, input, &mut |left| left);
        let pieces = frames(direction, input, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left);
        assert!(whole == pieces, "frames depend on how the bytes came");
        if direction == Direction::Client {
            agrees_with_the_oracle(input, &whole);
        }
    }
}

/// A frame without what depends on the pieces.
#[derive(PartialEq)]
enum SeenFrame {
    Line { len: usize, announced: Option<u64>, flawed: bool },
    Literal { len: usize },
    Fault,
}

fn frames(direction: Direction, input: &[u8], size: &mut dyn FnMut(usize) -> usize) -> Vec<SeenFrame> {
    let (mut framer, mut seen, mut held, mut fed) = (Framer::new(direction), Vec::new(), Vec::new(), 0);
    // The pieces of a line that was too long for the buffer.
    let mut before = 0;
    loop {
        let window = window(&held);
        let taken = match framer.next(window, window.len() == BUFFER) {
            Err(_) => {
                seen.push(SeenFrame::Fault);
                return seen;
            }
            Ok(Frame::Need) if fed == input.len() => return seen,
            Ok(Frame::Need) => {
                let count = size(input.len() - fed).clamp(1, input.len() - fed);
                held.extend_from_slice(&input[fed..fed + count]);
                fed += count;
                0
            }
            Ok(Frame::Piece { len }) => {
                before += len;
                len
            }
            Ok(Frame::Line { len, literal, flaw }) => {
                let announced = literal.map(|literal| literal.size);
                if let (Direction::Client, Some(size)) = (direction, announced) {
                    framer.enter(size);
                }
                seen.push(SeenFrame::Line { len: len + std::mem::take(&mut before), announced, flawed: flaw.is_some() });
                len
            }
            Ok(Frame::Literal { len, .. }) => {
                match seen.last_mut() {
                    Some(SeenFrame::Literal { len: so_far }) => *so_far += len,
                    _ => seen.push(SeenFrame::Literal { len }),
                }
                len
            }
        };
        assert!(taken <= held.len());
        held.drain(..taken);
    }
}

/// Both read the same lines and literals, up to the first that we call flawed or that only one of the two reads: a literal of
/// more than 32 bits, one in quotes, a line over our bound.
fn agrees_with_the_oracle(input: &[u8], seen: &[SeenFrame]) {
    let mut oracle = Fragmentizer::without_max_message_size();
    oracle.enqueue_bytes(input);
    for frame in seen {
        match frame {
            SeenFrame::Fault | SeenFrame::Line { flawed: true, .. } => return,
            SeenFrame::Line { announced: Some(size), .. } if u32::try_from(*size).is_err() => return,
            SeenFrame::Line { len, announced, .. } => {
                let Some(FragmentInfo::Line { start, end, announcement, ending }) = oracle.progress() else {
                    panic!("the oracle sees no line");
                };
                assert!(end - start == *len && ending == LineEnding::CrLf, "another line");
                let theirs = announcement.map(|announcement| u64::from(announcement.length));
                if theirs != *announced {
                    return;
                }
                // We have no frame for a literal of nothing.
                if theirs == Some(0) {
                    let _ = oracle.progress();
                }
            }
            SeenFrame::Literal { len } => match oracle.progress() {
                Some(FragmentInfo::Literal { start, end }) => assert!(end - start == *len, "another literal"),
                // Not complete yet: the oracle waits for all of it.
                None => return,
                Some(FragmentInfo::Line { .. }) => panic!("the oracle sees a line"),
            },
        }
    }
}
