//! The book: which association a domain belongs to, and the association's ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::ledger::Ledger;
use super::mark::Mark;
use super::news::{News, Subject, Waiting};
use super::record::{self, Known};
use super::sending::Sending;
use super::{Association, Day, Name, SCHEMA};
use crate::private::{Address, Domain};
use crate::store::{self, Store, StoreError};

/// What the book needs to know from the config.
#[derive(Clone, Copy)]
pub struct Params {
    /// Divides a mailbox's name from its sub-address (`user+tag@`); none when there are no sub-addresses.
    pub separator: Option<char>,
}

impl Default for Params {
    fn default() -> Self {
        Params { separator: Some('+') }
    }
}

/// All associations, their mailboxes and their numbers. Share it in an `Arc`.
pub struct Book {
    pub(super) params: Params,
    pub(super) store: Arc<dyn Store>,
    pub(super) sending: Sending,
    pub(super) waiting: Arc<Waiting>,
    /// Reservations that were refused since the start.
    pub(super) refused: AtomicU64,
    directory: RwLock<Directory>,
    turn: Mutex<()>,
}

/// One association in the directory. Reservations hold on to it.
pub(super) struct Tenant {
    pub(super) waiting: Arc<Waiting>,
    ledger: Mutex<Ledger>,
}

impl Tenant {
    // A ledger's methods cannot panic half-way, so a poisoned lock guards whole numbers.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
pub(super) struct Directory {
    names: BTreeMap<Name, Arc<Tenant>>,
    domains: HashMap<Domain, Arc<Tenant>>,
}

impl Book {
    /// Reads the book out of `store`, which is brought to the present schema first.
    ///
    /// Usage is as it was written last; every mailbox counts as not seen until it is refreshed.
    pub fn open(store: Arc<dyn Store>, params: Params) -> Result<Book, StoreError> {
        store::settle(&*store, SCHEMA)?;
        let known = store.scan("")?.iter().map(record::read).collect::<Result<Vec<_>, _>>()?;
        let waiting = Arc::new(Waiting::default());
        let directory = RwLock::new(Directory::load(known, &waiting)?);
        Ok(Book {
            params,
            store,
            sending: Sending::default(),
            refused: AtomicU64::new(0),
            waiting,
            directory,
            turn: Mutex::new(()),
        })
    }

    /// The news since the last call, for the notifier.
    pub fn news(&self) -> Vec<News> {
        self.waiting.take()
    }

    /// The relay took the notice, or will never take it. Written behind, like usage: until it is written, a
    /// restart tells again.
    pub fn told(&self, news: &News) {
        let tell = |ledger: &mut Ledger| ledger.told(news);
        match news.subject() {
            Subject::Association(name) => self.tenant(name).into_iter().for_each(|tenant| tell(&mut tenant.lock())),
            Subject::Mailbox(address) => drop(self.with(address, |_, ledger, _| tell(ledger))),
        }
    }

    /// To be called at the start and when a day begins: grants that ended can push an association over a level.
    /// At the start it finds what was due and never told.
    pub fn review(&self, today: Day) {
        for tenant in self.tenants() {
            let news = tenant.lock().all_news(today);
            news.into_iter().for_each(|news| self.waiting.push(news));
        }
    }

    /// Waits for the turn to change what is durable.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All associations, in the order of their names.
    pub(super) fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.read(|directory| directory.names.values().cloned().collect())
    }

    pub(super) fn tenant(&self, name: &Name) -> Option<Arc<Tenant>> {
        self.read(|directory| directory.names.get(name).cloned())
    }

    /// Whether another association than `except` has the domain, as its own or as an alias.
    pub(super) fn is_taken(&self, domain: &Domain, except: &Name) -> bool {
        let tenant = self.read(|directory| directory.domains.get(domain).cloned());
        tenant.is_some_and(|tenant| tenant.lock().association.name != *except)
    }

    /// Does `work` on the ledger of the association that the address belongs to, with the address of the mailbox itself
    /// (an alias domain is replaced). The directory is held meanwhile: the domain cannot move away.
    pub(super) fn with<T>(&self, address: &Address, work: impl FnOnce(&Arc<Tenant>, &mut Ledger, &Address) -> T) -> Option<T> {
        self.read(|directory| {
            let tenant = directory.domains.get(address.domain())?;
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
        let tenant = directory.names.get(name).cloned();
        directory.domains.retain(|_, owner| !tenant.as_ref().is_some_and(|tenant| Arc::ptr_eq(owner, tenant)));
        let Some(now) = now else {
            directory.names.remove(name);
            if let Some(tenant) = tenant {
                // Reservations may hold on to it: they must find no mailbox.
                let mut ledger = tenant.lock();
                *ledger = Ledger::new(ledger.association.clone());
            }
            return;
        };
        let tenant = tenant.unwrap_or_else(|| Tenant::new(now.clone(), &self.waiting));
        directory.add(&tenant, &now);
        let mut ledger = tenant.lock();
        ledger.association = now;
        ledger.drop_strangers();
        let news = ledger.all_news(today);
        news.into_iter().for_each(|news| self.waiting.push(news));
    }

    fn read<T>(&self, work: impl FnOnce(&Directory) -> T) -> T {
        work(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tenant {
    fn new(association: Association, waiting: &Arc<Waiting>) -> Arc<Tenant> {
        Arc::new(Tenant { waiting: waiting.clone(), ledger: Mutex::new(Ledger::new(association)) })
    }
}

impl Directory {
    fn add(&mut self, tenant: &Arc<Tenant>, association: &Association) {
        self.names.insert(association.name.clone(), tenant.clone());
        for domain in association.all_domains() {
            self.domains.insert(domain.clone(), tenant.clone());
        }
    }

    fn load(known: Vec<Known>, waiting: &Arc<Waiting>) -> Result<Directory, StoreError> {
        let mut directory = Directory::default();
        let (associations, rest): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|record| matches!(record, Known::Association(_)));
        for record in associations {
            let Known::Association(association) = record else { continue };
            if association.all_domains().any(|domain| directory.domains.contains_key(domain)) {
                return Err(StoreError::Damaged);
            }
            directory.add(&Tenant::new((*association).clone(), waiting), &association);
        }
        // Records of domains that nobody has are left alone: they harm nobody, and `check` finds them.
        for record in rest {
            match record {
                Known::Alias(alias, targets) => {
                    directory.fill(&alias, |ledger| drop(ledger.association.aliases.insert(alias.clone(), targets)));
                }
                Known::Mailbox(address, limit) => directory.fill(&address, |ledger| {
                    let number = ledger.insert(&address);
                    ledger.entry_mut(number).into_iter().for_each(|entry| entry.own = Some(limit));
                }),
                Known::Usage(address, used, told) => directory.fill(&address, |ledger| {
                    let number = ledger.insert(&address);
                    ledger.set_used(number, used);
                    ledger.entry_mut(number).into_iter().for_each(|entry| entry.mark = Mark::kept(told));
                    ledger.dirty.remove(&number);
                }),
                Known::Level(name, told) => {
                    directory.names.get(&name).into_iter().for_each(|tenant| tenant.lock().mark = Mark::kept(told));
                }
                Known::Association(_) | Known::Mark => {}
            }
        }
        Ok(directory)
    }

    fn fill(&self, address: &Address, work: impl FnOnce(&mut Ledger)) {
        if let Some(tenant) = self.domains.get(address.domain()) {
            work(&mut tenant.lock());
        }
    }
}
