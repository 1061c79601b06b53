#![no_main]
//! A message behind DATA, or in chunks: the relay hears canonical lines and the same in any pieces.

use libfuzzer_sys::fuzz_target;
use nologd::submission::invariants::{LOGGED_IN, check};

fuzz_target!(|input: &[u8]| {
    let (message, mut random) = nologd_fuzz::seeded(input);
    let envelope = b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\n";
    let chunk = format!("BDAT {} LAST\r\n", message.len());
    for begin in [&b"DATA\r\n"[..], b"DATA\r\nFrom: alice@asso.example\r\n", chunk.as_bytes()] {
        check(&[LOGGED_IN, envelope, begin, message].concat(), &mut random);
    }
});
