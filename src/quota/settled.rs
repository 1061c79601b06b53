//! Numbers that can be looked at again and again without telling an act.
//!
//! A list that is asked for each second is a log of what people do, if its numbers move when they do something. So what lists show is
//! rounded up, and made anew at fixed moments for all mailboxes at once ([`Book::settle`]); a mailbox that comes in by itself is in no list
//! before, but for those that the first count of a node finds. Only what an admin does by a command shows at once, and only as far as the admin knows it (docs/side-information.md).

use std::sync::atomic::Ordering;

use super::entry::Entry;
use super::ledger::Ledger;
use super::pulse::Tick;
use super::rounding::rounded;
use super::{AdminError, Amount, Book, Name};
use crate::private::Address;

impl Book {
    /// Makes the shown numbers anew. To be called at fixed moments, whatever happened, and not often.
    pub fn settle(&self) {
        for tenant in self.tenants() {
            tenant.lock().settle(self.pulse.now());
        }
        self.settle_pushed();
    }

    /// The mailboxes of one association or of all that lists show, in the order of the addresses.
    pub fn listed(&self, association: Option<&Name>) -> Result<Vec<Address>, AdminError> {
        self.some_addresses(association, |ledger, found| {
            found.extend(ledger.entries().filter(|entry| entry.settled().is_some()).map(|entry| entry.address.clone()));
        })
    }

    /// All mailboxes of one association or of all, in the order of the addresses.
    pub fn addresses(&self, association: Option<&Name>) -> Result<Vec<Address>, AdminError> {
        self.some_addresses(association, |ledger, found| found.extend(ledger.entries().map(|entry| entry.address.clone())))
    }

    fn some_addresses(
        &self,
        association: Option<&Name>,
        take: impl Fn(&Ledger, &mut Vec<Address>),
    ) -> Result<Vec<Address>, AdminError> {
        let tenants = match association {
            Some(name) => vec![self.tenant(name).ok_or(AdminError::NoSuchAssociation)?],
            None => self.tenants(),
        };
        let mut found = Vec::new();
        tenants.iter().for_each(|tenant| take(&tenant.lock(), &mut found));
        found.sort_unstable();
        Ok(found)
    }

    /// An admin names a mailbox that no list shows yet.
    pub fn list(&self, address: &Address) {
        self.with(address, |_, ledger, address| {
            let entry = ledger.number(address).and_then(|number| ledger.entry_mut(number));
            entry.into_iter().for_each(Entry::list);
        });
    }

    /// An admin made the mailbox, or says what is in it: from now on lists show it, with that number at least.
    pub(super) fn show_at_least(&self, address: &Address, said: Amount) {
        self.with(address, |_, ledger, address| {
            let Some(entry) = ledger.number(address).and_then(|number| ledger.entry_mut(number)) else { return };
            entry.set_settled(Some(entry.settled().unwrap_or_default().most(rounded(said))));
        });
    }

    /// How many mailboxes the mail server tells of by itself, as last settled ([`Book::settle`]). That there is one at all is told at once:
    /// whoever sets the push up waits for it.
    pub fn pushed_mailboxes(&self) -> u64 {
        match self.pushed.load(Ordering::Relaxed) {
            0 => u64::from(self.count_pushed() > 0),
            settled => settled,
        }
    }

    fn settle_pushed(&self) {
        self.pushed.store(self.count_pushed(), Ordering::Relaxed);
    }

    fn count_pushed(&self) -> u64 {
        let mut count = 0;
        for tenant in self.tenants() {
            count += tenant.lock().entries().filter(|entry| entry.is_pushed()).count() as u64;
        }
        count
    }
}

impl Entry {
    /// An admin has named it: from here on lists show it, with what is in it so far. A zero would not be true.
    pub(super) fn list(&mut self) {
        let so_far = self.shown();
        self.set_settled(self.settled().or_else(|| Some(rounded(so_far))));
    }
}

impl Ledger {
    pub(super) fn settle(&mut self, now: Tick) {
        self.renew_notice_room();
        self.roll.iter_mut().for_each(|entry| entry.settle(now));
        self.roll.fit();
    }

    /// Lists show what none shows yet, of mailboxes in which there is something.
    pub(super) fn list_all(&mut self) {
        self.roll.iter_mut().filter(|entry| entry.shown() != Amount::ZERO).for_each(Entry::list);
    }

    /// What lists show of the whole association: in its mailboxes, and how many these are.
    pub(super) fn settled(&self) -> (Amount, u64) {
        let shown = self.entries().filter_map(Entry::settled);
        shown.fold((Amount::ZERO, 0), |(sum, count), one| (sum.plus(one), count + 1))
    }
}
