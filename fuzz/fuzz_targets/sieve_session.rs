#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| nologd_fuzz::run("sieve_session", input));
