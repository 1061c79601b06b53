//! The numbers of `[pool]` in the config file.

use std::time::Duration;

/// How many connections are parked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolParams {
    /// Parked connections of one person. Backends count them: Dovecot allows ten for one person from one address.
    pub per_user: usize,
    /// Parked connections to one backend. Each is a process there.
    pub per_backend: usize,
    /// Parked connections in all.
    pub total: usize,
    /// How long a connection stays parked.
    pub rest: Duration,
    /// How long after its login a connection may be reused.
    pub verify: Duration,
    /// Parked connections to one relay. Each is a process of Postfix, which has 100 by default.
    pub relays_per_backend: usize,
    /// How long they stay. Postfix closes after five minutes, under stress after ten seconds.
    pub relay_rest: Duration,
}

impl Default for PoolParams {
    /// A webmail asks for new mail every minute, so a connection stays parked for longer than that.
    fn default() -> PoolParams {
        let seconds = Duration::from_secs;
        PoolParams {
            per_user: 3,
            per_backend: 300,
            total: 1000,
            rest: seconds(150),
            verify: seconds(300),
            relays_per_backend: 8,
            relay_rest: seconds(30),
        }
    }
}
