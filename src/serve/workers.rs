//! The threads that serve: one single-threaded runtime for each core, all taking connections from the same listeners.
//!
//! A session stays on the thread that accepted it, so nothing is woken, stolen or locked across cores for a command. In a
//! work-stealing runtime a round trip through the proxy wakes a second thread that finds nothing to do; measured over 1000
//! small commands, that is a third of the whole cost.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::{Context, Listener};
use crate::net::listen::Bound;
use crate::net::shutdown::{Shutdown, ShutdownPhase};

/// Turns of tasks until the runtime looks whether somebody else has something to say, if it does not run out of tasks before. tokio's own 61
/// are for short ones: a session that carries a large body has always another turn to do, so beside four of them a small command was not seen
/// before 61 blocks had gone. A look costs less than a microsecond, and a thread that is not busy makes none of these.
const LOOK: u32 = 4;

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().event_interval(LOOK).build()
}

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
        let runtime = runtime()?;
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::os::unix::net::UnixStream as Std;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;

    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use tokio::task::yield_now;

    use super::*;

    /// Turns of a session that is always busy, from a command of another one until it is heard.
    async fn turns_until_heard() -> u32 {
        let turns = Arc::new(AtomicU32::new(0));
        let counted = turns.clone();
        let busy = tokio::spawn(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let (mut client, server) = Std::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        let mut server = UnixStream::from_std(server).unwrap();
        let heard = tokio::spawn(async move {
            server.read_u8().await.unwrap();
            turns.load(Ordering::Relaxed)
        });
        // It waits for the command before there is one.
        yield_now().await;
        client.write_all(b"x").unwrap();
        let heard = heard.await.unwrap();
        busy.abort();
        heard
    }

    #[test]
    fn a_command_is_heard_beside_a_session_that_is_always_busy() {
        let turns = runtime().unwrap().block_on(turns_until_heard());
        // 8, and 122 with what tokio does by itself.
        assert!(turns <= 12, "{turns}");
    }
}
