//! `mailbox ...`.

use std::mem;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::changed::Changed;
use super::command::whole;
use super::doubt::{self, OldNumbers};
use super::layout::{fill, table};
use super::line::{self, DONE};
use super::mailbox_shown::MailboxShown;
use super::{AdminCommand, Audience, Executor, Moment, NotDone, ReplyLine};
use crate::private::{Address, revealed};
use crate::quota::{AdminError, Book, MailboxEdit, Name, SendingSwitch};

/// Octets of one piece of a list, as far as one mailbox is not longer.
const PIECE: usize = 32 * 1024;
/// No piece is longer than this.
#[cfg(test)]
pub(super) const MAX_PIECE: usize = PIECE + 4096;

/// `mailbox list`.
#[derive(Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMailboxes {
    /// Only those of one association.
    #[arg(long, value_name = "NAME")]
    #[serde(default, with = "revealed")]
    pub(crate) association: Option<Name>,
}

/// All that are asked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxesListed {
    pub(crate) mailboxes: Vec<MailboxShown>,
    /// Of several nodes, another one judges these associations, and their numbers here are old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    old: Vec<OldNumbers>,
}

impl MailboxesListed {
    /// Each of them.
    pub fn into_mailboxes(self) -> Vec<MailboxShown> {
        self.mailboxes
    }
}

impl AdminCommand for ListMailboxes {
    const WORD: &'static str = "mailbox list";
    const LOOKS: bool = true;
    type Told = MailboxesListed;

    fn audience(&self) -> Audience<'_> {
        self.association.as_ref().map_or(Audience::Admins, Audience::Contact)
    }

    fn subject(&self) -> Option<String> {
        self.association.as_ref().map(|name| name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<MailboxesListed, NotDone> {
        let addresses = executor.book.listed(self.association.as_ref())?;
        let views = addresses.iter().filter_map(|address| executor.book.mailbox(address));
        let old = executor.old_numbers(self.association.as_ref());
        Ok(MailboxesListed { mailboxes: views.map(|view| MailboxShown::settled(&view)).collect(), old })
    }

    /// A big host has tens of thousands: only their addresses are held, and each piece is made when the last one was taken.
    fn reply(&self, executor: &Executor, _: &Moment<'_>) -> ReplyLine {
        match executor.book.listed(self.association.as_ref()) {
            Ok(addresses) => {
                let old = executor.old_numbers(self.association.as_ref());
                Box::new(pieces(executor.book.clone(), addresses, &old))
            }
            Err(error) => whole(line::tell::<()>(Err(&error.into()))),
        }
    }

    fn print(told: &MailboxesListed) -> String {
        let lines = told.mailboxes.iter().map(|mailbox| {
            let own = if mailbox.own_limit { " (own limit)" } else { "" };
            let storage = format!("{}{own}", fill(mailbox.octets, mailbox.storage));
            [mailbox.address.reveal(), mailbox.association.reveal().into(), mailbox.messages.to_string(), storage]
        });
        let table = match table(["ADDRESS", "ASSOCIATION", "MESSAGES", "STORAGE"], lines) {
            none if none.is_empty() => {
                "The book knows no mailbox there yet: each comes in at `mailbox set`, or in the hour after its first login or message.\n".into()
            }
            table => table,
        };
        table + &doubt::print(&told.old)
    }
}

/// The same line as [`line::tell`] makes of [`MailboxesListed`].
fn pieces(book: std::sync::Arc<Book>, addresses: Vec<Address>, old: &[OldNumbers]) -> impl Iterator<Item = String> + use<> {
    // Of names alone: this can always be told.
    let old = serde_json::to_string(old).unwrap_or_default();
    let end = if old == "[]" { "]}".to_owned() } else { format!("],\"old\":{old}}}") };
    let mut addresses = addresses.into_iter();
    let (mut start, mut separator, mut over) = (format!("{}{{\"mailboxes\":[", DONE[0]), "", false);
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let mut piece = mem::take(&mut start);
        while piece.len() < PIECE {
            let Some(address) = addresses.next() else {
                over = true;
                piece.push_str(&end);
                piece.push_str(DONE[1]);
                break;
            };
            // One that was removed meanwhile is there no more.
            let Some(view) = book.mailbox(&address) else { continue };
            // What cannot be told is not left out: a list without its end is no list to whoever reads it.
            let Ok(shown) = serde_json::to_string(&MailboxShown::settled(&view)) else {
                over = true;
                break;
            };
            piece.push_str(mem::replace(&mut separator, ","));
            piece.push_str(&shown);
        }
        Some(piece)
    })
}

