#![no_main]
//! Client and backend in turns, cut at `\xff`: what each hears is the same in any pieces.

use libfuzzer_sys::fuzz_target;
use nologd::imap::invariants::check_session;

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    let (script, mut random) = nologd_fuzz::seeded(input);
    check_session(script, &mut || nologd_fuzz::terms(*kind), &mut random);
});
