//! What a batch comes to, before anything is changed: which associations will be otherwise, whether all of it agrees with itself, and which
//! mailboxes there will be.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::batch::{Applied, Batch, PanelLimit};
use super::{AdminError, Association, Book, Day, Limit, LimitBy, Name, Own};
use crate::private::{Address, Domain};

/// What the associations will be: those that change, none for one that goes; and where domains go that move.
pub(super) struct BatchPlan<'a> {
    book: &'a Book,
    pub(super) changed: BTreeMap<Name, Option<Association>>,
    owners: BTreeMap<Domain, Option<Name>>,
}

impl BatchPlan<'_> {
    /// Of nothing yet.
    pub(super) fn new(book: &Book) -> BatchPlan<'_> {
        BatchPlan { book, changed: BTreeMap::new(), owners: BTreeMap::new() }
    }

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

    /// Takes in what the batch says of associations, domains and aliases.
    pub(super) fn associations(&mut self, batch: &Batch, today: Day) -> Result<(), AdminError> {
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
    pub(super) fn check(&self, batch: &Batch) -> Result<(), AdminError> {
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
                let left = ledger.living().filter(|entry| !gone.contains(&entry.address));
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
    pub(super) fn mailboxes(&self, batch: &Batch) -> Result<(Vec<(Address, Own)>, Applied), AdminError> {
        let (mut owns, mut applied, mut room) = (Vec::new(), Applied::default(), BTreeMap::new());
        let mut held = None;
        for PanelLimit(address, limit) in &batch.mailboxes {
            let name = self.owner(address.domain()).ok_or(AdminError::NoSuchDomain)?;
            // A domain that stands for another one, and will be a domain of its own: its mailboxes are not the other one's.
            let known = self.book.mailbox(address).filter(|known| known.address == *address && known.lives);
            let own = match known {
                Some(known) => {
                    let own = known.own.by_panel(*limit);
                    applied.kept += u64::from(own.limit_by != Some(LimitBy::Panel));
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
            for entry in ledger.living().filter(|entry| !gone.contains(&entry.address)) {
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
