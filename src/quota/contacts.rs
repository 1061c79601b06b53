//! Of which associations somebody is the contact.

use super::{Book, Name};
use crate::private::{Address, Domain};

impl Book {
    /// The associations that `address` is the contact of, each with the first of its domains.
    pub fn contact_of(&self, address: &Address) -> Vec<(Name, Domain)> {
        self.read(|directory| {
            let theirs = directory.of_contact(address).filter_map(|tenant| {
                let ledger = tenant.lock();
                let association = &ledger.association;
                let first = association.domains.first().filter(|_| association.contact.as_ref() == Some(address))?;
                Some((association.name.clone(), first.clone()))
            });
            theirs.collect()
        })
    }

    /// Whether `address` is the contact of any. The same work for whoever it is: anybody may ask for the links of a contact.
    pub fn is_any_contact(&self, address: &Address) -> bool {
        self.read(|directory| directory.has_contact(address))
    }

    /// Whether `address` is the contact of this one.
    pub fn is_contact(&self, name: &Name, address: &Address) -> bool {
        self.tenant(name).is_some_and(|tenant| tenant.lock().association.contact.as_ref() == Some(address))
    }
}
