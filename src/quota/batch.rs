//! Many changes in one step (`nologd sync`): all of them or none, with one write of the store.
//!
//! What is about mailboxes that an admin gave a limit by hand is passed over, and so is one mailbox more than an association may have: both
//! are told as numbers. All else that cannot be makes the whole batch fail, and nothing is changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{AdminError, Association, Book, Day, Limit, Name, Own, OwnLimit, record};
use crate::private::{Address, Domain, revealed};

/// What is to be. Each list may be empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Batch {
    /// Associations that are made when they are not there, with what they begin with. One without a domain is not made.
    pub associations: Vec<Proposal>,
    /// Where domains belong from now on. Their mailboxes and aliases go with them.
    #[serde(with = "revealed")]
    pub domains: Vec<(Domain, Name)>,
    /// Domains that stand for another.
    #[serde(with = "revealed")]
    pub domain_aliases: Vec<(Domain, Domain)>,
    /// Where aliases lead; to nothing: the alias goes. No sets: one of one takes ten times the room, and there are tens of thousands.
    #[serde(with = "revealed")]
    pub aliases: Vec<(Address, Vec<Address>)>,
    /// Mailboxes and their limits; they are made when they are not there.
    pub mailboxes: Vec<PanelLimit>,
    /// Mailboxes that go.
    #[serde(with = "revealed")]
    pub gone_mailboxes: Vec<Address>,
    /// Domains that go, their own or those that stand for another. No mailbox may be left in them.
    #[serde(with = "revealed")]
    pub gone_domains: Vec<Domain>,
    /// Associations that go. No mailbox may be left in them.
    #[serde(with = "revealed")]
    pub gone_associations: Vec<Name>,
}

/// What an association begins with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Its name.
    #[serde(with = "revealed")]
    pub name: Name,
    /// Where notices go.
    #[serde(default, with = "revealed")]
    pub contact: Option<Address>,
    /// Octets that all share.
    pub storage: Limit,
}

/// A mailbox and what a panel says about its limit. A list of two, because a request is bounded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelLimit(#[serde(with = "revealed")] pub Address, pub OwnLimit);

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Mailboxes that are not taken, for their association has all that it may have.
    pub above: u64,
    /// Mailboxes whose limit was set by hand, and stays.
    pub kept: u64,
    /// Whether anything was written.
    pub written: bool,
    /// What went is out of force, but old files that hold it could not be wiped yet.
    pub residue: bool,
}

impl Batch {
    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.associations.len()
            + self.domains.len()
            + self.domain_aliases.len()
            + self.aliases.len()
            + self.mailboxes.len()
            + self.gone_mailboxes.len()
            + self.gone_domains.len()
            + self.gone_associations.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `more` behind it.
    pub fn extend(&mut self, more: Batch) {
        self.associations.extend(more.associations);
        self.domains.extend(more.domains);
        self.domain_aliases.extend(more.domain_aliases);
        self.aliases.extend(more.aliases);
        self.mailboxes.extend(more.mailboxes);
        self.gone_mailboxes.extend(more.gone_mailboxes);
        self.gone_domains.extend(more.gone_domains);
        self.gone_associations.extend(more.gone_associations);
    }
}

impl Book {
    /// Carries a batch out.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn apply(&self, batch: &Batch, today: Day) -> Result<Applied, AdminError> {
        let _turn = self.turn();
        let mut plan = BatchPlan { book: self, changed: BTreeMap::new(), owners: BTreeMap::new() };
        plan.associations(batch, today)?;
        plan.check(batch)?;
        let (owns, mut applied) = plan.mailboxes(batch)?;
        let mut changes = Vec::new();
        for (name, now) in &plan.changed {
            let was = self.tenant(name).map(|tenant| tenant.lock().association.clone());
            changes.extend(record::difference(was.as_ref(), now.as_ref()));
        }
        changes.extend(owns.iter().map(|(address, own)| record::mailbox(address, *own)));
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
        for gone in &batch.gone_mailboxes {
            self.with(gone, |_, ledger, _| ledger.remove(gone));
        }
        self.install_all(changed.into_iter().collect(), today);
        for (address, own) in owns {
            self.with(&address, |tenant, ledger, address| {
                let number = ledger.insert(address);
                if let Some(entry) = ledger.entry_mut(number) {
                    entry.own = own;
                    entry.list();
                }
                tenant.after(ledger, number);
            });
        }
        batch.gone_associations.iter().for_each(|name| self.forget_traces(Some(name), &[]));
        self.forget_traces(None, &batch.gone_mailboxes);
    }
}

/// What the associations will be: those that change, none for one that goes; and where domains go that move.
struct BatchPlan<'a> {
    book: &'a Book,
    changed: BTreeMap<Name, Option<Association>>,
    owners: BTreeMap<Domain, Option<Name>>,
}

