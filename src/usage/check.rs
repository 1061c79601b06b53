//! What must hold for every connection, for tests and fuzzing.

use super::{MAX_LINE, Push, UsageFramer, UsageSession, UsageStep};
use crate::quota::Book;

/// What one connection came to.
#[derive(Default, PartialEq, Eq)]
struct UsageTrace {
    said: Vec<u8>,
    pushed: Vec<Push>,
    commits: usize,
    closed: bool,
}

/// Feeds `input` as one connection and tells `book`. Panics when an answer is none that Dovecot takes well, when a commit has
/// none, when more is held than may be, or when any of it depends on how the bytes came.
pub fn check(input: &[u8], book: &Book, random: &mut dyn FnMut() -> u64) {
    let whole = told(input, &mut |left| left);
    for size in [1, 7] {
        assert!(whole == told(input, &mut |_| size), "it depends on how the bytes came");
    }
    let pieces = told(input, &mut |left| 1 + usize::try_from(random() % 5000).unwrap_or(0) % left.max(1));
    assert!(whole == pieces, "it depends on how the bytes came");
    let mut taken = 0;
    for line in whole.said.split_inclusive(|octet| *octet == b'\n') {
        let id = line.strip_prefix(b"O").and_then(|rest| rest.strip_suffix(b"\n"));
        let is_taken = id.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit));
        assert!(is_taken || line == b"N\n" || line == b"\n", "no answer that Dovecot takes well");
        taken += usize::from(is_taken);
    }
    assert!(taken == whole.commits, "a commit without an answer, or an answer without one");
    for Push { mailbox, octets, messages } in &whole.pushed {
        assert!(octets.is_some() || messages.is_some(), "a push of nothing");
        book.pushed(mailbox, *octets, *messages);
    }
}

fn told(input: &[u8], size: &mut dyn FnMut(usize) -> usize) -> UsageTrace {
    let (mut framer, mut session, mut told) = (UsageFramer::default(), UsageSession::default(), UsageTrace::default());
    let (mut held, mut rest) = (Vec::new(), input);
    loop {
        let (used, frame) = framer.next(&held);
        if let Some(frame) = frame {
            let commit = matches!(frame, super::UsageFrame::Line(line) if line.starts_with(b"C"));
            match session.decide(frame) {
                Ok(step) => {
                    told.commits += usize::from(commit);
                    told.take(step);
                }
                Err(_) => {
                    told.closed = true;
                    return told;
                }
            }
        }
        held.drain(..used);
        if used == 0 {
            assert!(held.len() <= MAX_LINE, "more is held than a line");
            if rest.is_empty() {
                return told;
            }
            let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
            held.extend_from_slice(piece);
            rest = behind;
        }
    }
}

impl UsageTrace {
    fn take(&mut self, step: UsageStep) {
        match step {
            UsageStep::GoOn => {}
            UsageStep::Answer(answer) => self.said.extend(answer),
            UsageStep::Push(push, answer) => {
                self.said.extend(answer);
                self.pushed.push(push);
            }
        }
    }
}
