//! `store check`, and `store import` before it takes anything: whether the records mean something together, and which do not.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{self, Known};
use super::{Association, Lending, Loan, Name};
use crate::private::Private;
use crate::store::{Store, StoreError};

/// What can be wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It cannot be read.
    Unreadable,
    /// A mailbox, an alias, a level or a loan of no association. It does no harm.
    Orphan,
    /// An association that contradicts itself or claims another's domain.
    Contradiction,
}

/// What was found.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many associations.
    pub associations: u64,
    /// How many mailboxes.
    pub mailboxes: u64,
    /// How many aliases.
    pub aliases: u64,
    /// The records that are wrong, by their keys.
    pub wrong: Vec<(Defect, Private<String>)>,
    /// Lines of usage that are damaged: they have no key any more. The mail server knows the numbers.
    pub lost: u64,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.wrong.is_empty() && self.lost == 0
    }

    /// How many records are wrong in this way.
    pub fn count(&self, wrong: Defect) -> usize {
        self.wrong.iter().filter(|(what, _)| *what == wrong).count()
    }
}

/// Reads every record and compares them. Changes nothing.
pub fn check(store: &dyn Store) -> Result<Findings, StoreError> {
    let usage = store.usage()?;
    let mut findings = Findings { lost: usage.lost, ..Findings::default() };
    let (mut domains, mut names, mut mailboxes) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    let (mut addresses, mut levels, mut loans) = (Vec::new(), Vec::new(), Vec::new());
    let records = store.scan("")?.into_iter().map(|record| (record, false));
    for (record, is_usage) in records.chain(usage.records.into_iter().map(|record| (record, true))) {
        // Each has its place.
        match record::read(&record).ok().filter(|known| known.is_usage() == is_usage) {
            None => findings.wrong.push((Defect::Unreadable, record.key)),
            Some(Known::Association(association)) => {
                findings.associations += 1;
                let claimed = association.all_domains().filter(|domain| !domains.insert((*domain).clone())).count();
                if claimed > 0 || association.check().is_err() {
                    findings.wrong.push((Defect::Contradiction, record.key));
                }
                names.insert(association.name.clone(), association);
            }
            Some(Known::Alias(alias, _)) => {
                findings.aliases += 1;
                addresses.push((alias, record.key));
            }
            Some(Known::Mailbox(address, ..) | Known::Usage(address, ..)) => {
                mailboxes.insert(address.clone());
                addresses.push((address, record.key));
            }
            Some(Known::Loan(loan)) => loans.push((loan, record.key)),
            Some(Known::Level(name, _)) => levels.push((name, record.key)),
            Some(Known::Mark) => {}
        }
    }
    findings.mailboxes = mailboxes.len() as u64;
    let strangers = addresses.into_iter().filter(|(address, _)| !domains.contains(address.domain())).map(|(_, key)| key);
    let levels = levels.into_iter().filter(|(name, _)| !names.contains_key(name)).map(|(_, key)| key);
    findings.wrong.extend(strangers.chain(levels).map(|key| (Defect::Orphan, key)));
    findings.wrong.extend(check_loans(names, loans));
    Ok(findings)
}

/// What no `association lend` makes. A loan in the book takes space from one association and gives it to another.
fn check_loans(
    mut associations: BTreeMap<Name, Box<Association>>,
    loans: Vec<(Lending, Private<String>)>,
) -> Vec<(Defect, Private<String>)> {
    for (loan, _) in loans.iter().filter(|(loan, _)| associations.contains_key(&loan.borrower)).collect::<Vec<_>>() {
        if let Some(lender) = associations.get_mut(&loan.lender) {
            lender.lent.push(Loan { with: loan.borrower.clone(), octets: loan.octets, until: loan.until });
        }
    }
    let overlent = |association: &Association| association.check_loans().is_err();
    let defect = |loan: &Lending| match (associations.get(&loan.lender), associations.get(&loan.borrower)) {
        (Some(lender), Some(_)) if loan.lender == loan.borrower || loan.octets == 0 || overlent(lender) => {
            Some(Defect::Contradiction)
        }
        (Some(_), Some(_)) => None,
        _ => Some(Defect::Orphan),
    };
    loans.into_iter().filter_map(|(loan, key)| Some((defect(&loan)?, key))).collect()
}
