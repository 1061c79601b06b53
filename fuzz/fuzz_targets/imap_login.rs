#![no_main]
//! Before login: the same answers and attempts in any pieces, none without TLS.

use libfuzzer_sys::fuzz_target;
use nologd::imap::invariants::check_login;

fuzz_target!(|input: &[u8]| {
    let (input, mut random) = nologd_fuzz::seeded(input);
    check_login(input, &mut random);
});
