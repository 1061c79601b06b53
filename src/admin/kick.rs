//! `mailbox kick`: whoever is logged in as this one is not any more; with the same password they can come back.
//!
//! Sessions of mail programs are watched by the book. Those at the pages, and the links to them, are ended by whoever carries the command, before
//! it is carried out, and told with it: an address may be a contact's alone, with no mailbox here. Of several nodes, each ends its own.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::layout::counted;
pub use super::share_desk::EndedPages;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};
use crate::quota::AdminError;

/// `mailbox kick`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KickMailbox {
    /// The mailbox, or the address of a contact.
    #[serde(with = "revealed")]
    address: Address,
    #[arg(skip)]
    #[serde(skip)]
    pages: EndedPages,
}

/// What was told to end.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kicked {
    #[serde(with = "revealed")]
    address: Address,
    sessions: u64,
    pages: EndedPages,
    /// Of several nodes, those that could not be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreached: Vec<String>,
}

impl KickMailbox {
    /// Whose sessions.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// This ended at the pages.
    pub fn ended(&mut self, pages: EndedPages) {
        self.pages = pages;
    }
}

impl AdminCommand for KickMailbox {
    const WORD: &'static str = "mailbox kick";
    type Told = Kicked;

    fn audience(&self) -> Audience<'_> {
        Audience::OwnerOrContact(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<Kicked, NotDone> {
        let elsewhere = executor.share.as_ref().map(|share| share.kick(&self.address)).unwrap_or_default();
        let book = &executor.book;
        let pages = EndedPages {
            sessions: self.pages.sessions + elsewhere.pages.sessions,
            links: self.pages.links + elsewhere.pages.links,
        };
        let mailbox = book.mailbox(&self.address).map(|mailbox| mailbox.address);
        // A contact need not have a mailbox here; and what was ended is told, whoever it was.
        let ended = pages.sessions + pages.links + elsewhere.sessions > 0 || !book.contact_of(&self.address).is_empty();
        let address = mailbox.or_else(|| ended.then(|| self.address.clone())).ok_or(AdminError::NoSuchMailbox)?;
        let sessions = book.kick(&self.address) as u64 + elsewhere.sessions;
        Ok(Kicked { address, sessions, pages, unreached: elsewhere.unreached })
    }

    fn print(told: &Kicked) -> String {
        let sessions = match told.sessions {
            1 => "1 session was".to_owned(),
            sessions => format!("{sessions} sessions were"),
        };
        let mut text = format!("{}: {sessions} told to end.\n", told.address.reveal());
        let EndedPages { sessions, links } = told.pages;
        if sessions + links > 0 {
            text.push_str(&format!("At the pages, {} and {} are over.\n", counted(sessions, "session"), counted(links, "link")));
        }
        if !told.unreached.is_empty() {
            let nodes = told.unreached.join(" ");
            text.push_str(&format!(
                "NOT reached: {nodes}. There, sessions go on: kick once more when `nologd share show` does not name it.\n"
            ));
        }
        text
    }
}
