#![no_main]
//! Connections of Dovecot's dict protocol.

use libfuzzer_sys::fuzz_target;
use nologd::lmtp::Environment;
use nologd::lmtp::invariants::TestEnvironment;
use nologd::usage::check::check;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, TestEnvironment::new().book(), &mut random);
});
