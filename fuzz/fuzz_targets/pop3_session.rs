#![no_main]
//! POP3: client and backend in turns, cut at `\xff`: what each hears is the same in any pieces.

use libfuzzer_sys::fuzz_target;
use nologd::pop3::invariants::check_pop3;

fuzz_target!(|input: &[u8]| {
    let (script, mut random) = nologd_fuzz::seeded(input);
    check_pop3(script, &mut random);
});
