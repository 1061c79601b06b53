//! Counts of all mailboxes that want one, at once: for somebody who asks the storage about everybody, and is not told who is meant
//! (`nologd usage count`). docs/quota.md has the reasoning.

use std::collections::HashMap;

use super::speaker::{Belief, Speaker};
use super::{Amount, Book, Day, Refresh};
use crate::private::Address;

/// Counts under way, begun before the storage is asked. What is dropped, or never told, counts nothing.
#[must_use = "they do nothing until the storage tells"]
pub struct WantedCounts(HashMap<Address, Refresh>);

impl Book {
    /// Begins to count the mailboxes whose number is not sure, or was confirmed by nobody since the start. `speaker` is who will be asked, where that is
    /// known: as with what is loaded, only its mailboxes are meant; and of several nodes, only those of associations that no other one judges.
    pub fn count_wanted(&self, speaker: Option<Speaker<'_>>) -> WantedCounts {
        let mut counts = HashMap::new();
        for tenant in self.tenants() {
            let mut ledger = tenant.lock();
            if tenant.is_elsewhere(&ledger) {
                continue;
            }
            let wanting = ledger
                .entries()
                .filter(|entry| entry.wants_count() && ledger.belief(&entry.address, speaker) == Belief::Believed);
            let wanting: Vec<_> = wanting.map(|entry| entry.address.clone()).collect();
            for address in wanting {
                if let Some(mut refresh) = Refresh::begin(&tenant, &mut ledger, &address) {
                    refresh.of_all();
                    counts.insert(address, refresh);
                }
            }
        }
        WantedCounts(counts)
    }
}

impl WantedCounts {
    /// The storage said this of one mailbox, at some moment since they began. What is said under another name of a mailbox, or of one that is not
    /// meant, counts nothing.
    pub fn told(&mut self, mailbox: &Address, seen: Amount, today: Day) {
        if let Some(refresh) = self.0.remove(mailbox) {
            refresh.finish(seen, today);
        }
    }
}
