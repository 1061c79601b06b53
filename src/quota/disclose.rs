//! `disclose ADDRESS`: every bit that the book holds about a mailbox, for its owner or for a lawful request. What is not in here is
//! not in the book: a field that is added to the ledger or to the sending limits must be added here.

use super::sending_limits::Filling;
use super::{Book, MailboxView, Name, Notified};
use crate::private::{Address, Domain};

/// Everything. The store holds the limit, the usage and what was told; the rest is in memory only.
#[derive(Default)]
pub struct Disclosure {
    /// Its limit and numbers.
    pub mailbox: Option<MailboxView>,
    /// What notices were due last.
    pub due: Notified,
    /// What notices went out last.
    pub told: Notified,
    /// Aliases that lead to it, or the alias that it is.
    pub aliases: Vec<Address>,
    /// Associations that it is the contact of.
    pub contact_of: Vec<Name>,
    /// Up to how many octets our own notices may fill it; none where it was not full.
    pub notices_to: Option<u64>,
    /// How much of its sending limits is used up; each empties by itself within its hour or day.
    pub sending: Option<Filling>,
}

impl Book {
    /// The associations that `address` is the contact of, each with the first of its domains.
    pub fn contact_of(&self, address: &Address) -> Vec<(Name, Domain)> {
        let theirs = self.tenants().into_iter().filter_map(|tenant| {
            let ledger = tenant.lock();
            let association = &ledger.association;
            let first = association.domains.first().filter(|_| association.contact.as_ref() == Some(address))?;
            Some((association.name.clone(), first.clone()))
        });
        theirs.collect()
    }

    /// Whether `address` is the contact of this one.
    pub fn is_contact(&self, name: &Name, address: &Address) -> bool {
        self.tenant(name).is_some_and(|tenant| tenant.lock().association.contact.as_ref() == Some(address))
    }

    /// Everything that is held about `address`; none when that is nothing.
    pub fn disclose(&self, address: &Address) -> Option<Disclosure> {
        let canonical = self.with(address, |_, _, canonical| canonical.clone());
        let address = canonical.as_ref().unwrap_or(address);
        let mut found = Disclosure {
            mailbox: self.mailbox(address),
            due: Notified::default(),
            told: Notified::default(),
            aliases: Vec::new(),
            contact_of: Vec::new(),
            notices_to: None,
            sending: self.sending.mailbox(address),
        };
        self.with(address, |_, ledger, address| {
            let entry = ledger.number(address).and_then(|number| ledger.entry(number));
            let mark = entry.map(|entry| entry.mark).unwrap_or_default();
            (found.due, found.told) = (mark.due(), mark.told());
            found.notices_to = entry.and_then(|entry| entry.notices_to);
            let leading = ledger.association.aliases.iter();
            let leading = leading.filter(|(alias, targets)| *alias == address || targets.contains(address));
            found.aliases = leading.map(|(alias, _)| alias.clone()).collect();
        });
        found.contact_of = self.contact_of(address).into_iter().map(|(name, _)| name).collect();
        let held =
            found.mailbox.is_some() || found.sending.is_some() || !found.aliases.is_empty() || !found.contact_of.is_empty();
        held.then_some(found)
    }
}
