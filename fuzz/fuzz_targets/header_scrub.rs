#![no_main]
//! Scrubbing twice is scrubbing once, and nothing below the header block changes.

use libfuzzer_sys::fuzz_target;
use nologd::scrub::invariants::{check, shared_scrubber};

fuzz_target!(|message: &[u8]| {
    check(shared_scrubber(), message);
    check(shared_scrubber(), &[b"From: alice@asso.example\r\n", message].concat());
});
