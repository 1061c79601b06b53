//! How a command speaks to whoever typed it, and its exit codes.

use std::io::Write;

use super::daemon_options::OutputOptions;
use crate::terminal::{is_read_by_a_person, plain};

/// The exit code for what was refused.
pub const REFUSED: u8 = 1;

/// The exit code for a command that makes no sense.
pub const USAGE: u8 = 2;

/// Tells the admin something, on standard output; a program gets it as it is.
pub fn say(text: &str) {
    let plain = is_read_by_a_person().then(|| plain(text));
    let text = plain.as_deref().unwrap_or(text);
    let mut out = std::io::stdout().lock();
    // A closed pipe (`nologd help | head`) is no fault.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Tells the admin why something was refused, on standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("nologd: {}\n", plain(text)).as_bytes());
}

/// Tells why a command was refused. Machines read standard output; people see the sentence either way.
pub(super) fn refuse(output: OutputOptions, text: &str) {
    if output.json {
        say(&format!("{:#}", serde_json::json!({ "error": text })));
    } else {
        complain(text);
    }
}
