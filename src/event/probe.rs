//! Tries to say a person's name in every way that a careless line could, for the audit. What comes out is for the caller to look at.
//! Absent on purpose: a span, which clippy refuses anywhere here; `tests/leaks.rs` tries one.

use tracing::Level;

use super::{Event, TARGET, emit};

/// Says `name` as a dependency would, as text with our own target, and in a panic; then an event that must be seen, with
/// the number `mark`: if it is not, nothing was shown. [`install`](super::install) and [`install_hook`](super::install_hook) come before.
pub fn try_to_say(name: &str, mark: u64) {
    tracing::event!(target: "a_dependency", Level::ERROR, user = name, "login of {name} failed");
    tracing::event!(target: TARGET, Level::INFO, event = 0u64, a = 1u64, user = name, "{name}");
    tracing::event!(target: "a_dependency", Level::WARN, user = ?name);
    let name = name.to_owned();
    // The hook tells the line of this file; the payload goes down with the panic.
    let _ = std::panic::catch_unwind(move || std::panic::panic_any(format!("what {name} sent")));
    emit(Event::Stopped { cut: mark });
}
