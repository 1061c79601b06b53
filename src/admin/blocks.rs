//! `blocks ...`: which accounts are slowed now because of wrong passwords, and making that end.
//!
//! Limits know pseudonyms only. The names come from the book, each looked up among them: what strangers typed as a name is nowhere,
//! and is told as a number. Networks are a number, always.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Answer;
use crate::limit::Limits;
use crate::private::Address;
use crate::quota::Book;

/// What is slowed now.
pub(super) fn list(limits: &Limits, book: &Book) -> Result<Value, Answer> {
    let slowed = limits.slowed();
    let mailboxes = if slowed.accounts() == 0 { Vec::new() } else { book.mailboxes(None)? };
    let names = mailboxes.iter().map(|mailbox| book.mailbox_of(&mailbox.address).reveal());
    let accounts: BTreeSet<_> = names.filter(|name| limits.is_slowed(&slowed, name)).collect();
    Ok(json!({ "networks": slowed.networks, "others": slowed.accounts().saturating_sub(accounts.len()), "accounts": accounts }))
}

/// For `disclose`.
pub(super) fn about(limits: &Limits, book: &Book, address: &Address) -> Value {
    let (known, slowed) = limits.about(&book.mailbox_of(address).reveal());
    json!({ "known-networks": known, "slowed": slowed })
}

/// Makes it end, for one account or for all.
pub(super) fn lift(limits: &Limits, book: &Book, account: Option<&Address>) -> Result<Value, Answer> {
    let name = account.map(|account| book.mailbox_of(account).reveal());
    if let Some(name) = &name
        && !limits.about(name).1
    {
        return Err(Answer::refused("This account is not slowed now."));
    }
    limits.lift(name.as_deref());
    Ok(json!({ "address": name }))
}
