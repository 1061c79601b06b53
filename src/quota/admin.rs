//! The admins' commands about associations (`nologd association`). Each is on disk before it is in force, in force before it
//! returns, and answers with what was and what is.

use serde::{Deserialize, Serialize};

use super::{AdminError, Amount, Association, Book, Day, Edit, Grant, Limit, Name, record};
use crate::private::{Address, Domain};

/// A change that was made.
pub struct Change<T> {
    /// Before; none when it was not there.
    pub was: Option<T>,
    /// After; none when it was removed.
    pub now: Option<T>,
    /// What is above the new limits. Nothing is deleted for it: new mail is refused until it is less.
    pub excess: Excess,
    /// What was removed is out of force, but old files that hold it could not be wiped yet: the next change and the next start try again.
    pub residue: bool,
}

/// By how much usage, as it is settled, is above limits that were lowered. What is nothing is not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Excess {
    /// Octets above the association's limit, grants counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub octets: u64,
    /// Messages above the association's limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// Mailboxes above their number.
    #[serde(skip_serializing_if = "is_zero")]
    pub mailboxes: u64,
    /// Mailboxes that hold more than their own limit (or the default).
    #[serde(rename = "full-mailboxes", skip_serializing_if = "is_zero")]
    pub overfull: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Excess {
    /// Whether nothing is above any limit.
    pub fn is_none(self) -> bool {
        self == Excess::default()
    }
}

/// An association and its numbers at this moment.
#[derive(Clone)]
pub struct AssociationView {
    /// Its settings.
    pub association: Association,
    /// The storage limit today, grants included.
    pub storage: Limit,
    /// What is in all its mailboxes.
    pub used: Amount,
    /// Set aside by open reservations.
    pub reserved: Amount,
    /// How many mailboxes it has.
    pub mailboxes: u64,
    /// What lists show of `used` and of `mailboxes` ([`Book::settle`]).
    pub settled: Amount,
    /// See `settled`.
    pub settled_mailboxes: u64,
}

impl Book {
    /// `association add`.
    pub fn add_association(&self, new: Association, today: Day) -> Result<Change<Association>, AdminError> {
        let _turn = self.turn();
        if self.tenant(&new.name).is_some() {
            return Err(AdminError::Exists);
        }
        self.check_new(&new)?;
        self.write(&record::difference(None, Some(&new)))?;
        self.install(&new.name, Some(new.clone()), today);
        Ok(Change { was: None, now: Some(new), excess: Excess::default(), residue: false })
    }

    /// Takes over the associations of the config file, all or none, once in the life of the store: `None` when that was done
    /// before, else their number.
    pub fn import_once(&self, news: Vec<Association>, today: Day) -> Result<Option<usize>, AdminError> {
        let _turn = self.turn();
        if self.store.get(record::IMPORTED)?.is_some() {
            return Ok(None);
        }
        let mut changes = vec![record::imported()];
        for (at, new) in news.iter().enumerate() {
            let earlier = news.iter().take(at);
            if self.tenant(&new.name).is_some() || earlier.clone().any(|other| other.name == new.name) {
                return Err(AdminError::Exists);
            }
            let taken = |domain: &Domain| earlier.clone().any(|other| other.all_domains().any(|theirs| theirs == domain));
            if new.all_domains().any(taken) {
                return Err(AdminError::DomainTaken);
            }
            self.check_new(new)?;
            changes.extend(record::difference(None, Some(new)));
        }
        self.write(&changes)?;
        let count = news.len();
        news.into_iter().for_each(|new| self.install(&new.name.clone(), Some(new), today));
        Ok(Some(count))
    }

    /// `association list`, in the order of the names.
    pub fn associations(&self, today: Day) -> Vec<AssociationView> {
        self.tenants().iter().map(|tenant| tenant.lock().view(today)).collect()
    }

    /// `association show`.
    pub fn association(&self, name: &Name, today: Day) -> Result<AssociationView, AdminError> {
        self.tenant(name).map(|tenant| tenant.lock().view(today)).ok_or(AdminError::NoSuchAssociation)
    }

    /// `association set`.
    pub fn set_association(&self, name: &Name, edit: &Edit, today: Day) -> Result<Change<Association>, AdminError> {
        self.change_association(name, today, |was| edit.apply(was, today))
    }

