//! Which backend says what a mailbox holds: only the one that has the mailbox is believed.

use super::NoBackend;
use super::ledger::Ledger;
use crate::private::Address;

/// A backend that speaks of itself, as the config file names it when it does.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is the default one, which has the mailboxes of all associations without a backend of their own.
    pub is_default: bool,
}

/// What is to be done with what was said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Belief {
    /// It is said by whoever has the mailbox, as far as anybody knows.
    Believed,
    /// Nobody knows who speaks, and the mailbox is not where its association is: perhaps it is the one that has it.
    Asked,
    /// It is said by another than the one that has the mailbox, which tells nothing of what that one holds.
    PassedOver,
}

impl Ledger {
    /// Whether `speaker` is to be believed about a mailbox, whether or not that is in the book. Of none nobody knows which it is.
    pub(super) fn belief(&self, mailbox: &Address, speaker: Option<Speaker<'_>>) -> Belief {
        let entry = self.number(mailbox).and_then(|number| self.entry(number));
        let at_home = entry.is_none_or(|entry| entry.own().place.is_none());
        // What is copied just now is no number of anything.
        let has = |speaker: Speaker<'_>| match self.backend_of(entry) {
            Ok(name) => name.map_or(speaker.is_default, |name| name == speaker.name),
            Err(NoBackend) => false,
        };
        match speaker {
            None if at_home => Belief::Believed,
            None => Belief::Asked,
            Some(speaker) if has(speaker) => Belief::Believed,
            Some(_) => Belief::PassedOver,
        }
    }
}
