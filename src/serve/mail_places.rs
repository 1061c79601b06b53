//! The turns at the servers that take mails which somebody at the pages asked for. A server that hangs keeps none of another's mails back:
//! each has places of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::event::BackendService;
use crate::route::BackendId;

/// Mails under way to one server at once. Each takes a minute at most, and some ten thousand octets meanwhile.
const AT_ONCE: usize = 16;

/// The server that takes a mail: a relay, or one that stores it.
pub(super) type MailTaker = (BackendId, BackendService);

/// The places of all servers that anybody has or waits for.
#[derive(Default)]
pub(super) struct MailPlaces(Mutex<Vec<(MailTaker, Arc<Semaphore>)>>);

impl MailPlaces {
    fn of(&self, taker: MailTaker) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those which nobody has one of, or waits for one of: their handles are given out under this lock alone.
        all.retain(|(_, places)| Arc::strong_count(places) > 1);
        if let Some((_, places)) = all.iter().find(|(other, _)| *other == taker) {
            return places.clone();
        }
        let places = Arc::new(Semaphore::new(AT_ONCE));
        all.push((taker, places.clone()));
        places
    }

    /// One of the taker's. None: nobody gave one back for so long.
    pub(super) async fn place(&self, taker: MailTaker, within: Duration) -> Option<OwnedSemaphorePermit> {
        timeout(within, self.of(taker).acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn each_server_has_places_of_its_own_and_a_wait_has_an_end() {
        let (all, [one, other]) = (MailPlaces::default(), [1, 2].map(|number| (BackendId::new(number), BackendService::Relay)));
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(all.place(one, SOON).await.unwrap());
        }
        assert!(all.place(one, SOON).await.is_none(), "after a while");
        assert!(all.place(other, SOON).await.is_some() && all.place((one.0, BackendService::Lmtp), SOON).await.is_some());
        held.pop();
        assert!(all.place(one, SOON).await.is_some());
        held.clear();
        drop(all.place(other, SOON).await);
        assert_eq!(all.0.lock().unwrap().len(), 1, "of those that nobody uses nothing is kept");
    }
}
