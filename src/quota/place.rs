//! At which backend a mailbox is: by its own place, else by its association; and how many are where.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::ledger::Ledger;
use super::pulse::Tick;
use super::{Book, MailboxPlace, NoBackend};

/// How many mailboxes are where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// At the backends of these names. Those at the default one, which nobody names, are left out.
    pub at: BTreeMap<Box<str>, u64>,
    /// On their way.
    pub on_their_way: u64,
}

impl Placed {
    /// How many are at a backend that is none of `names`.
    pub fn astray<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> u64 {
        self.at.iter().filter(|(name, _)| !names.clone().any(|other| other == &***name)).map(|(_, mailboxes)| mailboxes).sum()
    }
}

impl Book {
    /// How many mailboxes are where, by their own place or by their association's backend. Of those that lists show: one that came since
    /// would tell that somebody logged in.
    pub fn placed(&self) -> Placed {
        let mut placed = Placed::default();
        for tenant in self.tenants() {
            let ledger = tenant.lock();
            for entry in ledger.entries().filter(|entry| entry.settled().is_some()) {
                match ledger.backend_of(Some(entry)) {
                    Ok(Some(name)) => match placed.at.get_mut(name) {
                        Some(mailboxes) => *mailboxes += 1,
                        None => drop(placed.at.insert(name.into(), 1)),
                    },
                    Ok(None) => {}
                    Err(NoBackend) => placed.on_their_way += 1,
                }
            }
        }
        placed
    }
}

impl Ledger {
    /// Another backend has the association from now on: what is known of the mailboxes that are where it is, is about the other one.
    pub(super) fn are_elsewhere(&mut self, now: Tick) {
        let at_home = self.entries().filter(|entry| entry.own().place.is_none());
        for number in at_home.map(Entry::number).collect::<Vec<_>>() {
            self.change(number, |tally| tally.is_elsewhere(now));
        }
    }

    /// The backend of a mailbox, by its name; of one that is not in the book, its association's. None for the default one.
    pub(super) fn backend_of<'a>(&'a self, entry: Option<&'a Entry>) -> Result<Option<&'a str>, NoBackend> {
        match entry.and_then(|entry| entry.own().place.as_ref()) {
            None => Ok(self.association.backend.as_deref()),
            Some(MailboxPlace::Backend(name)) => Ok(Some(name)),
            Some(MailboxPlace::Nowhere | MailboxPlace::NowhereFrom(_)) => Err(NoBackend),
        }
    }
}
