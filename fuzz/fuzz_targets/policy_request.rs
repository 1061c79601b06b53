#![no_main]
//! Requests of Postfix's policy delegation.

use libfuzzer_sys::fuzz_target;
use nologd::postfix_policy::check::check;
use nologd::lmtp::Environment;
use nologd::lmtp::invariants::TestEnvironment;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check(input, TestEnvironment::new().book(), &mut random);
});
