//! What the book says, as JSON. Numbers are exact; percentages are rounded down.
//!
//! These `reveal()`s end at the Unix socket of the admins, which only they can open.

use serde_json::{Map, Value, json};

use crate::private::Address;
use crate::quota::{
    Amount, Association, AssociationView, Change, Day, Disclosure, Excess, Filling, Limit, MailboxView, Name, association_json,
};

/// An association with its numbers.
pub(super) fn association(view: &AssociationView) -> Value {
    let mut shown = association_json(&view.association);
    let fill = json!({
        "storage": limit(view.storage),
        "octets": view.used.octets,
        "messages": view.used.messages,
        "percent": percent(view),
        "reserved": amount(view.reserved),
        "mailboxes": view.mailboxes,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("fill".into(), fill);
    }
    shown
}

/// How full an association is, by octets or by messages, whichever is more; null without limits.
pub(super) fn percent(view: &AssociationView) -> Value {
    let (storage, messages) = (view.storage, view.association.messages);
    if storage == Limit::None && messages == Limit::None {
        return Value::Null;
    }
    let percent = storage.percent(view.used.octets.into()).max(messages.percent(view.used.messages.into()));
    json!(u64::try_from(percent).unwrap_or(u64::MAX))
}

/// A mailbox with its numbers.
pub(super) fn mailbox(view: &MailboxView) -> Value {
    let full = match view.limit {
        Limit::None => Value::Null,
        Limit::At(_) => json!(u64::try_from(view.limit.percent(view.used.octets.into())).unwrap_or(u64::MAX)),
    };
    json!({
        "address": view.address.reveal(),
        "association": view.association.reveal(),
        "storage": limit(view.limit),
        "own-limit": view.own.is_some(),
        "kind": view.kind.word(),
        "octets": view.used.octets,
        "messages": view.used.messages,
        "percent": full,
        "reserved": amount(view.reserved),
        "counted": view.seen,
    })
}

/// A change to an association.
pub(super) fn association_change(change: &Change<Association>) -> Value {
    let side = |association: &Option<Association>| association.as_ref().map(association_json);
    json!({ "was": side(&change.was), "now": side(&change.now), "above": above(change.excess), "residue": change.residue })
}

/// A change to a mailbox.
pub(super) fn mailbox_change(change: &Change<MailboxView>) -> Value {
    let side = |view: &Option<MailboxView>| view.as_ref().map(mailbox);
    json!({ "was": side(&change.was), "now": side(&change.now), "above": above(change.excess), "residue": change.residue })
}

/// Everything that is held about a mailbox.
pub(super) fn disclosure(address: &Address, held: &Disclosure) -> Value {
    json!({
        "address": address.reveal(),
        "mailbox": held.mailbox.as_ref().map(mailbox),
        "notice-level": held.due.level.percent(),
        "notice-told": held.told.level.percent(),
        "leaving-told": held.told.leaving.map(Day::print),
        "aliases": held.aliases.iter().map(Address::reveal).collect::<Vec<_>>(),
        "contact-of": held.contact_of.iter().map(Name::reveal).collect::<Vec<_>>(),
        "sending": held.sending.map(filling),
    })
}

fn filling(filling: Filling) -> Value {
    json!({
        "messages-per-hour": filling.messages_per_hour,
        "messages-per-day": filling.messages_per_day,
        "recipients-per-hour": filling.recipients_per_hour,
        "recipients-per-day": filling.recipients_per_day,
    })
}

fn above(excess: Excess) -> Value {
    let numbers = [
        ("octets", excess.octets),
        ("messages", excess.messages),
        ("mailboxes", excess.mailboxes),
        ("full-mailboxes", excess.overfull),
    ];
    let above: Map<_, _> = numbers.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| (word.to_owned(), json!(n))).collect();
    if above.is_empty() { Value::Null } else { Value::Object(above) }
}

fn amount(amount: Amount) -> Value {
    json!({ "octets": amount.octets, "messages": amount.messages })
}

fn limit(limit: Limit) -> Value {
    match limit {
        Limit::None => Value::Null,
        Limit::At(most) => json!(most),
    }
}
