#![no_main]
//! Connections of Dovecot's dict protocol.

use libfuzzer_sys::fuzz_target;
use nologd::lmtp::House;
use nologd::lmtp::invariants::TestHouse;
use nologd::usage::check::check;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, TestHouse::new().book(), &mut random);
});
