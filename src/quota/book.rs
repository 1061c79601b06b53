//! The book: what it is made of, how it is read from the store, and how a changed association comes into force.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::directory::{AssociationEntry, Common, Directory};
use super::fact::{Fact, Facts, Outlet};
use super::ledger::Ledger;
use super::permit::{Gatekeeper, Permission, Permit};
use super::pulse::Pulse;
use super::sending::Sending;
use super::sending_limits::Rates;
use super::subject::Subject;
use super::{Association, Bench, Day, Name, SCHEMA};
use crate::private::{Address, Domain};
use crate::store::{self, Store, StoreError};

/// What the book needs to know from the config.
#[derive(Clone, Copy)]
pub struct BookParams {
    /// Divides a mailbox's name from its sub-address (`user+tag@`); none when there are no sub-addresses.
    pub separator: Option<char>,
    /// The largest message that a member may store, in octets: twice as much may be announced for one mailbox at once, and 64 MiB
    /// at least.
    pub largest: u64,
    /// What a person's mailbox may send where its association has no limit.
    pub sending: Rates,
}

/// What may always be announced for one mailbox at once.
const WRITES: u64 = 64 << 20;

impl Default for BookParams {
    fn default() -> Self {
        BookParams { separator: Some('+'), largest: 0, sending: Rates::NONE }
    }
}

/// All associations, their mailboxes and their numbers, in octets and messages. Share it in an `Arc`.
///
/// It lives in memory, and the store is its copy. To ask, to reserve and to count take one short lock and no disk, so a session does it
/// between two reads; what admins change blocks until the disk has it, and is refused (`StoreUnwritable`) where the disk takes nothing.
/// An example is at [`Reservation`](super::Reservation).
pub struct Book {
    pub(super) params: BookParams,
    pub(super) store: Arc<dyn Store>,
    pub(super) sending: Sending,
    /// What other nodes, which count it, have told of it.
    pub(super) heard_spent: Sending,
    pub(super) facts: Outlet,
    pub(super) pulse: Arc<Pulse<AssociationEntry>>,
    pub(super) gatekeeper: Gatekeeper,
    /// Reservations that were refused since the start.
    pub(super) refused: AtomicU64,
    /// The disk took nothing at the last try.
    pub(super) unwritable: AtomicBool,
    /// Records of usage that could not be read at the start.
    pub(super) lost: u64,
    /// Of how many mailboxes usage is pushed, as last settled.
    pub(super) pushed: AtomicU64,
    directory: RwLock<Directory>,
    turn: Mutex<()>,
}

impl Book {
    /// Reads the book out of `store`, which is brought to the present schema first.
    ///
    /// Usage is as it was written last, rounded up; every mailbox counts as not seen until it is refreshed.
    pub fn open(store: Arc<dyn Store>, params: BookParams) -> Result<Book, StoreError> {
        store::settle(&*store, SCHEMA)?;
        let (facts, pulse, gatekeeper) = (Outlet::default(), Arc::new(Pulse::default()), Gatekeeper::default());
        let common = Common { facts: &facts, pulse: &pulse, gatekeeper: &gatekeeper };
        let (directory, lost) = Directory::load(&*store, common)?;
        let book = Book {
            params,
            store,
            sending: Sending::default(),
            heard_spent: Sending::default(),
            refused: AtomicU64::new(0),
            pushed: AtomicU64::new(0),
            facts,
            pulse,
            gatekeeper,
            unwritable: AtomicBool::new(false),
            lost,
            directory: RwLock::new(directory),
            turn: Mutex::new(()),
        };
        // What a store holds is as old as the last run.
        book.settle();
        Ok(book)
    }

    /// Records of usage that were damaged at the start: so many mailboxes count as never seen.
    pub fn lost_usage(&self) -> u64 {
        self.lost
    }

    /// Octets that members may have announced for one mailbox at once.
    pub(super) fn writes(&self) -> u64 {
        self.params.largest.saturating_mul(2).max(WRITES)
    }

    /// From now on `facts` hears what happens. To be called once, before anything does.
    pub fn lead_to(&self, facts: Arc<dyn Facts>) {
        self.facts.lead_to(facts);
    }

    /// From now on nothing is granted that `permit` does not permit. To be called once, before anything is.
    pub fn judge_only_with(&self, permit: Arc<dyn Permit>) {
        self.gatekeeper.ask_from_now_on(permit);
    }

    /// From now on nothing is granted in an association that `bench` does not grant. To be called once, before anything is.
    pub fn judge_each_with(&self, bench: Arc<dyn Bench>) {
        self.gatekeeper.ask_of_each_from_now_on(bench);
    }

    /// What may be granted now, where this is one of two machines.
    pub fn permission(&self) -> Option<Permission> {
        self.gatekeeper.asked()
    }

    /// The relay took the notice, or will never take it. Written behind, like usage: until it is written, a
    /// restart tells again.
    pub fn told(&self, fact: &Fact) {
        let tell = |ledger: &mut Ledger| ledger.told(fact);
        match fact.subject() {
            Subject::Association(name) => self.tenant(name).into_iter().for_each(|tenant| tell(&mut tenant.lock())),
            Subject::Mailbox(address) => drop(self.with(address, |_, ledger, _| tell(ledger))),
        }
    }

