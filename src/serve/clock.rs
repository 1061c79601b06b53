//! The clock, for those who may not have one.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::node::Millis;
use crate::quota::Day;

/// Seconds since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The day, in UTC.
pub fn today() -> Day {
    Day::from_unix(now().as_secs())
}

/// For what is counted in an hour: goes forward only, also where somebody sets the clock of the day.
pub fn steady() -> Duration {
    Duration::from_millis(boot_time())
}

/// Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps: a lease is over when it wakes.
pub fn boot_time() -> Millis {
    // It cannot fail on Linux; if it did, every lease would be over.
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).ok();
    time.and_then(|time| time.as_millis().try_into().ok()).unwrap_or(Millis::MAX)
}
