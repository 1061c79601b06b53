#![no_main]
//! The header of the PROXY protocol: whatever comes, each cut of it says the same as the whole, or waits within the bound.

use libfuzzer_sys::fuzz_target;
use nologd::net::proxy_header::check_header;

fuzz_target!(|input: &[u8]| check_header(input));
