//! The demo speaks to the person at the terminal, and only here.

use std::io::Write as _;

/// One line on standard output. A closed terminal is no reason to stop taking things down, so errors are ignored.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}
