//! The clock, for those who may not have one.

use std::time::{Duration, SystemTime};

use crate::quota::Day;

/// Seconds since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The day, in UTC.
pub fn today() -> Day {
    Day::from_unix(now().as_secs())
}
