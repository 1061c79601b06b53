//! What the targets share: the first octets of an input decide how the rest is cut into pieces.

use std::sync::Arc;

use nologd::imap::invariants::{Alice, Rules};
use nologd::imap::offers::Offers;
use nologd::imap::options::SessionOptions;

/// The input without its first eight octets, and random numbers that follow from them.
pub fn seeded(input: &[u8]) -> (&[u8], impl FnMut() -> u64) {
    let (seed, rest) = input.split_at_checked(8).unwrap_or((&[], input));
    let mut state = seed.iter().fold(0x9e37_79b9_7f4a_7c15, |state: u64, byte| state.rotate_left(8) ^ u64::from(*byte)) | 1;
    let random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (rest, random)
}

/// What a session of IMAP may be told when it begins, chosen by `number`.
pub fn terms(number: u8) -> SessionOptions {
    let sent_copy = (number & 4 != 0).then(|| Arc::new(Rules::new()) as Arc<_>);
    let account = (number & 8 != 0).then(|| Alice::account(1500, number & 16 != 0));
    let offers = [&b"LIST-STATUS STATUS=SIZE MOVE"[..], b"NAMESPACE SPECIAL-USE", b"STATUS=SIZE", b"QUOTA UNSELECT"];
    let offers = Offers::of(offers[usize::from(number >> 5 & 3)]);
    SessionOptions { account, offers, append_limit: 5000, sent_copy, fresh_tag: || b"nologd"[..].into() }
}
