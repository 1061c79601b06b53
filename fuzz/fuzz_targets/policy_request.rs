#![no_main]
//! Requests of Postfix's policy delegation.

use libfuzzer_sys::fuzz_target;
use nologd::delegate::check::check;
use nologd::lmtp::House;
use nologd::lmtp::invariants::TestHouse;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, TestHouse::new().book(), &mut random);
});
