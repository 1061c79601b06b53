//! When a command is given.

use std::time::Instant;

use super::host::ServerStatus;
use crate::quota::Day;
use crate::route::Backends;

/// When a command is given, as its caller's clock and config have it.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Of the config file.
    pub backends: &'a Backends,
    /// How their servers stand, in the order of the config file; nothing for callers that show none of it.
    pub servers: &'a [ServerStatus],
    /// The day, in UTC.
    pub today: Day,
    /// The clock's.
    pub now: Instant,
}
