//! What the book has of the panel's and the panel has no more: marked first, and gone when the mark is old enough (`super::state`).

use std::collections::{BTreeMap, BTreeSet};

use super::difference::Draft;
use crate::private::{Address, Domain};

impl<'a> Draft<'a> {
    /// Whether the domain is the panel's, or was, and nobody moved it since.
    pub(super) fn is_managed(&self, domain: &Domain) -> bool {
        let placed = || self.owners.get(domain).is_some_and(|(owner, _)| self.before.has_placed(domain, owner));
        self.homes.contains_key(domain) || placed()
    }

    /// Marks mailboxes, or takes them out; these are the latter.
    pub(super) fn missing_mailboxes(&mut self) -> BTreeSet<&'a Address> {
        let mut gone = BTreeSet::new();
        let contacts: BTreeSet<_> =
            self.book.associations.iter().filter_map(|association| association.contact.as_ref()).collect();
        for address in self.book.mailboxes.keys() {
            if !self.panel.has_mailboxes || !self.is_managed(address.domain()) {
                continue;
            }
            self.stakes.held += 1;
            if self.panel.mailboxes.contains_key(address) {
                continue;
            }
            self.waiting.push(address.clone());
            if contacts.contains(address) {
                self.counts.contacts += 1;
                continue;
            }
            let (hash, mut mark) = self.before.mark_mailbox(address, self.hour);
            if self.panel.odd.loses() {
                // Of an earlier run alone: this one knows nothing.
                if self.before.has_mark(&hash) {
                    self.missing.insert(hash, mark);
                }
                continue;
            }
            self.stakes.missing += u64::from(!mark.agreed);
            mark.agreed |= self.agrees;
            if mark.is_due(self.hour) {
                self.batch.gone_mailboxes.extend(self.waiting.pop());
                gone.insert(address);
            } else {
                self.missing.insert(hash, mark);
            }
        }
        self.counts.mailboxes.1 = gone.len() as u64;
        self.counts.waiting = self.missing.len() as u64;
        gone
    }

    /// Whether nothing is left of a domain when these are `gone`.
    pub(super) fn is_empty_without(&self, domain: &Domain, gone: &BTreeSet<&Address>) -> bool {
        !self.book.mailboxes.keys().any(|address| address.domain() == domain && !gone.contains(address))
    }

    /// Marks domains, or takes them out, and the associations that are left without one.
    pub(super) fn missing_domains(&mut self, gone: &BTreeSet<&Address>) {
        let (mut lost, mut leaving) = (BTreeSet::new(), BTreeMap::new());
        for (domain, (owner, _)) in &self.owners {
            let has = self.panel.domains.contains_key(*domain) || self.panel.standing.contains_key(*domain);
            if has || !self.before.has_placed(domain, owner) {
                continue;
            }
            let (hash, mut mark) = self.before.mark_domain(domain, self.hour);
            if self.panel.odd.loses() {
                // Of an earlier run alone: this one knows nothing.
                if self.before.has_mark(&hash) {
                    self.missing.insert(hash, mark);
                }
                continue;
            }
            let agreed = mark.agreed;
            mark.agreed |= self.agrees;
            lost.insert(*domain);
            if mark.is_due(self.hour) && self.is_empty_without(domain, gone) {
                leaving.insert(*domain, agreed);
            } else {
                self.missing.insert(hash, mark);
            }
        }
        self.counts.domains.1 = leaving.len() as u64;
        self.batch.gone_domains = leaving.keys().map(|domain| (*domain).clone()).collect();
        leaving.keys().for_each(|domain| drop(self.state.placed.remove(domain.reveal())));
        for association in &self.book.associations {
            let agreed = |domain: &Domain| self.before.mark_domain(domain, self.hour).1.agreed;
            let moves = |domain: &Domain| self.homes.get(domain).is_some_and(|home| **home != association.name);
            let stands = |domain: &Domain| self.batch.domain_aliases.iter().any(|(alias, _)| alias == domain);
            let comes = self.batch.domains.iter().any(|(_, to)| *to == association.name);
            let goes = |domain: &Domain| moves(domain) || stands(domain);
            if comes || !association.domains.iter().all(|domain| lost.contains(domain) || goes(domain)) {
                continue;
            }
            let agrees = association.domains.iter().all(|domain| lost.contains(domain) && agreed(domain));
            self.stakes.emptied += u64::from(!agrees);
            if association.domains.iter().all(|domain| leaving.contains_key(domain) || goes(domain)) {
                self.counts.associations.1 += 1;
                self.batch.gone_associations.push(association.name.clone());
            } else {
                // Its last domain goes with it, and not before.
                let kept = |domain: &Domain| association.all_domains().any(|own| own == domain);
                self.batch.gone_domains.retain(|domain| !kept(domain));
            }
        }
    }
}
