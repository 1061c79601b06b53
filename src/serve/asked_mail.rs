//! Mails that somebody at the pages asked for: each has its turn at the server that takes it, and is made when it has it, if it is worth
//! something then.
//!
//! A server that hangs keeps none of another's mails back: each has places of its own. Whoever waited too long gives up, so that what is sent
//! is fresh, and so that there is an end to those who wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Context;
use super::notices::{relay, send_now};
use super::own_mail::store_of;
use crate::event::{BackendService, Provoked, count};
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::route::BackendId;
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::session::LINK;

/// Mails under way to one server at once. Each takes a minute at most, and some ten thousand octets meanwhile.
const AT_ONCE: usize = 16;
/// How long one waits for its turn. Of the time for which a link is good, most is left then.
const TURN: Duration = Duration::from_secs(LINK.as_secs() / 3);

/// The server that takes a mail: a relay, or one that stores it.
type MailTaker = (BackendId, BackendService);

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
    async fn place(&self, taker: MailTaker, within: Duration) -> Option<OwnedSemaphorePermit> {
        timeout(within, self.of(taker).acquire_owned()).await.ok()?.ok()
    }
}

/// One of them: what it says, by the relay of which domain it goes, and to whom.
pub(super) struct AskedMail {
    pub(super) notice: Notice,
    pub(super) domain: Domain,
    pub(super) to: Address,
}

/// Who takes a mail to `to` about `domain`, as far as it can be said before there is one; none where nobody could.
fn taker(context: &Context, domain: &Domain, to: &Address) -> Option<MailTaker> {
    let (relay, _) = relay(context, domain)?;
    let store = store_of(context, to).map(|store| (store, BackendService::Lmtp));
    Some(store.unwrap_or((relay, BackendService::Relay)))
}

/// Sends what `mail` makes, once, when a mail to `to` about `domain` has its turn. None: there was nothing to send any more.
pub(super) async fn send_in_turn(
    context: &Context,
    (domain, to): (&Domain, &Address),
    mail: impl FnOnce() -> Option<AskedMail>,
) -> Option<DeliveryOutcome> {
    let place = match taker(context, domain, to) {
        Some(taker) => match context.web.mails.place(taker, TURN).await {
            Some(place) => Some(place),
            None => return Some(DeliveryOutcome::Later),
        },
        // Nobody takes it, which is told without waiting.
        None => None,
    };
    let AskedMail { notice, domain, to } = mail()?;
    // On the heap for as long as it takes: whoever waits keeps no room for it.
    let outcome = Box::pin(send_now(context, notice, &domain, &to)).await;
    drop(place);
    Some(outcome)
}

/// To be called where it is not tried again: who is in charge of the servers learns it as of other notices.
pub(super) fn note_lost(outcome: &DeliveryOutcome) {
    if matches!(outcome, DeliveryOutcome::Later | DeliveryOutcome::Down) {
        count(Provoked::NoticesLost);
    }
}

/// Whether the mail may be there.
pub(super) fn may_have_come(outcome: &DeliveryOutcome) -> bool {
    matches!(outcome, DeliveryOutcome::Accepted | DeliveryOutcome::Unknown)
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
