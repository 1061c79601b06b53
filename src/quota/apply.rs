//! A batch is carried out: all of it or nothing, with one write of the store.
//!
//! What is about mailboxes that an admin gave a limit by hand is passed over, and so is one mailbox more than an association may have: both
//! are told as numbers. All else that cannot be makes the whole batch fail, and nothing is changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::batch::{Applied, Batch};
use super::batch_plan::BatchPlan;
use super::{AdminError, Association, Book, Day, Name, Own, record};
use crate::private::Address;

impl Book {
    /// Carries a batch out.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn apply(&self, batch: &Batch, today: Day) -> Result<Applied, AdminError> {
        let _turn = self.turn();
        let mut plan = BatchPlan::new(self);
        plan.associations(batch, today)?;
        plan.check(batch)?;
        let (owns, mut applied) = plan.mailboxes(batch)?;
        let mut changes = Vec::new();
        for (name, now) in &plan.changed {
            let was = self.tenant(name).map(|tenant| tenant.lock().association.clone());
            changes.extend(record::difference(was.as_ref(), now.as_ref()));
        }
        changes.extend(owns.iter().map(|(address, own)| record::mailbox(address, own)));
        changes.extend(batch.gone_mailboxes.iter().map(record::forget));
        if changes.is_empty() {
            return Ok(applied);
        }
        if !batch.gone_mailboxes.is_empty() || !batch.gone_associations.is_empty() {
            let gone: HashSet<_> = batch.gone_mailboxes.iter().collect();
            let names: BTreeSet<_> = batch.gone_associations.iter().collect();
            // First: what only the usage knows would come back after a crash. Mailboxes of an association that goes may stay, elsewhere.
            let goes =
                |name: &Name, mailbox: Option<&Address>| mailbox.map_or_else(|| names.contains(name), |it| gone.contains(it));
            applied.residue = self.write_without(&goes)?;
        }
        applied.residue |= self.write(&changes)?;
        applied.written = true;
        let BatchPlan { changed, .. } = plan;
        self.put_in_force(batch, changed, owns, today);
        Ok(applied)
    }

    fn put_in_force(&self, batch: &Batch, changed: BTreeMap<Name, Option<Association>>, owns: Vec<(Address, Own)>, today: Day) {
        let gone: HashSet<_> = batch.gone_mailboxes.iter().collect();
        let owners: BTreeSet<_> = gone.iter().filter_map(|address| self.owner(address.domain())).collect();
        for tenant in owners.iter().filter_map(|name| self.tenant(name)) {
            drop(tenant.lock().take(|address| gone.contains(address)));
        }
        self.install_all(changed.into_iter().collect(), today);
        for (address, own) in owns {
            self.with(&address, |tenant, ledger, address| {
                let number = ledger.insert(address);
                if let Some(entry) = ledger.entry_mut(number) {
                    entry.set_own(own);
                    entry.list();
                }
                tenant.after(ledger, number);
            });
        }
        batch.gone_associations.iter().for_each(|name| self.forget_traces(Some(name), &[]));
        self.forget_traces(None, &batch.gone_mailboxes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{BookParams, Limit, LimitBy, OwnLimit, PanelLimit};
    use super::*;
    use crate::private::Domain;
    use crate::store::MemoryStore;

    fn today() -> Day {
        Day::from_unix(0)
    }

    fn domain(text: &str) -> Domain {
        text.parse().unwrap()
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn limits(addresses: &[&str], octets: u64) -> Vec<PanelLimit> {
        let limit = OwnLimit::Own(Limit::At(octets));
        addresses.iter().map(|address| PanelLimit(address.parse().unwrap(), limit)).collect()
    }

    /// Of `velo` with `velo.example` and `v.example`, which stands for it, and `jardin`; each may have so many mailboxes.
    fn book(most: u64) -> Book {
        let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap();
        let mut velo = Association::new(name("velo"), [domain("velo.example"), domain("velo2.example")]);
        velo.domain_aliases.insert(domain("v.example"), domain("velo.example"));
        let mut jardin = Association::new(name("jardin"), [domain("jardin.example")]);
        (velo.mailboxes, jardin.mailboxes) = (Limit::At(most), Limit::At(most));
        drop(book.add_association(velo, today()).unwrap());
        drop(book.add_association(jardin, today()).unwrap());
        book
    }

    fn own(book: &Book, address: &str) -> Option<(Option<Limit>, Option<LimitBy>)> {
        let address: Address = address.parse().unwrap();
        let view = book.mailbox(&address).filter(|view| view.address == address)?;
        Some((view.own.storage, view.own.limit_by))
    }

    #[test]
    fn a_domain_that_stood_for_another_gets_mailboxes_of_its_own() {
        let book = book(9);
        let first = Batch { mailboxes: limits(&["bob@velo.example"], 7), ..Batch::default() };
        book.apply(&first, today()).unwrap();
        drop(book.set_mailbox(&"bob@velo.example".parse().unwrap(), Some(Limit::At(5)), today()).unwrap());
        let own_domain = Batch {
            domains: vec![(domain("v.example"), name("velo"))],
            mailboxes: limits(&["bob@v.example"], 9),
            ..Batch::default()
        };
        let applied = book.apply(&own_domain, today()).unwrap();
        assert_eq!((applied.kept, applied.above), (0, 0));
        assert_eq!(own(&book, "bob@v.example"), Some((Some(Limit::At(9)), Some(LimitBy::Panel))));
        assert_eq!(own(&book, "bob@velo.example"), Some((Some(Limit::At(5)), Some(LimitBy::Hand))));
    }

    #[test]
    fn a_mailbox_that_goes_in_a_domain_that_stands_for_another_is_not_the_others() {
        let book = book(9);
        book.apply(&Batch { mailboxes: limits(&["bob@velo.example"], 7), ..Batch::default() }, today()).unwrap();
        let gone = Batch { gone_mailboxes: vec!["bob@v.example".parse().unwrap()], ..Batch::default() };
        book.apply(&gone, today()).unwrap();
        assert!(own(&book, "bob@velo.example").is_some());
    }

    #[test]
    fn a_number_of_mailboxes_counts_what_moves_in_the_same_step() {
        let two = ["a@velo2.example", "b@velo2.example"];
        let moves = |addresses: &[&str]| Batch {
            domains: vec![(domain("velo2.example"), name("jardin"))],
            mailboxes: limits(addresses, 1),
            ..Batch::default()
        };
        let book = self::book(3);
        book.apply(&Batch { mailboxes: limits(&two, 1), ..Batch::default() }, today()).unwrap();
        // Two come, so there is room for one; and where they were, for three.
        let whole = ["x@jardin.example", "y@jardin.example", "x@velo.example", "y@velo.example", "z@velo.example"];
        assert_eq!(book.apply(&moves(&whole), today()).unwrap().above, 1);
        assert!(own(&book, "x@jardin.example").is_some() && own(&book, "y@jardin.example").is_none());
        assert!(own(&book, "z@velo.example").is_some() && own(&book, two[0]).is_some());
    }
}
