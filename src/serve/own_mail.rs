//! Our own notices to a mailbox that is full: handed to its mail server over a connection that we make, into room above the limits.
//!
//! By way of the relay they would come in at our LMTP listener like anybody's mail, and be refused there. To let them pass, something in the
//! message would have to say that they are ours, and whatever can be said can be said by others, or read on its way. So nothing says it:
//! what is our own is known by being here. Only where a mailbox is full does a notice take this way, so that whatever the relay does with mail
//! (aliases, forwards) it goes on doing with all others.

use std::collections::BTreeSet;

use super::Context;
use super::clock::today;
use super::deliver::carry;
use super::upstream::Destination;
use crate::event::BackendService;
use crate::private::Address;
use crate::quota::{Amount, NoticeKind, ON_TOP, Reservation, Verdict};
use crate::route::BackendId;
use crate::smtp::delivery::{DeliveryOutcome, Letter, Taker};

/// Octets of a letter with a link, about.
const SHORT: u64 = 1500;

/// A mailbox that a notice goes to.
struct RoomMade {
    mailbox: Address,
    backend: BackendId,
    room: Reservation,
}

/// The mailboxes that `to` leads to, where one of them is full. None: the relay has the letter.
fn full(context: &Context, to: &Address, amount: Amount) -> Option<BTreeSet<Address>> {
    let is_full = |mailbox: &Address| {
        let told = context.book.probe(mailbox, amount, today());
        matches!(told, Err(Verdict::MailboxFull | Verdict::AssociationFull))
    };
    context.book.resolve(to).filter(|mailboxes| mailboxes.iter().any(is_full))
}

/// The server that would store a letter to `to` that is as short as most; none where the relay has it.
pub(super) fn store_of(context: &Context, to: &Address) -> Option<BackendId> {
    let mailboxes = full(context, to, Amount::message(ON_TOP + SHORT))?;
    server_of(context, mailboxes.first()?)
}

/// The backend of a mailbox, where it stores what we hand it.
fn server_of(context: &Context, mailbox: &Address) -> Option<BackendId> {
    let name = context.book.backend_for(mailbox).ok()?;
    let backends = context.backends.load();
    let backend = backends.find(name.as_deref())?;
    backends.at(backend)?.endpoint(BackendService::Lmtp)?;
    Some(backend)
}

fn amount_of(letter: &Letter) -> Amount {
    Amount::message(ON_TOP + letter.message.len() as u64)
}

/// Stores the letter in every mailbox that `to` leads to. None where none of them is full, or where it cannot be done: then the relay has it.
/// Those of `silent` are not asked, and whoever turns out to be silent joins them: the backends of the mailboxes, which need not be that of
/// the domain that the notice is about.
pub(super) async fn store(
    context: &Context,
    to: &Address,
    letter: &Letter,
    kind: NoticeKind,
    silent: &mut Vec<BackendId>,
) -> Option<DeliveryOutcome> {
    let amount = amount_of(letter);
    let mailboxes = full(context, to, amount)?;
    // All or none: of a list of mailboxes some would have it twice.
    let made: Vec<_> = mailboxes.into_iter().map(|mailbox| make_room(context, mailbox, amount, kind)).collect::<Option<_>>()?;
    let mut best = None;
    for RoomMade { mailbox, backend, mut room } in made {
        let outcome = if silent.contains(&backend) {
            DeliveryOutcome::Down
        } else {
            room.handed_over();
            let backends = context.backends.load_full();
            let letter = Letter { recipient: path(context, &mailbox), message: letter.message.clone() };
            carry(context, Destination { backends: &backends, backend }, Taker::Store, letter).await
        };
        if matches!(outcome, DeliveryOutcome::Down | DeliveryOutcome::Unknown) && !silent.contains(&backend) {
            silent.push(backend);
        }
        match outcome {
            DeliveryOutcome::Accepted => drop(room.commit()),
            DeliveryOutcome::Refused(_) | DeliveryOutcome::Later | DeliveryOutcome::Down => drop(room.release()),
            DeliveryOutcome::Unknown => room.doubt(),
        }
        // One that has it is told; the others are not told twice.
        best = Some(match best {
            Some(earlier @ (DeliveryOutcome::Accepted | DeliveryOutcome::Unknown)) => earlier,
            _ => outcome,
        });
    }
    best
}

fn make_room(context: &Context, mailbox: Address, amount: Amount, kind: NoticeKind) -> Option<RoomMade> {
    // Before it is asked where the mailbox is: whoever moves it waits for what is set aside.
    let room = context.book.reserve_notice(&mailbox, amount, kind, today()).ok()?;
    let backend = server_of(context, &mailbox)?;
    Some(RoomMade { mailbox, backend, room })
}

/// As its mail server writes it.
fn path(context: &Context, mailbox: &Address) -> String {
    let spelling = context.book.spelling(mailbox.domain());
    spelling.map_or_else(|| mailbox.reveal(), |domain| format!("{}@{domain}", mailbox.reveal_local()))
}
