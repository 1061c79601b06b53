//! Sends notices through the relay of the association's backend; to a mailbox that is full, straight to its mail server, into the room that is
//! kept for that (`crate::quota`, `own_mail`). One task for all; mail never waits for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use lettre::message::header::Date;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Context;
use super::clock::today;
use super::deliver::carry;
use super::own_mail;
use super::upstream::Destination;
use crate::event::{BackendService, Event, Provoked, count, emit};
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::notice::{Notice, Queue, letter};
use crate::private::{Address, Domain};
use crate::quota::{Fact, NoticeKind, Subject};
use crate::route::BackendId;
use crate::smtp::delivery::{DeliveryOutcome, Taker};

/// How often the book is asked.
const LOOK: Duration = Duration::from_secs(1);
/// The reply code for an address that no message can be made for.
const NO_ADDRESS: u16 = 553;

/// Sends notices until the stop.
pub async fn run(context: Arc<Context>, mut stop: Shutdown) {
    let mut sender = Sender { began: Instant::now(), waits: false };
    // Grants may have ended while nobody looked.
    context.book.review(today());
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => sender.round(&context, &stop).await,
            () = stop.reached(ShutdownPhase::Draining) => return,
        }
    }
}

struct Sender {
    began: Instant,
    /// That notices wait was told.
    waits: bool,
}

impl Sender {
    async fn round(&mut self, context: &Context, stop: &Shutdown) {
        let queue = &context.notices;
        let counts = queue.counts();
        (0..counts.stopped).for_each(|_| count(Provoked::SendingStopped));
        (0..counts.lost).for_each(|_| count(Provoked::NoticesLost));
        let (mut down, mut told) = (Down::default(), false);
        for fact in queue.due(self.began.elapsed()) {
            if stop.phase() != ShutdownPhase::Running {
                return;
            }
            // Of several nodes the judge tells, and who judges next finds what is due by itself. What was stopped, it has stopped.
            let is_ours = matches!(fact, Fact::Stopped(_)) || context.book.speaks_of(fact.subject());
            let Some((backend, to, from)) = addressed(context, &fact).filter(|_| is_ours) else {
                queue.done(&fact);
                continue;
            };
            let outcome = send(context, backend, (NoticeKind::News, Notice::about(&fact)), [&from, &to], &mut down).await;
            // What the relay may have is not sent again: a slow one would have it once more at each try, for days.
            if matches!(outcome, DeliveryOutcome::Accepted | DeliveryOutcome::Refused(_) | DeliveryOutcome::Unknown) {
                context.book.told(&fact);
                told = true;
            }
            self.judge(queue, &fact, &outcome);
        }
        if told {
            context.share.iter().for_each(|share| share.link.stir_others());
        }
    }

    fn judge(&mut self, queue: &Queue, fact: &Fact, outcome: &DeliveryOutcome) {
        match outcome {
            DeliveryOutcome::Accepted => {
                queue.done(fact);
                self.waits = false;
            }
            DeliveryOutcome::Refused(code) => {
                queue.done(fact);
                count(Provoked::NoticeRefused(u64::from(*code)));
            }
            DeliveryOutcome::Unknown => queue.done(fact),
            DeliveryOutcome::Later | DeliveryOutcome::Down => {
                if !queue.later(fact, self.began.elapsed()) {
                    count(Provoked::NoticesLost);
                }
                if !std::mem::replace(&mut self.waits, true) {
                    emit(Event::NoticesWait { number: queue.len() as u64 });
                }
            }
        }
    }
}

/// The backend whose relay takes the notice, to whom it goes and from whom. None: nobody can be told, for there is no
/// contact, no relay, or no association any more.
fn addressed(context: &Context, fact: &Fact) -> Option<(BackendId, Address, Address)> {
    let (to, domain): (Address, Domain) = match fact.subject() {
        Subject::Mailbox(address) => (address.clone(), address.domain().clone()),
        Subject::Association(name) => {
            let association = context.book.association(name, today()).ok()?.association;
            (association.contact.clone()?, association.domains.first()?.clone())
        }
    };
    let (backend, from) = relay(context, &domain)?;
    Some((backend, to, from))
}

/// The backend whose relay takes what is about `domain`, and from whom it comes.
pub(super) fn relay(context: &Context, domain: &Domain) -> Option<(BackendId, Address)> {
    let backends = context.backends.load();
    let backend = backends.find(context.book.route(domain, today())?.backend.as_deref())?;
    backends.at(backend)?.endpoint(BackendService::Relay)?;
    let postmaster = || Address::parse(&format!("postmaster@{}", domain.reveal()));
    Some((backend, context.notices_from.clone().or_else(postmaster)?))
}

/// Whether there is a relay that could take what is about `domain`.
pub(super) fn has_relay(context: &Context, domain: &Domain) -> bool {
    relay(context, domain).is_some()
}

/// Sends one that somebody asked for, once.
pub(super) async fn send_now(context: &Context, notice: Notice, domain: &Domain, to: &Address) -> DeliveryOutcome {
    let Some((backend, from)) = relay(context, domain) else { return DeliveryOutcome::Refused(NO_ADDRESS) };
    let outcome = send(context, backend, (NoticeKind::Asked, Some(notice)), [&from, to], &mut Down::default()).await;
    if let DeliveryOutcome::Refused(code) = outcome {
        count(Provoked::NoticeRefused(u64::from(code)));
    }
    outcome
}

/// The servers that did not answer in this round. A store that is silent keeps no notice from a relay that is not.
#[derive(Default)]
struct Down {
    relays: Vec<BackendId>,
    stores: Vec<BackendId>,
}

async fn send(
    context: &Context,
    backend: BackendId,
    (kind, notice): (NoticeKind, Option<Notice>),
    [from, to]: [&Address; 2],
    down: &mut Down,
) -> DeliveryOutcome {
    let backends = context.backends.load_full();
    let letter = notice.and_then(|notice| letter(notice, from, to, Date::from(SystemTime::now()), &random()));
    let Some(letter) = letter else { return DeliveryOutcome::Refused(NO_ADDRESS) };
    if let Some(stored) = own_mail::store(context, to, &letter, kind, &mut down.stores).await {
        return stored;
    }
    if down.relays.contains(&backend) {
        return DeliveryOutcome::Down;
    }
    let carried = carry(context, Destination { backends: &backends, backend }, Taker::Relay, letter).await;
    down.relays.extend(matches!(carried, DeliveryOutcome::Down | DeliveryOutcome::Unknown).then_some(backend));
    carried
}

/// The left side of a Message-ID. Without randomness it is the same for all, which harms nobody.
fn random() -> String {
    let mut bytes = [0u8; 16];
    let _ = rand::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