    /// To be called at the start and when a day begins: grants that ended can push an association over a level.
    /// At the start it finds what was due and never told.
    pub fn review(&self, today: Day) {
        for tenant in self.tenants() {
            let mut ledger = tenant.lock();
            ledger.day = today;
            // An association that leaves may have left.
            ledger.wake();
            let facts = tenant.all_facts(&mut ledger, today);
            drop(ledger);
            facts.into_iter().for_each(|fact| self.facts.tell(fact));
        }
    }

    /// Does `work` while nobody changes what is stored.
    pub fn while_unchanged<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.turn();
        work()
    }

    /// Waits for the turn to change what is durable.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All associations, in the order of their names.
    pub(super) fn tenants(&self) -> Vec<Arc<AssociationEntry>> {
        self.read(|directory| directory.all().cloned().collect())
    }

    pub(super) fn tenant(&self, name: &Name) -> Option<Arc<AssociationEntry>> {
        self.read(|directory| directory.named(name).cloned())
    }

    /// Whether another association than `except` has the domain, as its own or as an alias.
    pub(super) fn is_taken(&self, domain: &Domain, except: &Name) -> bool {
        let tenant = self.read(|directory| directory.of_domain(domain).cloned());
        tenant.is_some_and(|tenant| tenant.lock().association.name != *except)
    }

    /// Does `work` on the ledger of the association that the address belongs to, with the address of the mailbox itself
    /// (an alias domain is replaced). The directory is held meanwhile: the domain cannot move away.
    pub(super) fn with<T>(
        &self,
        address: &Address,
        work: impl FnOnce(&Arc<AssociationEntry>, &mut Ledger, &Address) -> T,
    ) -> Option<T> {
        self.read(|directory| {
            let tenant = directory.of_domain(address.domain())?;
            let mut ledger = tenant.lock();
            if ledger.association.domains.contains(address.domain()) {
                return Some(work(tenant, &mut ledger, address));
            }
            let canonical = ledger.association.canonical(address)?;
            Some(work(tenant, &mut ledger, &canonical))
        })
    }

    /// Puts a changed association in force, or a new one, or takes one out.
    pub(super) fn install(&self, name: &Name, now: Option<Association>, today: Day) {
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        let tenant = directory.named(name).cloned();
        directory.forget_domains(tenant.as_slice());
        let Some(now) = now else {
            directory.remove(name);
            if let Some(tenant) = tenant {
                // Reservations may hold on to it: they must find no mailbox.
                let mut ledger = tenant.lock();
                let empty = Ledger::new(ledger.association.clone());
                let gone = std::mem::replace(&mut *ledger, empty);
                drop(ledger);
                gone.wake();
            }
            return;
        };
        let tenant = tenant.unwrap_or_else(|| AssociationEntry::new(now.clone(), self.common()));
        directory.add(&tenant, &now);
        let mut ledger = tenant.lock();
        if ledger.association.backend != now.backend {
            ledger.are_elsewhere(tenant.pulse.now());
        }
        ledger.come_with(&now);
        ledger.association = now;
        ledger.drop_strangers();
        ledger.day = today;
        ledger.wake();
        let facts = tenant.all_facts(&mut ledger, today);
        facts.into_iter().for_each(|fact| self.facts.tell(fact));
    }

    /// The same for many at once: nobody sees a part of it. A mailbox whose domain moves goes with it, and its sessions begin anew.
    pub(super) fn install_all(&self, changed: Vec<(Name, Option<Association>)>, today: Day) {
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<_> = changed.iter().filter_map(|(name, _)| directory.named(name).cloned()).collect();
        directory.forget_domains(&before);
        let (mut moving, mut installed) = (Vec::new(), Vec::new());
        for (name, now) in changed {
            let Some(now) = now else {
                let Some(tenant) = directory.remove(&name) else { continue };
                moving.extend(tenant.lock().take_strangers(&BTreeSet::new()));
                continue;
            };
            let tenant = directory.named(&name).cloned();
            let tenant = tenant.unwrap_or_else(|| AssociationEntry::new(now.clone(), self.common()));
            directory.add(&tenant, &now);
            let mut ledger = tenant.lock();
            moving.extend(ledger.take_strangers(&now.domains));
            ledger.come_with(&now);
            ledger.association = now;
            drop(ledger);
            installed.push(tenant);
        }
        for entry in moving {
            if let Some(tenant) = directory.of_domain(entry.address.domain()) {
                tenant.lock().adopt(entry.moved());
            }
        }
        for tenant in installed {
            let mut ledger = tenant.lock();
            ledger.day = today;
            ledger.wake();
            let facts = tenant.all_facts(&mut ledger, today);
            facts.into_iter().for_each(|fact| self.facts.tell(fact));
        }
    }

    /// Which association has the domain, as its own or as an alias.
    pub(super) fn owner(&self, domain: &Domain) -> Option<Name> {
        let tenant = self.read(|directory| directory.of_domain(domain).cloned());
        tenant.map(|tenant| tenant.lock().association.name.clone())
    }

    fn common(&self) -> Common<'_> {
        Common { facts: &self.facts, pulse: &self.pulse, gatekeeper: &self.gatekeeper }
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&Directory) -> T) -> T {
        work(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }
}
