//! How slow a peer may be: a deadline that moves with the bytes, so that neither silence nor one byte a minute holds a
//! session for ever.

use std::time::Duration;

use tokio::time::Instant;

/// A deadline AND a least rate, from the start of a transfer.
#[derive(Clone, Copy)]
pub struct MinRate {
    started: Instant,
    grace: Duration,
    least: u64,
    moved: u64,
}

impl MinRate {
    /// A transfer that starts now: `grace` of silence is allowed, and after it at least `least` octets a second.
    pub fn new(grace: Duration, least: u64) -> MinRate {
        MinRate { started: Instant::now(), grace, least: least.max(1), moved: 0 }
    }

    /// Tells that `count` octets moved.
    pub fn moved(&mut self, count: usize) {
        self.moved += count as u64;
    }

    /// When the next octet must have come: never later than `grace` from now.
    pub fn deadline(&self) -> Instant {
        let earned = Duration::from_secs(self.moved / self.least);
        (self.started + self.grace + earned).min(Instant::now() + self.grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_buy_time_but_never_more_than_the_grace() {
        let mut pace = MinRate::new(Duration::from_secs(10), 100);
        let first = pace.deadline();
        pace.moved(1_000_000);
        assert!(pace.deadline() <= Instant::now() + Duration::from_secs(10));
        assert!(pace.deadline() >= first);
    }
}