impl BatchPlan<'_> {
    fn owner(&self, domain: &Domain) -> Option<Name> {
        self.owners.get(domain).cloned().unwrap_or_else(|| self.book.owner(domain))
    }

    fn of(&mut self, name: &Name) -> Option<&mut Association> {
        if !self.changed.contains_key(name) {
            let association = self.book.tenant(name)?.lock().association.clone();
            self.changed.insert(name.clone(), Some(association));
        }
        self.changed.get_mut(name)?.as_mut()
    }

    fn with_domain(&mut self, domain: &Domain) -> Result<&mut Association, AdminError> {
        let owner = self.owner(domain).ok_or(AdminError::NoSuchDomain)?;
        self.of(&owner).ok_or(AdminError::NoSuchAssociation)
    }

    fn associations(&mut self, batch: &Batch, today: Day) -> Result<(), AdminError> {
        for new in &batch.associations {
            if self.book.tenant(&new.name).is_none() && batch.domains.iter().any(|(_, to)| *to == new.name) {
                let mut association = Association::new(new.name.clone(), []);
                (association.contact, association.storage) = (new.contact.clone(), new.storage);
                self.changed.insert(new.name.clone(), Some(association));
            }
        }
        for gone in &batch.gone_domains {
            self.leave(gone)?;
        }
        for (domain, to) in &batch.domains {
            self.moves(domain, to)?;
        }
        for (alias, domain) in &batch.domain_aliases {
            self.leave(alias)?;
            self.owners.insert(alias.clone(), self.owner(domain));
            self.with_domain(domain)?.domain_aliases.insert(alias.clone(), domain.clone());
        }
        self.aliases(batch)?;
        for name in &batch.gone_associations {
            let gone = self.of(name).ok_or(AdminError::NoSuchAssociation)?;
            let domains: Vec<_> = gone.all_domains().cloned().collect();
            self.owners.extend(domains.into_iter().map(|domain| (domain, None)));
            self.changed.insert(name.clone(), None);
            for (partner, _) in self.book.left_by(name) {
                self.of(&partner.name).into_iter().for_each(|partner| partner.part_from(name));
            }
        }
        for association in self.changed.values_mut().flatten() {
            association.drop_ended(today);
        }
        Ok(())
    }

    /// Nobody has the domain any more, in whichever way; what leads there goes with it.
    fn leave(&mut self, domain: &Domain) -> Result<(), AdminError> {
        let Some(owner) = self.owner(domain) else { return Ok(()) };
        let association = self.of(&owner).ok_or(AdminError::NoSuchAssociation)?;
        association.domains.remove(domain);
        association.domain_aliases.retain(|alias, to| alias != domain && to != domain);
        drop(take_aliases(association, domain));
        self.owners.insert(domain.clone(), None);
        Ok(())
    }

    fn moves(&mut self, domain: &Domain, to: &Name) -> Result<(), AdminError> {
        let (mut standing, mut leading) = (Vec::new(), BTreeMap::new());
        if let Some(from) = self.owner(domain) {
            let association = self.of(&from).ok_or(AdminError::NoSuchAssociation)?;
            if from == *to && association.domains.contains(domain) {
                return Ok(());
            }
            let there = association.domain_aliases.iter().filter(|(_, target)| *target == domain);
            standing = there.map(|(alias, _)| alias.clone()).collect();
            leading = take_aliases(association, domain);
        }
        self.leave(domain)?;
        let now = self.of(to).ok_or(AdminError::NoSuchAssociation)?;
        now.domains.insert(domain.clone());
        now.domain_aliases.extend(standing.iter().map(|alias| (alias.clone(), domain.clone())));
        now.aliases.extend(leading);
        self.owners.extend(standing.into_iter().chain([domain.clone()]).map(|domain| (domain, Some(to.clone()))));
        Ok(())
    }

    fn aliases(&mut self, batch: &Batch) -> Result<(), AdminError> {
        for (alias, targets) in &batch.aliases {
            match self.owner(alias.domain()) {
                None if targets.is_empty() => {}
                _ if targets.is_empty() => drop(self.with_domain(alias.domain())?.aliases.remove(alias)),
                _ => drop(self.with_domain(alias.domain())?.aliases.insert(alias.clone(), targets.iter().cloned().collect())),
            }
        }
        let gone: HashSet<_> = batch.gone_mailboxes.iter().collect();
        let touched: BTreeSet<_> = gone.iter().filter_map(|address| self.owner(address.domain())).collect();
        for name in touched {
            let Some(association) = self.of(&name) else { continue };
            for targets in association.aliases.values_mut().filter(|targets| targets.iter().any(|target| gone.contains(target))) {
                targets.retain(|target| !gone.contains(target));
            }
            association.aliases.retain(|_, targets| !targets.is_empty());
        }
        // What an admin made by hand may lead to a mailbox that is an alias now: it must not make every batch fail.
        for association in self.changed.values_mut().flatten() {
            let aliases: BTreeSet<_> = association.aliases.keys().cloned().collect();
            for (alias, targets) in &mut association.aliases {
                targets.retain(|target| target == alias || !aliases.contains(target));
            }
            association.aliases.retain(|_, targets| !targets.is_empty());
        }
        Ok(())
    }

    /// Whether all that is there afterwards agrees with itself.
    fn check(&self, batch: &Batch) -> Result<(), AdminError> {
        let mut domains = HashSet::new();
        let gone: HashSet<_> = batch.gone_mailboxes.iter().collect();
        for (name, now) in &self.changed {
            if let Some(now) = now {
                now.check()?;
                let foreign = |domain: &&Domain| self.owner(domain).as_ref() != Some(name);
                if now.all_domains().any(|domain| foreign(&domain) || !domains.insert(domain.clone())) {
                    return Err(AdminError::DomainTaken);
                }
            }
            let Some(tenant) = self.book.tenant(name) else { continue };
            let left: HashSet<Domain> = {
                let ledger = tenant.lock();
                let left = ledger.entries().filter(|entry| !gone.contains(&entry.address));
                left.map(|entry| entry.address.domain().clone()).collect()
            };
            // Not under the lock: to ask who owns a domain takes it too.
            let has_home = |domain: &Domain| {
                let home = self.owner(domain).and_then(|name| self.changed.get(&name)?.as_ref());
                home.is_some_and(|association| association.domains.contains(domain))
            };
            if !left.iter().all(has_home) {
                return Err(AdminError::DomainInUse);
            }
        }
        let is_contact = |association: &Association| association.contact.as_ref().is_some_and(|contact| gone.contains(contact));
        let stays = |name: &Name| !self.changed.contains_key(name);
        let others = self.book.tenants();
        let mut others = others.iter().filter(|tenant| stays(&tenant.lock().association.name));
        let contact = others.any(|tenant| is_contact(&tenant.lock().association));
        if contact || self.changed.values().flatten().any(is_contact) { Err(AdminError::IsContact) } else { Ok(()) }
    }

    /// What mailboxes will be, as far as it is not what they are.
    fn mailboxes(&self, batch: &Batch) -> Result<(Vec<(Address, Own)>, Applied), AdminError> {
        let (mut owns, mut applied, mut room) = (Vec::new(), Applied::default(), BTreeMap::new());
        let mut held = None;
        for PanelLimit(address, limit) in &batch.mailboxes {
            let name = self.owner(address.domain()).ok_or(AdminError::NoSuchDomain)?;
            // A domain that stands for another one, and will be a domain of its own: its mailboxes are not the other one's.
            let known = self.book.mailbox(address).filter(|known| known.address == *address);
            let own = match known {
                Some(known) => {
                    let own = known.own.by_panel(*limit);
                    applied.kept += u64::from(own.limit_by != Some(super::LimitBy::Panel));
                    // One that no list shows yet is listed, which takes no write.
                    if own == known.own && known.settled.is_some() {
                        continue;
                    }
                    own
                }
                None => {
                    let left = room.entry(name.clone()).or_insert_with(|| {
                        let limit = self.most(&name);
                        let held: &BTreeMap<_, _> = held.get_or_insert_with(|| self.held(batch));
                        limit.saturating_sub(held.get(&name).copied().unwrap_or(0))
                    });
                    let Some(less) = left.checked_sub(1) else {
                        applied.above += 1;
                        continue;
                    };
                    *left = less;
                    Own::default().by_panel(*limit)
                }
            };
            owns.push((address.clone(), own));
        }
        Ok((owns, applied))
    }

    /// How many mailboxes an association may have.
    fn most(&self, name: &Name) -> u64 {
        let limit = match self.changed.get(name) {
            Some(now) => now.as_ref().map_or(Limit::None, |now| now.mailboxes),
            None => self.book.tenant(name).map_or(Limit::None, |tenant| tenant.lock().association.mailboxes),
        };
        if let Limit::At(limit) = limit { limit } else { u64::MAX }
    }

    /// How many mailboxes each association will have of those that are there: domains move, and mailboxes go.
    fn held(&self, batch: &Batch) -> BTreeMap<Name, u64> {
        let gone: HashSet<_> = batch.gone_mailboxes.iter().collect();
        let mut domains: BTreeMap<Domain, u64> = BTreeMap::new();
        for tenant in self.book.tenants() {
            let ledger = tenant.lock();
            for entry in ledger.entries().filter(|entry| !gone.contains(&entry.address)) {
                *domains.entry(entry.address.domain().clone()).or_default() += 1;
            }
        }
        let mut held = BTreeMap::new();
        for (domain, count) in domains {
            if let Some(owner) = self.owner(&domain) {
                *held.entry(owner).or_default() += count;
            }
        }
        held
    }
}

/// The aliases in the domain, which are taken out; and nothing outside leads there any more.
fn take_aliases(association: &mut Association, domain: &Domain) -> BTreeMap<Address, BTreeSet<Address>> {
    let is_in = |address: &Address| address.domain() == domain;
    let (mut taken, mut left) = (BTreeMap::new(), BTreeMap::new());
    for (alias, mut targets) in std::mem::take(&mut association.aliases) {
        let inside = is_in(&alias);
        targets.retain(|target| is_in(target) == inside);
        if !targets.is_empty() {
            (if inside { &mut taken } else { &mut left }).insert(alias, targets);
        }
    }
    association.aliases = left;
    taken
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{LimitBy, Params};
    use super::*;
    use crate::store::Memory;

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
        let book = Book::open(Arc::new(Memory::default()), Params::default()).unwrap();
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
