//! Mails that somebody at the pages asked for: each has its turn at the server that takes it, and is made when it has it, if it is worth
//! something then.
//!
//! Whoever waited too long gives up, so that what is sent is fresh, and so that there is an end to those who wait.

use std::time::Duration;

use super::Context;
use super::mail_places::MailTaker;
use super::notices::{relay, send_now};
use super::own_mail::store_of;
use crate::event::{BackendService, Provoked, count};
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::session::LINK;

/// How long one waits for its turn. Of the time for which a link is good, most is left then.
const TURN: Duration = Duration::from_secs(LINK.as_secs() / 3);

/// A mail: what it says, by the relay of which domain it goes, and to whom.
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
