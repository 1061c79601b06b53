//! How the book is read from the store: record by record, as there may be a million. First the associations, then what is set in them, and
//! last what is used.
//!
//! The mailboxes of all associations come mixed, in the order of their addresses. They are gathered first: so each association's memory is taken
//! once, as large as it is to be, and nothing is left between that nobody can use.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::{AssociationEntry, Common, Directory};
use super::ledger::Ledger;
use super::mark::Mark;
use super::record::{self, Known};
use super::{Amount, Lending, Loan, Notified, Own};
use crate::private::{Address, Domain};
use crate::store::{Store, StoreError};

const ASSOCIATIONS: &str = "association/";

impl Directory {
    /// What the store holds, and how many records of usage could not be read.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a record that is none, and for two that contradict each other; what the store says.
    pub(super) fn load(store: &dyn Store, common: Common<'_>) -> Result<(Directory, u64), StoreError> {
        let mut directory = Directory::default();
        each(store, ASSOCIATIONS, |known| match known {
            Known::Association(association) if association.all_domains().all(|domain| directory.of_domain(domain).is_none()) => {
                directory.add(&AssociationEntry::new((*association).clone(), common), &association);
                Ok(())
            }
            _ => Err(StoreError::Damaged),
        })?;
        let mut gathered = Gathered::new(&directory);
        each(store, "", |known| match known {
            known if known.is_usage() => Err(StoreError::Damaged),
            known => {
                gathered.take(known);
                Ok(())
            }
        })?;
        let mut unread = 0;
        // A number that is lost is one that the backend knows: no reason not to start.
        let lost = store.each_usage(&mut |key, value| match record::read_parts(key, value).filter(Known::is_usage) {
            Some(known) => gathered.take(known),
            None => unread += 1,
        })?;
        gathered.fill();
        Ok((directory, lost + unread))
    }
}

fn each(store: &dyn Store, prefix: &str, mut work: impl FnMut(Known) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut done = Ok(());
    store.each(prefix, &mut |key, value| {
        if done.is_ok() {
            done = record::read_parts(key, value).ok_or(StoreError::Damaged).and_then(&mut work);
        }
    })?;
    done
}

/// Mailboxes on their way to their associations.
struct Gathered<'a> {
    directory: &'a Directory,
    tenants: Vec<&'a Arc<AssociationEntry>>,
    /// The place of each in `tenants`.
    places: HashMap<Domain, u32>,
    owns: Vec<(u32, Address, Own)>,
    usage: Vec<(u32, Address, (Amount, Notified))>,
}

impl Gathered<'_> {
    fn new(directory: &Directory) -> Gathered<'_> {
        let (tenants, mut places): (Vec<_>, _) = (directory.all().collect(), HashMap::new());
        for (tenant, place) in tenants.iter().zip(0..) {
            places.extend(tenant.lock().association.all_domains().map(|domain| (domain.clone(), place)));
        }
        Gathered { directory, tenants, places, owns: Vec::new(), usage: Vec::new() }
    }

    /// Its association, and the address with the domain's text as that one has it. Records of domains that nobody has are left alone: they harm
    /// nobody, and `check` finds them.
    fn place(&self, address: &Address) -> Option<(u32, Address)> {
        let (domain, place) = self.places.get_key_value(address.domain())?;
        Some((*place, address.within(domain)))
    }

    fn take(&mut self, known: Known) {
        match known {
            Known::Mailbox(address, own) => {
                self.owns.extend(self.place(&address).map(|(place, address)| (place, address, own)));
            }
            Known::Usage(address, used, told) => {
                self.usage.extend(self.place(&address).map(|(place, address)| (place, address, (used, told))));
            }
            Known::Alias(alias, targets) => {
                let tenant = self.directory.of_domain(alias.domain());
                tenant
                    .into_iter()
                    .for_each(|tenant| drop(tenant.lock().association.aliases.insert(alias.clone(), targets.clone())));
            }
            Known::Level(name, told) => {
                self.directory.named(&name).into_iter().for_each(|tenant| tenant.lock().mark = Mark::kept(told));
            }
            Known::Loan(Lending { lender, borrower, octets, until }) => {
                let both = self.directory.named(&lender).zip(self.directory.named(&borrower));
                // Of one that is gone nothing is borrowed, and nothing is kept from the other.
                if let Some((one, other)) = both.filter(|_| lender != borrower) {
                    one.lock().association.lent.push(Loan { with: borrower, octets, until });
                    other.lock().association.borrowed.push(Loan { with: lender, octets, until });
                }
            }
            Known::Association(_) | Known::Mark => {}
        }
    }

    fn fill(self) {
        let Gathered { tenants, owns, usage, .. } = self;
        by_tenant(&tenants, owns, |ledger, address, own| ledger.keep_own(address, own));
        by_tenant(&tenants, usage, |ledger, address, (used, told)| ledger.keep_usage(address, used, told));
    }
}

/// What `rows` say, association by association. In each, they stay in the order of the addresses.
fn by_tenant<T>(tenants: &[&Arc<AssociationEntry>], mut rows: Vec<(u32, Address, T)>, keep: impl Fn(&mut Ledger, &Address, T)) {
    rows.sort_by_key(|(place, ..)| *place);
    let mut rows = rows.into_iter();
    for (place, tenant) in (0..).zip(tenants) {
        let count = rows.as_slice().iter().take_while(|(of, ..)| *of == place).count();
        let mut ledger = tenant.lock();
        // Most that have something of their own are used as well.
        let more = count.saturating_sub(ledger.roll.len());
        ledger.roll.expect(more);
        rows.by_ref().take(count).for_each(|(_, address, said)| keep(&mut ledger, &address, said));
    }
}
