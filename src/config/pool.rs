//! The section `[pool]`: how many connections to backends may be parked, and for how long.

use std::time::Duration;

use super::reader::{Reader, Section};
use crate::pool::PoolParams;

/// Reads the section; what is not there has its default.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> PoolParams {
    let mut section = root.section(reader, "pool");
    let default = PoolParams::default();
    let mut number = |name: &str, most: u64, default: usize| {
        section.number(reader, name, most).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let per_user = number("per_user", 100, default.per_user);
    let per_backend = number("per_backend", 100_000, default.per_backend);
    let total = number("total", 100_000, default.total);
    let relays = section.number_within(reader, "relays_per_backend", 0..=100).and_then(|number| usize::try_from(number).ok());
    let relays_per_backend = relays.unwrap_or(default.relays_per_backend);
    let mut seconds = |name: &str, default: Duration| section.number(reader, name, 3600).map_or(default, Duration::from_secs);
    let (rest, verify) = (seconds("rest_seconds", default.rest), seconds("verify_seconds", default.verify));
    let relay_rest = seconds("relay_rest_seconds", default.relay_rest);
    section.end(reader);
    PoolParams { per_user, per_backend, total, rest, verify, relays_per_backend, relay_rest }
}
