#![no_main]
//! Any text is a config or a list of errors, never both and never neither.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(problems) = nologd::config::read(text) {
        assert!(!problems.is_empty());
    }
});
