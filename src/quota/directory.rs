//! Which association a name or a domain belongs to, and each association's ledger behind its lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::fact::{Fact, Outlet};
use super::ledger::Ledger;
use super::mandate::{Bench, Mandate};
use super::permit::{Gatekeeper, Permission};
use super::pulse::Pulse;
use super::{Amount, Association, Day, Name, Verdict};
use crate::private::{Address, Domain};

/// One association in the directory. Reservations hold on to it.
pub(super) struct AssociationEntry {
    pub(super) facts: Outlet,
    pub(super) pulse: Arc<Pulse<AssociationEntry>>,
    gatekeeper: Gatekeeper,
    ledger: Mutex<Ledger>,
    /// What the nodes call it, where there are several.
    tenant: OnceLock<u64>,
}

impl AssociationEntry {
    // A ledger's methods cannot panic half-way, so a poisoned lock guards whole numbers.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        #[cfg(test)]
        LOOKS.with(|looks| looks.set(looks.get() + 1));
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything may be granted here.
    ///
    /// # Errors
    /// [`Verdict::NotNow`].
    pub(super) fn may_grant(&self, ledger: &mut Ledger) -> Result<(), Verdict> {
        if let Some((bench, tenant)) = self.bench(ledger) {
            if ledger.counted != ledger.came {
                return Err(Verdict::NotNow);
            }
            ledger.withheld = bench.withheld(tenant).ok_or(Verdict::NotNow)?;
            return Ok(());
        }
        let may = match self.gatekeeper.permission() {
            Permission::All => true,
            Permission::Nothing => false,
            Permission::Confirmed => ledger.is_confirmed(),
        };
        if may { Ok(()) } else { Err(Verdict::NotNow) }
    }

    /// That `amount` may be under way here, where `judge` says that the book has room: a mandate may have to be written down elsewhere, and is not asked
    /// for what will be refused. None, and nothing judged, where there are no other nodes.
    ///
    /// # Errors
    /// [`Verdict::NotNow`]; what `judge` says.
    pub(super) fn mandate(
        &self,
        ledger: &Ledger,
        amount: Amount,
        judge: impl FnOnce(&Ledger) -> Result<(), Verdict>,
    ) -> Result<Option<Mandate>, Verdict> {
        let Some((bench, tenant)) = self.bench(ledger) else { return Ok(None) };
        judge(ledger)?;
        Mandate::ask(bench, tenant, amount).map(Some).ok_or(Verdict::NotNow)
    }

    /// Whether another node judges it: then the mailboxes that are known here are not all.
    pub(super) fn is_elsewhere(&self, ledger: &Ledger) -> bool {
        self.bench(ledger).is_some_and(|(bench, tenant)| bench.is_elsewhere(tenant))
    }

    /// Who is asked about this association, and what it is called there; none where there are no other nodes.
    pub(super) fn bench(&self, ledger: &Ledger) -> Option<(&Arc<dyn Bench>, u64)> {
        let bench = self.gatekeeper.bench()?;
        Some((bench, *self.tenant.get_or_init(|| bench.tenant(&ledger.association.name))))
    }

    /// To be called when a mailbox's numbers changed: who is to be told, and whether the mailbox waits for a tick. A number that
    /// waits for a tick may be too high, so nobody is told of it before.
    pub(super) fn after(self: &Arc<Self>, ledger: &mut Ledger, number: u64) {
        let Some(entry) = ledger.entry_mut(number) else { return };
        if entry.is_unsettled() {
            if !std::mem::replace(&mut entry.rouse().waits, true) {
                self.pulse.wait(Arc::downgrade(self), number);
            }
            return;
        }
        if self.speaks(ledger) {
            let facts = ledger.facts(number, ledger.day);
            facts.into_iter().flatten().for_each(|fact| self.facts.tell(fact));
        }
    }

    /// Whether people are told from here how full it is: of several nodes, its judge tells them.
    pub(super) fn speaks(&self, ledger: &Ledger) -> bool {
        self.bench(ledger).is_none_or(|(bench, tenant)| bench.speaks(tenant))
    }

    /// What is to be told of the association and of every mailbox: after limits or the state changed, or a day ended.
    pub(super) fn all_facts(&self, ledger: &mut Ledger, today: Day) -> Vec<Fact> {
        if self.speaks(ledger) { ledger.all_facts(today) } else { Vec::new() }
    }
}

/// What all associations share.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) facts: &'a Outlet,
    pub(super) pulse: &'a Arc<Pulse<AssociationEntry>>,
    pub(super) gatekeeper: &'a Gatekeeper,
}

#[derive(Default)]
pub(super) struct Directory {
    names: BTreeMap<Name, Arc<AssociationEntry>>,
    domains: HashMap<Domain, Arc<AssociationEntry>>,
    /// Whose contact an address is. Strangers may ask for any: who is none must be found in no time, however many associations there are.
    contacts: HashMap<Address, BTreeSet<Name>>,
}

impl AssociationEntry {
    pub(super) fn new(association: Association, common: Common<'_>) -> Arc<AssociationEntry> {
        let ledger = Mutex::new(Ledger::new(association));
        let Common { facts, pulse, gatekeeper } = common;
        Arc::new(AssociationEntry {
            facts: facts.clone(),
            pulse: pulse.clone(),
            gatekeeper: gatekeeper.clone(),
            ledger,
            tenant: OnceLock::new(),
        })
    }
}

#[cfg(test)]
thread_local! {
    /// How many associations this thread has looked into: work, counted instead of timed.
    pub(super) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Directory {
    /// All associations, in the order of their names.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<AssociationEntry>> {
        self.names.values()
    }

    pub(super) fn named(&self, name: &Name) -> Option<&Arc<AssociationEntry>> {
        self.names.get(name)
    }

    /// Whose the domain is, as an own one or as an alias.
    pub(super) fn of_domain(&self, domain: &Domain) -> Option<&Arc<AssociationEntry>> {
        self.domains.get(domain)
    }

    /// Takes all domains from these associations.
    pub(super) fn forget_domains(&mut self, of: &[Arc<AssociationEntry>]) {
        self.domains.retain(|_, owner| !of.iter().any(|tenant| Arc::ptr_eq(owner, tenant)));
    }

    /// Takes the name out. The association's domains are to be forgotten apart.
    pub(super) fn remove(&mut self, name: &Name) -> Option<Arc<AssociationEntry>> {
        self.forget_contact(name);
        self.names.remove(name)
    }

    /// As `association` will be, whose ledger is another one's to change.
    pub(super) fn add(&mut self, tenant: &Arc<AssociationEntry>, association: &Association) {
        self.forget_contact(&association.name);
        if let Some(contact) = &association.contact {
            self.contacts.entry(contact.clone()).or_default().insert(association.name.clone());
        }
        self.names.insert(association.name.clone(), tenant.clone());
        for domain in association.all_domains() {
            self.domains.insert(domain.clone(), tenant.clone());
        }
    }

    fn forget_contact(&mut self, of: &Name) {
        self.contacts.retain(|_, names| {
            names.remove(of);
            !names.is_empty()
        });
    }

    pub(super) fn has_contact(&self, address: &Address) -> bool {
        self.contacts.contains_key(address)
    }

    /// The associations that `address` is the contact of, in the order of their names.
    pub(super) fn of_contact(&self, address: &Address) -> impl Iterator<Item = &Arc<AssociationEntry>> {
        self.contacts.get(address).into_iter().flatten().filter_map(|name| self.names.get(name))
    }
}