/// `mailbox set`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMailbox {
    /// The mailbox.
    #[serde(with = "revealed")]
    pub(crate) address: Address,
    #[command(flatten)]
    pub(crate) edit: MailboxEdit,
}

impl AdminCommand for SetMailbox {
    const WORD: &'static str = "mailbox set";
    type Told = Changed<MailboxShown>;

    /// The contact shares the space out and stops an account that was broken into; the owner chooses the language of notices, and the
    /// contact may. What lets more out is for admins.
    fn audience(&self) -> Audience<'_> {
        if (MailboxEdit { lang: None, ..self.edit }) == MailboxEdit::default() && self.edit.lang.is_some() {
            return Audience::OwnerOrContact(&self.address);
        }
        let stops = self.edit.kind.is_none() && self.edit.sending != Some(SendingSwitch::On);
        if stops { Audience::ContactOf(&self.address) } else { Audience::Admins }
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Changed<MailboxShown>, NotDone> {
        if self.edit == MailboxEdit::default() {
            return Err(NotDone::wrong("storage"));
        }
        let change = executor.book.edit_mailbox(&self.address, self.edit, at.today)?;
        let changed = Changed::of(change, |view| MailboxShown::settled(&view));
        // What whoever asks has chosen now; not what was before.
        let now = changed.now.map(|now| MailboxShown { language: self.edit.lang, ..now });
        Ok(Changed { now, ..changed })
    }

    fn print(told: &Changed<MailboxShown>) -> String {
        told.print(|mailbox| mailbox.address.reveal(), MailboxShown::settings)
    }
}

/// A backend that was named for the mailbox is forgotten with it: to keep that would be to keep the address.
const ELSEWHERE: &str = "It was not where its association is, and nobody remembers that. Where the address is added again, its mail goes to the \
                         association's backend, and what is at the other one stays there: before anybody logs in, say `mailbox move`.\n";

/// `mailbox remove`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMailbox {
    /// The mailbox.
    #[serde(with = "revealed")]
    address: Address,
}

/// What was removed.
#[derive(Serialize, Deserialize)]
pub struct MailboxRemoved {
    #[serde(flatten)]
    mailbox: Changed<MailboxShown>,
    /// Of several nodes, those that did not say that they forgot it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreached: Vec<String>,
}

impl AdminCommand for RemoveMailbox {
    const WORD: &'static str = "mailbox remove";
    type Told = MailboxRemoved;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<MailboxRemoved, NotDone> {
        executor.book.list(&self.address);
        let change = executor.book.remove_mailbox(&self.address, at.today)?;
        let gone = change.was.as_ref().map(|was| was.address.clone());
        let unreached = executor.share.as_ref().map(|share| share.forget(gone.as_slice())).unwrap_or_default();
        Ok(MailboxRemoved { mailbox: Changed::of(change, |view| MailboxShown::settled(&view)), unreached })
    }

    fn print(MailboxRemoved { mailbox: told, unreached }: &MailboxRemoved) -> String {
        let mut gone = told.print(|mailbox| mailbox.address.reveal(), MailboxShown::settings);
        if told.was.as_ref().is_some_and(|was| was.place.is_some()) {
            gone.push_str(ELSEWHERE);
        }
        if !unreached.is_empty() {
            let nodes = unreached.join(" ");
            gone.push_str(&format!(
                "NOT reached: {nodes}. There it is known still, and may come back from: remove it once more later.\n"
            ));
        }
        gone
    }
}

/// `mailbox refresh`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshMailbox {
    /// The mailbox.
    #[serde(with = "revealed")]
    address: Address,
}

/// When it is counted, and what holds until then.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refreshing {
    mailbox: MailboxShown,
    /// Always `at-next-session`.
    refreshed: String,
}

impl AdminCommand for RefreshMailbox {
    const WORD: &'static str = "mailbox refresh";
    type Told = Refreshing;

    fn audience(&self) -> Audience<'_> {
        Audience::OwnerOrContact(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    // Asking the backend needs the member's password, which only the member has.
    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<Refreshing, NotDone> {
        executor.book.list(&self.address);
        executor.book.unsee(&self.address);
        let mailbox = executor.book.mailbox(&self.address).ok_or(AdminError::NoSuchMailbox)?;
        Ok(Refreshing { mailbox: MailboxShown::settled(&mailbox), refreshed: "at-next-session".into() })
    }

    fn print(told: &Refreshing) -> String {
        let mailbox = &told.mailbox;
        format!(
            "{}: will be counted anew at its next login.\n\
             The daemon has no password for it and cannot ask the mail server by itself. Until then its last count holds: {}.\n",
            mailbox.address.reveal(),
            fill(mailbox.octets, mailbox.storage)
        )
    }
}
