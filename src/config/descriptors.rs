//! What the limits of the config cost in file descriptors, and what becomes of them where there are fewer.

use std::thread::available_parallelism;

use super::file::Config;
use crate::event::{Event, emit};
use crate::limit::{self, Overhead};
use crate::pool;
use crate::serve::Service;

/// File descriptors that the config's limits need, on this machine.
pub fn descriptors(config: &Config) -> u64 {
    config.limits.descriptors(overhead(config))
}

/// The limits, and what may rest, with so many.
pub(super) fn cut(config: &Config, descriptors: u64) -> (limit::LimitParams, pool::PoolParams) {
    let overhead = overhead(config);
    let needed = config.limits.descriptors(overhead);
    if descriptors < needed {
        emit(Event::FewDescriptors { limit: descriptors, needed });
    }
    let resting = usize::try_from(config.limits.resting_within(descriptors, overhead)).unwrap_or(usize::MAX);
    let (limits, pool) = (config.limits.within(descriptors, overhead), config.pool);
    if descriptors >= needed {
        return (limits, pool);
    }
    // Relays' connections rest for seconds: few are enough.
    (
        limits,
        pool::PoolParams {
            total: pool.total.min(resting / 2),
            relays_per_backend: pool.relays_per_backend.min(resting / 2 / config.backends.len().max(4)),
            ..pool
        },
    )
}

fn overhead(config: &Config) -> Overhead {
    let relays = config.backends.len() * config.pool.relays_per_backend;
    Overhead {
        threads: available_parallelism().map_or(1, |threads| threads.get() as u64),
        listeners: config.listens.len() as u64,
        usage: config.listens.iter().filter(|listen| listen.service == Service::Usage).count() as u64,
        resting: (config.pool.total + relays) as u64,
    }
}
