//! `store check`: whether the records mean something together. What is damaged beyond reading stops the start anyway.

use std::collections::BTreeSet;

use super::record::{self, Known};
use crate::private::Address;
use crate::store::{Store, StoreError};

/// What was found. All is well when the last three are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many associations.
    pub associations: u64,
    /// How many mailboxes.
    pub mailboxes: u64,
    /// How many aliases.
    pub aliases: u64,
    /// Records that cannot be read.
    pub unreadable: u64,
    /// Mailboxes, aliases or levels of no association.
    pub orphans: u64,
    /// Associations that contradict themselves or claim another's domain.
    pub contradictions: u64,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_well(self) -> bool {
        self.unreadable == 0 && self.orphans == 0 && self.contradictions == 0
    }
}

/// Reads every record and compares them. Changes nothing.
pub fn check(store: &dyn Store) -> Result<Findings, StoreError> {
    let mut findings = Findings::default();
    let (mut domains, mut names, mut mailboxes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut addresses, mut levels) = (Vec::new(), Vec::new());
    for record in store.scan("")? {
        match record::read(&record) {
            Err(_) => findings.unreadable += 1,
            Ok(Known::Association(association)) => {
                findings.associations += 1;
                let claimed = association.all_domains().filter(|domain| !domains.insert((*domain).clone())).count();
                let wrong = claimed > 0 || association.check().is_err();
                findings.contradictions += u64::from(wrong);
                names.insert(association.name.clone());
            }
            Ok(Known::Alias(alias, _)) => {
                findings.aliases += 1;
                addresses.push(alias);
            }
            Ok(Known::Mailbox(address, ..) | Known::Usage(address, ..)) => drop(mailboxes.insert(address)),
            Ok(Known::Level(name, _)) => levels.push(name),
            Ok(Known::Mark) => {}
        }
    }
    findings.mailboxes = mailboxes.len() as u64;
    let strange = |address: &&Address| !domains.contains(address.domain());
    let strangers = addresses.iter().chain(&mailboxes).filter(strange).count();
    let levels = levels.iter().filter(|name| !names.contains(*name)).count();
    findings.orphans = (strangers + levels) as u64;
    Ok(findings)
}
