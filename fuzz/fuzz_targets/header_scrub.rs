#![no_main]
//! Scrubbing twice is scrubbing once, and nothing below the header block changes.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nologd::scrub::Scrubber;
use nologd::scrub::invariants::{check, scrubber};

static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(scrubber);

fuzz_target!(|message: &[u8]| {
    check(&SCRUBBER, message);
    check(&SCRUBBER, &[b"From: alice@asso.example\r\n", message].concat());
});
