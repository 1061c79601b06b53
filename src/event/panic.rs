//! The panic hook: a panic's message can hold a value from a peer, so only its place in the source is told.

use super::{Event, emit};

/// Replaces the default hook, which would print the message.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let (line, column) = info.location().map_or((0, 0), |place| (place.line(), place.column()));
        emit(Event::Panicked { line: line.into(), column: column.into() });
    }));
}
