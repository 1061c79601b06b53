#![no_main]
//! What is read of a command holds no octet that could end a line.

use libfuzzer_sys::fuzz_target;
use nologd::submission::invariants::check_command;

fuzz_target!(|input: &[u8]| check_command(input));
