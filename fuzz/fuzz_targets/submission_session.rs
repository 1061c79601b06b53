#![no_main]
//! A whole session, before and after login.

use libfuzzer_sys::fuzz_target;
use nologd::submission::invariants::{LOGGED_IN, check};

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, &mut random);
    check(&[LOGGED_IN, input].concat(), &mut random);
});
