//! The figures, in the order of the report, and the bars that nologd must reach (DESIGN section 8).

use Bar::{AtMost, BelowBoth, OfNginx};

use crate::rows::Row;

/// One thing that is measured, smaller being better unless it is a speed.
pub struct Figure {
    pub row: Row,
    pub name: &'static str,
    pub unit: &'static str,
    pub bar: Bar,
}

/// What nologd must reach.
pub enum Bar {
    None,
    /// At most this share of nginx's figure in the same run.
    OfNginx(f64),
    BelowBoth,
    AtMost(f64),
}

const fn figure(row: Row, name: &'static str, unit: &'static str, bar: Bar) -> Figure {
    Figure { row, name, unit, bar }
}

pub static LOGIN_CPU: Figure = figure(Row::Login, "TLS login and logout: CPU", "ms", OfNginx(0.6));
pub static LOGIN_P50: Figure = figure(Row::Login, "the same, 8 at once: p50", "ms", BelowBoth);
pub static LOGIN_P99: Figure = figure(Row::Login, "the same: p99", "ms", Bar::None);
pub static TRIPS_CPU: Figure = figure(Row::Roundtrips, "1000 round trips: CPU", "ms", OfNginx(0.8));
pub static TRIPS_P50: Figure = figure(Row::Roundtrips, "one round trip: p50", "ms", Bar::None);
pub static FETCH_CPU: Figure = figure(Row::Fetch, "FETCH of 64 MiB: CPU", "s/GB", OfNginx(0.5));
pub static FETCH_SPEED: Figure = figure(Row::Fetch, "the same: speed", "MB/s", Bar::None);
pub static APPEND_SYNC_CPU: Figure = figure(Row::Append, "APPEND of 50 MB: CPU", "s/GB", OfNginx(0.6));
pub static APPEND_SYNC_SPEED: Figure = figure(Row::Append, "the same: speed", "MB/s", Bar::None);
pub static APPEND_PLUS_CPU: Figure = figure(Row::Append, "APPEND, LITERAL+: CPU", "s/GB", OfNginx(0.6));
pub static APPEND_PLUS_SPEED: Figure = figure(Row::Append, "the same: speed", "MB/s", Bar::None);
pub static IDLE_EACH: Figure = figure(Row::Idle, "idle IMAPS session: PSS", "KiB", AtMost(12.0));
pub static IDLE_DEAREST: Figure = figure(Row::Idle, "the same: dearest step", "KiB", AtMost(12.0));
pub static IDLE_FIRST: Figure = figure(Row::Idle, "PSS with 100 sessions", "MiB", Bar::None);
pub static SUBMIT_CPU: Figure = figure(Row::Submit, "submission of 10 kB: CPU", "ms", OfNginx(1.0));
pub static SUBMIT_P50: Figure = figure(Row::Submit, "the same, 4 at once: p50", "ms", BelowBoth);
pub static SUBMIT_P99: Figure = figure(Row::Submit, "the same: p99", "ms", Bar::None);
pub static LARGE_PEAK: Figure = figure(Row::SubmitLarge, "25 MB in flight: peak memory", "KiB", AtMost(1000.0));
pub static LARGE_P50: Figure = figure(Row::SubmitLarge, "the same, 8 at once: p50", "ms", Bar::None);
pub static STARVE_P50: Figure = figure(Row::Starve, "NOOP beside 4 FETCHes: p50", "ms", Bar::None);
pub static STARVE_P99: Figure = figure(Row::Starve, "the same: p99", "ms", Bar::None);

pub static ALL: [&Figure; 21] = [
    &LOGIN_CPU,
    &LOGIN_P50,
    &LOGIN_P99,
    &TRIPS_CPU,
    &TRIPS_P50,
    &FETCH_CPU,
    &FETCH_SPEED,
    &APPEND_SYNC_CPU,
    &APPEND_SYNC_SPEED,
    &APPEND_PLUS_CPU,
    &APPEND_PLUS_SPEED,
    &IDLE_EACH,
    &IDLE_DEAREST,
    &IDLE_FIRST,
    &SUBMIT_CPU,
    &SUBMIT_P50,
    &SUBMIT_P99,
    &LARGE_PEAK,
    &LARGE_P50,
    &STARVE_P50,
    &STARVE_P99,
];
