//! `mailbox move`: another backend has a mailbox from now on, or none for the moment. The mail itself is the admin's to copy
//! (docs/admin/move.md): first while it is served, then once more while nobody has it, and then it is served from the other one.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::changed::Changed;
use super::mailbox_shown::MailboxShown;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};
use crate::quota::{AdminError, Amount, MailboxPlace};

/// Why nothing is moved where this is one of several nodes.
const AMONG_NODES: &str = "This is one of several nodes: an association with a mailbox at another backend is judged by none of them, so that its mail \
                           would wait. Move the whole association (association set --backend), or go back to one node first (docs/many-nodes.md).";

/// Why a name of a backend is refused.
pub(super) const NO_BACKEND: &str = "The config file has no backend of that name.";

/// See the head of the file.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveMailbox {
    /// The mailbox.
    #[serde(with = "revealed")]
    address: Address,
    #[command(flatten)]
    to: MoveTo,
}

/// Where to: one of them.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[group(required = true, multiple = false)]
struct MoveTo {
    /// The backend that has it from now on, by its name in the config file.
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The backend of its association, whichever that is.
    #[arg(long)]
    #[serde(default)]
    home: bool,
    /// None for the moment: mail for it waits, and members are told to come back.
    #[arg(long)]
    #[serde(default)]
    nowhere: bool,
}

/// What has changed, and who was told to log in anew.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Moved {
    mailbox: Changed<MailboxShown>,
    sessions: u64,
    /// Something may still be stored or deleted at the backend of before.
    under_way: bool,
}

impl MoveMailbox {
    /// Whose mailbox.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl AdminCommand for MoveMailbox {
    const WORD: &'static str = "mailbox move";
    type Told = Moved;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Moved, NotDone> {
        // A count of one storage would be believed for both: nothing would be judged any more, for nobody in that association.
        if executor.share.is_some() && !self.to.home {
            return Err(NotDone::because(AMONG_NODES));
        }
        let place = match &self.to {
            MoveTo { to: Some(name), home: false, nowhere: false } => Some(MailboxPlace::Backend(name.as_str().into())),
            MoveTo { to: None, home: true, nowhere: false } => None,
            MoveTo { to: None, home: false, nowhere: true } => Some(MailboxPlace::Nowhere),
            _ => return Err(NotDone::wrong("to")),
        };
        if self.to.to.as_ref().is_some_and(|name| at.backends.find(Some(name)).is_none()) {
            return Err(NotDone::because(NO_BACKEND));
        }
        let book = &executor.book;
        let known = book.mailbox(&self.address).filter(|known| book.mailbox_of(&self.address) == known.address);
        // An alias, an address with a tag, a slip of the keyboard: it would be made, and the one that was meant stays.
        let was = known.ok_or(AdminError::NoSuchMailbox)?.own.place;
        let is_nowhere = |place: &Option<MailboxPlace>| place.as_ref().is_some_and(MailboxPlace::is_nowhere);
        let copied = is_nowhere(&was) || is_nowhere(&place) || place == was;
        if !copied {
            return Err(NotDone::because(
                "It is served, so mail may come in while it is copied: say --nowhere first, copy it, and then where it is.",
            ));
        }
        let change = book.move_mailbox(&self.address, place, at.today)?;
        // Whoever logs in from here on is at the new one; a session that began before ends.
        let sessions = book.kick(&self.address) as u64;
        // What they asked for last may still be carried out there.
        let stored = change.now.as_ref().is_some_and(|now| now.reserved.plus(now.doubt) != Amount::ZERO);
        let under_way = sessions > 0 || stored;
        Ok(Moved { under_way, mailbox: Changed::of(change, |view| MailboxShown::settled(&view)), sessions })
    }

    fn print(told: &Moved) -> String {
        let settings = told.mailbox.print(|mailbox| mailbox.address.reveal(), MailboxShown::settings);
        let wait = match told.under_way {
            true => {
                "Something may still be carried out at the backend of before: say this once more, until nothing is, before you copy.\n"
            }
            false => "",
        };
        format!("{settings}    sessions told to end: {}\n{wait}", told.sessions)
    }
}
