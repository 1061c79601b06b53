#![no_main]
//! Any lines of an exchange; a credential that comes out goes to a backend and is read there as the same.

use libfuzzer_sys::fuzz_target;
use nologd::wire::invariants::check_exchange;

fuzz_target!(|input: &[u8]| check_exchange(input));
