//! Stopping: every session hears of it, and the program waits until the last one is gone or the time is over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Held by the program.
pub struct Stopper(watch::Sender<bool>);

/// Held by every session and listener.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A new pair.
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Sessions and listeners that are still there (each holds one receiver).
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    /// Tells everyone, and waits until all are gone, at most `grace`. True when all went.
    pub async fn stop(&self, grace: Duration) -> bool {
        let _ = self.0.send(true);
        timeout(grace, self.0.closed()).await.is_ok()
    }
}

impl Stop {
    /// Returns when the daemon is being stopped.
    pub async fn stopped(&mut self) {
        // An error means that the program is gone: that is a stop too.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }

    /// Whether the daemon is being stopped.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }
}
