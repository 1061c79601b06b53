//! The closed list of things that may ever be reported.
//!
//! An [`Event`] carries numbers only, never text from a peer. It travels through `tracing` as numbers and becomes a line
//! again in [`layer`], which drops every callsite that is not ours, dependencies included (policy/log.toml). The only text that is not of
//! the program is the name of a backend, out of the config file ([`name_backends`]). This module never imports `private`;
//! `tests/layers.rs` holds it.

mod catalogue;
mod layer;
mod meaning;
mod named;
mod panic;
mod probe;
mod tally;

pub use catalogue::{Event, EventKind, EventWords, catalogue};
pub use layer::{install, print_only};
pub use named::{BackendService, ConfigPart, name_backends};
pub use panic::install_hook;
pub use probe::try_to_say;
pub use tally::{Provoked, TELLING, count, tell};

/// The one target that the layer lets through.
const TARGET: &str = "nologd::event";

/// Reports `event` at once. Cheap when nobody listens. What a peer can bring about goes to [`count`].
pub fn emit(event: Event) {
    let (number, values) = event.encode();
    tracing::event!(target: TARGET, tracing::Level::INFO, event = number, a = values[0], b = values[1], c = values[2]);
}