    /// `association grant`. No octets take back what ends on that day: a mistyped size must not stand for months.
    pub fn grant(&self, name: &Name, grant: Grant, today: Day) -> Result<Change<Association>, AdminError> {
        self.change_association(name, today, |mut association| {
            let given = association.grants.len();
            match grant.octets {
                0 => association.grants.retain(|standing| standing.until != grant.until),
                _ => association.grants.push(grant),
            }
            match () {
                () if grant.until < today => Err(AdminError::DayOver),
                () if association.grants.len() == given => Err(AdminError::NoSuchGrant),
                () => Ok(association),
            }
        })
    }

    /// Another contact in place of `from`.
    ///
    /// # Errors
    /// Nothing was changed: `from` is not the contact, or the disk took nothing.
    pub fn hand_over(&self, name: &Name, from: &Address, to: &Address, today: Day) -> Result<Change<Association>, AdminError> {
        self.change_association(name, today, |mut association| {
            if association.contact.as_ref() != Some(from) {
                return Err(AdminError::NotTheContact);
            }
            association.contact = Some(to.clone());
            Ok(association)
        })
    }

    /// The association with a change, checked within itself. Grants that ended before `today` go.
    fn change_association(
        &self,
        name: &Name,
        today: Day,
        change: impl FnOnce(Association) -> Result<Association, AdminError>,
    ) -> Result<Change<Association>, AdminError> {
        let _turn = self.turn();
        let tenant = self.tenant(name).ok_or(AdminError::NoSuchAssociation)?;
        let was = tenant.lock().association.clone();
        let mut now = change(was.clone())?;
        now.drop_ended(today);
        now.check()?;
        // One of before this was asked must not stand in the way of another change.
        let is_new = |domain: &&Domain| !was.all_domains().any(|old| old == *domain);
        if now.all_domains().filter(is_new).any(|domain| !domain.has_dot()) {
            return Err(AdminError::NoDot);
        }
        // Nor may an old contact.
        if now.contact != was.contact && now.contact.as_ref().is_some_and(|contact| !contact.is_reachable()) {
            return Err(AdminError::OutOfReach);
        }
        self.check_free(&now)?;
        let strangers = {
            let ledger = tenant.lock();
            // Where another node judges, the mailboxes that are known here are not all.
            let loses = was.domains.iter().any(|domain| !now.domains.contains(domain));
            loses && tenant.is_elsewhere(&ledger) || ledger.living().any(|entry| !now.domains.contains(entry.address.domain()))
        };
        if strangers {
            return Err(AdminError::DomainInUse);
        }
        let residue = self.write(&record::difference(Some(&was), Some(&now)))?;
        self.install(name, Some(now.clone()), today);
        let excess = tenant.lock().excess(today);
        Ok(Change { was: Some(was), now: Some(now), excess, residue })
    }

    /// `association remove`. When it returns, no file of the state folder holds the association or its mailboxes.
    pub fn remove_association(&self, name: &Name, with_mailboxes: bool, today: Day) -> Result<Change<Association>, AdminError> {
        let _turn = self.turn();
        let tenant = self.tenant(name).ok_or(AdminError::NoSuchAssociation)?;
        let (was, mailboxes, may_have_more) = {
            let ledger = tenant.lock();
            let mailboxes: Vec<_> = ledger.entries().map(|entry| entry.address.clone()).collect();
            (ledger.association.clone(), mailboxes, tenant.is_elsewhere(&ledger))
        };
        if !with_mailboxes && (may_have_more || !mailboxes.is_empty()) {
            return Err(AdminError::HasMailboxes);
        }
        // What it lent and borrowed ends with it, for the others too.
        let partners = self.left_by(name);
        let mut changes = record::difference(Some(&was), None);
        changes.extend(partners.iter().flat_map(|(was, now)| record::difference(Some(was), Some(now))));
        changes.extend(mailboxes.iter().map(record::forget));
        // First: what only the usage knows would come back after a crash.
        let residue = self.write_without(&|owner, _| owner == name)? | self.write(&changes)?;
        let left = partners.into_iter().map(|(_, now)| (now.name.clone(), Some(now)));
        self.install(name, None, today);
        self.install_all(left.collect(), today);
        self.forget_traces(Some(name), &mailboxes);
        Ok(Change { was: Some(was), now: None, excess: Excess::default(), residue })
    }

    fn check_new(&self, new: &Association) -> Result<(), AdminError> {
        new.check()?;
        if new.all_domains().any(|domain| !domain.has_dot()) {
            return Err(AdminError::NoDot);
        }
        if new.contact.as_ref().is_some_and(|contact| !contact.is_reachable()) {
            return Err(AdminError::OutOfReach);
        }
        self.check_free(new)
    }

