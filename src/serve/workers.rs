//! The threads that serve: one single-threaded runtime for each core, all taking connections from the same listeners.
//!
//! A session stays on the thread that accepted it, so nothing is woken, stolen or locked across cores for a command. In a
//! work-stealing runtime a round trip through the proxy wakes a second thread that finds nothing to do; measured over 1000
//! small commands, that is a third of the whole cost.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;

use super::{Context, Listener};
use crate::net::listen::Bound;
use crate::net::shutdown::{Shutdown, ShutdownPhase};

/// Starts `threads` threads that open all `listeners`. They serve until `end`, which has to come after the sessions' stop.
///
/// # Errors
/// What the kernel says: no more threads, no more file descriptors.
pub fn start(
    threads: usize,
    listeners: &[(Listener, Bound)],
    context: &Arc<Context>,
    stop: &Shutdown,
    end: &Shutdown,
) -> io::Result<()> {
    for number in 0..threads.max(1) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listeners = listeners
            .iter()
            .map(|(listener, bound)| Ok((listener.clone(), bound.try_clone()?)))
            .collect::<io::Result<Vec<_>>>()?;
        let (context, stop, mut end) = (context.clone(), stop.clone(), end.clone());
        let serve = async move {
            for (listener, bound) in listeners {
                tokio::spawn(listener.open(bound, context.clone(), stop.clone()));
            }
            drop(stop);
            end.reached(ShutdownPhase::Draining).await;
        };
        thread::Builder::new().name(format!("serve-{number}")).spawn(move || runtime.block_on(serve))?;
    }
    Ok(())
}
