//! `mailbox move`: another backend has a mailbox from now on, or none for the moment. The mail itself is the admin's to copy
//! (docs/admin/move.md): first while it is served, then once more while nobody has it, and then it is served from the other one.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::changed::Changed;
use super::mailbox_shown::MailboxShown;
use super::{AdminCommand, Audience, Declined, Executor, Moment};
use crate::private::{Address, revealed};
use crate::quota::{Amount, MailboxPlace};

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
    /// A message is being stored at this moment, at the backend of before.
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Moved, Declined> {
        let place = match &self.to {
            MoveTo { to: Some(name), home: false, nowhere: false } => Some(MailboxPlace::Backend(name.as_str().into())),
            MoveTo { to: None, home: true, nowhere: false } => None,
            MoveTo { to: None, home: false, nowhere: true } => Some(MailboxPlace::Nowhere),
            _ => return Err(Declined::wrong("to")),
        };
        if self.to.to.as_ref().is_some_and(|name| at.backends.find(Some(name)).is_none()) {
            return Err(Declined::because("The config file has no backend of that name."));
        }
        let change = executor.book.move_mailbox(&self.address, place, at.today)?;
        // Whoever logs in from here on is at the new one; a session that began before ends.
        let sessions = executor.book.kick(&self.address) as u64;
        let under_way = change.now.as_ref().is_some_and(|now| now.reserved != Amount::ZERO);
        Ok(Moved { under_way, mailbox: Changed::of(change, |view| MailboxShown::settled(&view)), sessions })
    }

    fn print(told: &Moved) -> String {
        let settings = told.mailbox.print(|mailbox| mailbox.address.reveal(), MailboxShown::settings);
        let wait = match told.under_way {
            true => "A message is being stored at the backend of before: say it once more before you copy.\n",
            false => "",
        };
        format!("{settings}    sessions told to end: {}\n{wait}", told.sessions)
    }
}
