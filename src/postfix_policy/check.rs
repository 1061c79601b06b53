//! What must hold for every request, for tests and fuzzing.

use super::{Failure, PolicyRequest, decide};
use crate::quota::{Book, Day, OverQuota};

/// Asks `book`. Panics when an answer is not one action with an empty line behind it, or when it depends on how the bytes came.
pub fn check(input: &[u8], book: &Book, random: &mut dyn FnMut() -> u64) {
    let whole = answers(input, book, &mut |left| left);
    let pieces = answers(input, book, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left.max(1));
    assert!(whole == pieces, "the answers depend on how the bytes came");
    for answer in &whole {
        let action = answer.strip_prefix(b"action=").and_then(|rest| rest.strip_suffix(b"\n\n"));
        assert!(action.is_some_and(|action| !action.is_empty() && !action.iter().any(u8::is_ascii_control)), "no action");
    }
}

/// The answers up to the first request that is none.
fn answers(input: &[u8], book: &Book, size: &mut dyn FnMut(usize) -> usize) -> Vec<Vec<u8>> {
    let (mut held, mut rest, mut answers) = (Vec::new(), input, Vec::new());
    loop {
        match PolicyRequest::parse(&held) {
            Ok(Some((request, used))) => {
                answers.push(decide(request, book, OverQuota::default(), Day::from_unix(0)));
                held.drain(..used);
            }
            Ok(None) if rest.is_empty() => return answers,
            Ok(None) => {
                let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
                held.extend_from_slice(piece);
                rest = behind;
            }
            Err(_) => {
                answers.push(Failure::Defer.action());
                return answers;
            }
        }
    }
}
