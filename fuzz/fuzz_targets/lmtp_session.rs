#![no_main]
//! A whole session, as the relay that brings mail sees it, with two backends that say yes.

use libfuzzer_sys::fuzz_target;
use nologd::lmtp::check::{BEGUN, check};

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, &mut random);
    check(&[BEGUN, input].concat(), &mut random);
});