    fn check_free(&self, now: &Association) -> Result<(), AdminError> {
        let taken = now.all_domains().any(|domain| self.is_taken(domain, &now.name));
        if taken { Err(AdminError::DomainTaken) } else { Ok(()) }
    }
}

impl super::ledger::Ledger {
    fn view(&self, today: Day) -> AssociationView {
        let (settled, settled_mailboxes) = self.settled();
        let mut association = self.association.clone();
        association.drop_ended(today);
        AssociationView {
            association,
            storage: self.association.storage_on(today),
            used: self.used.amount(),
            reserved: self.open.amount(),
            mailboxes: self.places() as u64,
            settled,
            settled_mailboxes,
        }
    }

    /// What is above the limits now, as far as lists show it: a limit that is set again and again must not weigh a mailbox.
    pub(super) fn excess(&self, today: Day) -> Excess {
        let (used, mailboxes) = self.settled();
        let over = |entry: &&super::entry::Entry| {
            let settled = entry.settled().unwrap_or_default();
            !self.association.mailbox_limit(entry.own().storage).allows(settled.octets.into())
        };
        Excess {
            octets: self.association.storage_on(today).excess(used.octets.into()),
            messages: self.association.messages.excess(used.messages.into()),
            mailboxes: self.association.mailboxes.excess(mailboxes.into()),
            overfull: self.entries().filter(over).count() as u64,
        }
    }
}

impl Book {
    /// Removes what memory holds beside the ledger about an association and mailboxes that are gone.
    pub(super) fn forget_traces(&self, name: Option<&Name>, mailboxes: &[Address]) {
        if let Some(name) = name {
            self.facts.forget(&super::Subject::Association(name.clone()));
            [&self.sending, &self.heard_spent].iter().for_each(|sending| sending.forget_association(name));
        }
        for mailbox in mailboxes {
            self.facts.forget(&super::Subject::Mailbox(mailbox.clone()));
            [&self.sending, &self.heard_spent].iter().for_each(|sending| sending.forget_mailbox(mailbox));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::quota::BookParams;
    use crate::store::MemoryStore;

    #[test]
    fn a_domain_without_a_dot_is_mistyped() {
        let (book, today) = (Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap(), Day::from_unix(0));
        let (name, domain) = (Name::parse("velo").unwrap(), |text| Domain::parse(text).unwrap());
        let new = |text| Association::new(name.clone(), [domain(text)]);
        assert!(book.add_association(new("velo"), today).err() == Some(AdminError::NoDot));
        assert!(book.add_association(new("velo.example"), today).is_ok());
        for edit in [
            Edit { add_domains: vec![domain("jardin")], ..Edit::default() },
            Edit { add_domain_aliases: vec![(domain("jardin"), domain("velo.example"))], ..Edit::default() },
        ] {
            assert!(book.set_association(&name, &edit, today).err() == Some(AdminError::NoDot));
        }
        assert!(AdminError::NoDot.is_wrong_usage());
    }

    #[test]
    fn a_contact_whom_no_mail_reaches_is_mistyped() {
        let (book, today) = (Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap(), Day::from_unix(0));
        let [name, other] = ["velo", "jardin"].map(|name| Name::parse(name).unwrap());
        let [here, carl] = ["x@localhost", "carl@velo.example"].map(|text| Address::parse(text).unwrap());
        let new = |name: &Name, contact: &Address| {
            let mut new = Association::new(name.clone(), [Domain::parse(&format!("{}.example", name.reveal())).unwrap()]);
            new.contact = Some(contact.clone());
            new
        };
        let out_of_reach = |changed: Result<Change<Association>, AdminError>| changed.err() == Some(AdminError::OutOfReach);
        assert!(out_of_reach(book.add_association(new(&name, &here), today)));
        assert!(book.import_once(vec![new(&name, &here)], today).err() == Some(AdminError::OutOfReach));
        assert!(book.add_association(new(&name, &carl), today).is_ok());
        let edit = Edit { contact: Some(here.clone()), ..Edit::default() };
        assert!(out_of_reach(book.set_association(&name, &edit, today)));
        assert!(out_of_reach(book.hand_over(&name, &carl, &here, today)));
        assert!(book.is_contact(&name, &carl) && AdminError::OutOfReach.is_wrong_usage());
        // One of before this was asked stands in the way of nothing.
        let old = new(&other, &here);
        book.write(&record::difference(None, Some(&old))).unwrap();
        book.install(&other, Some(old), today);
        let edit = Edit { lang: Some(crate::fault::Lang::Fr), ..Edit::default() };
        assert!(book.set_association(&other, &edit, today).is_ok() && book.is_contact(&other, &here));
    }
}
