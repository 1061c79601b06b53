//! Stopping in two steps: first no new work and whoever rests goes; then, when the time is over, everybody goes.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How far the stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownPhase {
    /// No stop.
    Running,
    /// No new connections; a session ends as soon as nothing is under way in it.
    Draining,
    /// Sessions end now.
    Over,
}

/// Held by the program.
pub struct Trigger(watch::Sender<ShutdownPhase>);

/// Held by every session and listener.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<ShutdownPhase>);

/// A new pair.
pub fn pair() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(ShutdownPhase::Running);
    (Trigger(sender), Shutdown(receiver))
}

/// How long sessions have for their last words after the time is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Trigger {
    /// Sessions and listeners that are still there (each holds one receiver).
    pub fn holders(&self) -> usize {
        self.0.receiver_count()
    }

    /// Drains for at most `grace`, then ends what is left. The number of sessions that had to be cut.
    pub async fn stop(self, grace: Duration) -> usize {
        let _ = self.0.send(ShutdownPhase::Draining);
        if timeout(grace, self.0.closed()).await.is_ok() {
            return 0;
        }
        let left = self.holders();
        let _ = self.0.send(ShutdownPhase::Over);
        let _ = timeout(LAST_WORDS, self.0.closed()).await;
        left
    }
}

impl Shutdown {
    /// Returns when the stop is at least at `phase`.
    pub async fn reached(&mut self, phase: ShutdownPhase) {
        // An error means that the program is gone: that is a stop too.
        while *self.0.borrow_and_update() < phase && self.0.changed().await.is_ok() {}
    }

    /// How far the stop is now.
    pub fn phase(&self) -> ShutdownPhase {
        *self.0.borrow()
    }
}
