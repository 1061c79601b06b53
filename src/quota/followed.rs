//! What the records that nodes share say together: the settings of a whole book, understood apart from one that is in force.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{self, Known};
use super::{Association, Lending, Loan, Name, Own};
use crate::private::Address;
use crate::store::{Record, StoreError};

/// What records say.
#[derive(Default)]
pub(super) struct FollowedBook {
    pub(super) associations: BTreeMap<Name, Association>,
    /// What is set for mailboxes alone; also for those of domains that nobody has.
    pub(super) owns: BTreeMap<Address, Own>,
}

impl FollowedBook {
    /// # Errors
    /// [`StoreError::Damaged`]: they make no sense together.
    pub(super) fn read(records: &[Record]) -> Result<FollowedBook, StoreError> {
        let (mut wanted, mut rest) = (FollowedBook::default(), Vec::new());
        for record in records {
            match record::read(record)? {
                Known::Association(association) => drop(wanted.associations.insert(association.name.clone(), *association)),
                Known::Mailbox(address, own) => drop(wanted.owns.insert(address, own)),
                Known::Usage(..) | Known::Level(..) | Known::Mark => return Err(StoreError::Damaged),
                other => rest.push(other),
            }
        }
        let mut domains = BTreeSet::new();
        let mut of: BTreeMap<_, _> = BTreeMap::new();
        for association in wanted.associations.values() {
            for domain in association.all_domains() {
                if !domains.insert(domain.clone()) {
                    return Err(StoreError::Damaged);
                }
                of.insert(domain.clone(), association.name.clone());
            }
        }
        for known in rest {
            match known {
                // As at a start: what is about a domain that nobody has harms nobody.
                Known::Alias(alias, targets) => {
                    let owner = of.get(alias.domain()).and_then(|name| wanted.associations.get_mut(name));
                    owner.into_iter().for_each(|owner| drop(owner.aliases.insert(alias.clone(), targets.clone())));
                }
                Known::Loan(Lending { lender, borrower, octets, until })
                    if lender != borrower && [&lender, &borrower].iter().all(|name| wanted.associations.contains_key(*name)) =>
                {
                    let side = |with: &Name| Loan { with: with.clone(), octets, until };
                    wanted.associations.get_mut(&lender).into_iter().for_each(|one| one.lent.push(side(&borrower)));
                    wanted.associations.get_mut(&borrower).into_iter().for_each(|one| one.borrowed.push(side(&lender)));
                }
                _ => {}
            }
        }
        Ok(wanted)
    }
}
