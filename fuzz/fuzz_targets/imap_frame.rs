#![no_main]
//! Frames are the same in any pieces, and the same as imap-codec's.

use libfuzzer_sys::fuzz_target;
use nologd::imap::invariants::check_frames;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check_frames(input, &mut random);
});
