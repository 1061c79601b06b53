//! A server that greets nobody, because all its seats are taken: some of them by connections that we only keep parked.
//!
//! Cyrus with all of its `maxchild` in use connects (the kernel does) and does not greet. Whoever waits for a greeting gets room from
//! what is parked at the same server, the oldest first: a parked connection saves a login, a seat for it must not cost one.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// How long a server may take to greet before parked connections to it go.
const GREETING: Duration = Duration::from_secs(1);

/// Waits until `greeted` is done. Each second without, `release` is called: to give up one parked connection, for the one that is
/// waited for. Not more: a server that is only slow would get all those logins anew, and become slower.
pub async fn make_room<T>(greeted: impl Future<Output = T>, release: impl FnMut()) -> T {
    each(GREETING, greeted, release).await
}

async fn each<T>(patience: Duration, greeted: impl Future<Output = T>, mut release: impl FnMut()) -> T {
    let mut greeted = pin!(greeted);
    loop {
        if let Ok(done) = timeout(patience, greeted.as_mut()).await {
            return done;
        }
        release();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn a_greeting_in_time_costs_nobody_a_seat_and_a_late_one_one_each_time() {
        let released = |patience: u64, wait: u64| async move {
            let mut released = 0;
            let greeted = sleep(Duration::from_millis(wait));
            each(Duration::from_millis(patience), greeted, || released += 1).await;
            released
        };
        assert_eq!(released(2000, 10).await, 0);
        let late = released(50, 320).await;
        assert!((3..=6).contains(&late), "{late}");
    }
}
