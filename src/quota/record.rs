//! What the book's records look like in the store: JSON, made of the same types that the admins' commands show.
//!
//! ```text
//! association/NAME   the association's settings      alias/ADDRESS     where an alias leads
//! mailbox/ADDRESS    what is its own, if anything is imported          the config file's associations are in
//! loan/NAME/NAME/DAY what the first lends to the second
//!
//! usage/ADDRESS      what is in it, rounded up       level/NAME        what its contact was told last
//! ```
//!
//! The last two are the store's usage, which is written behind.
//!
//! A key that is missing or not known is damage: an older daemon would misread it, and the schema's version keeps that one away. A field
//! that is added to [`Settings`] needs a step, or a `#[serde(default)]` that says what its absence meant. There is no time in any record.
//! In keys, domains are in ASCII; an association's own stand in its record as the admin wrote them.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rounding::rounded;
use super::{Amount, Association, Day, Lending, Level, Name, Notified, Own, Settings};
use crate::private::{Address, Domain, Private, revealed};
use crate::store::{AS_SHARED, Migration, Record, RecordChange, Schema, StoreError};

/// The schema of these records. A change in their meaning is a new step here.
pub const SCHEMA: Schema = Schema(&[
    Migration::Records(leaving),
    Migration::Records(same),
    Migration::Records(spellings),
    Migration::Usage(apart),
    Migration::Records(same),
    Migration::Records(same),
    Migration::Records(same),
    Migration::Records(same),
]);

/// Marks that the associations of the config file were taken over.
pub(super) const IMPORTED: &str = "imported";

/// A record, understood.
pub(super) enum Known {
    Association(Box<Association>),
    Alias(Address, BTreeSet<Address>),
    Mailbox(Address, Own),
    Loan(Lending),
    Usage(Address, Amount, Notified),
    Level(Name, Notified),
    /// The schema's version, the mark of the import, or that of what all nodes had.
    Mark,
}

impl Known {
    /// Whether it has its place in the store's usage, and not among the records.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Known::Usage(..) | Known::Level(..))
    }
}

/// What is in a mailbox, and what its owner was told. In the order of the alphabet, as all records are: of these there may be a million, and
/// they are written without the way by [`json_of`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct UsageRecord {
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    leaving_until: Option<Day>,
    level: u64,
    messages: u64,
    octets: u64,
}

/// What an association's contact was told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LevelRecord {
    level: u64,
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    leaving_until: Option<Day>,
}

/// How much is lent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoanRecord {
    octets: u64,
}

/// Where an alias leads.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AliasRecord(#[serde(with = "revealed")] BTreeSet<Address>);

/// Understands a record; anything unknown is damage, for the schema's version vouches that there is none.
pub(super) fn read(record: &Record) -> Result<Known, StoreError> {
    parse(record.key.reveal(), record.value.reveal()).ok_or(StoreError::Damaged)
}

/// The same of its key and its value; none for damage.
pub(super) fn read_parts(key: &str, value: &[u8]) -> Option<Known> {
    parse(key, value)
}

/// The changes that turn an association's records from `was` into `now`.
pub(super) fn difference(was: Option<&Association>, now: Option<&Association>) -> Vec<RecordChange> {
    let (old, new) = (was.map(records).unwrap_or_default(), now.map(records).unwrap_or_default());
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| RecordChange::remove(key.clone()));
    let written = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    gone.chain(written.map(|(key, value)| put(key.clone(), value))).collect()
}

/// Sets or removes what is a mailbox's own.
pub(super) fn mailbox(address: &Address, own: &Own) -> RecordChange {
    let key = format!("mailbox/{}", address.reveal());
    if *own == Own::default() { RecordChange::remove(key) } else { put(key, &json_of(own)) }
}

/// Writes what is in a mailbox, and what its owner was told.
pub(super) fn usage(address: &Address, used: Amount, told: Notified) -> Record {
    let Amount { octets, messages } = rounded(used);
    let record = UsageRecord { octets, messages, level: told.level.percent(), leaving_until: told.leaving };
    // Numbers alone: this can always be written.
    let value = serde_json::to_vec(&record).unwrap_or_default();
    Record { key: Private::new(format!("usage/{}", address.reveal())), value: Private::new(value) }
}

/// Removes what is a mailbox's own.
pub(super) fn forget(address: &Address) -> RecordChange {
    mailbox(address, &Own::default())
}

/// Writes what an association's contact was told.
pub(super) fn level(name: &Name, told: Notified) -> Record {
    let record = LevelRecord { level: told.level.percent(), leaving_until: told.leaving };
    kept(format!("level/{}", name.reveal()), &json_of(&record))
}

/// Version 1 to 2: what an association's contact was told is no bare number any more, for there is more to tell.
fn leaving(records: &[Record]) -> Result<Vec<RecordChange>, StoreError> {
    let levels = records.iter().filter(|record| record.key.reveal().starts_with("level/"));
    let widened = levels.map(|record| {
        let level: u64 = serde_json::from_slice(record.value.reveal()).map_err(|_| StoreError::Damaged)?;
        Ok(put(record.key.reveal().clone(), &json!({ "level": level })))
    });
    widened.collect()
}

/// Version 2 to 3: a mailbox may have a kind, and no limit of its own. Version 5 to 6: its limit may be a panel's. Version 6 to
/// 7: its notices may have a language, and there may be loans. Version 7 to 8: it may be at another backend than its association. Version 8 to 9:
/// the records may be marked as those of all nodes ([`crate::store::AsShared`]), and whoever changes them alone has to know it. What was written before means the same.
fn same(_: &[Record]) -> Result<Vec<RecordChange>, StoreError> {
    Ok(Vec::new())
}

/// Version 3 to 4: a domain that can be written in two ways is one, and has one key. What an admin wrote to make the one lead to the
/// other has nothing to say any more. Of two records of one mailbox the one that stood under the key stays; it is counted anew.
fn spellings(records: &[Record]) -> Result<Vec<RecordChange>, StoreError> {
    let there: BTreeSet<&str> = records.iter().map(|record| record.key.reveal().as_str()).collect();
    let mut changes = Vec::new();
    for record in records {
        let key = record.key.reveal();
        match key.split_once('/') {
            Some((kind @ ("alias" | "mailbox" | "usage"), name)) => {
                let address = Address::parse(name).ok_or(StoreError::Damaged)?;
                let new = format!("{kind}/{}", address.reveal());
                if new != *key {
                    changes.push(RecordChange::remove(key.clone()));
                    if !there.contains(new.as_str()) {
                        changes.push(RecordChange::put(new, record.value.reveal().clone()));
                    }
                }
            }
            Some(("association", _)) => {
                let mut value: Value = serde_json::from_slice(record.value.reveal()).map_err(|_| StoreError::Damaged)?;
                let aliases = value.get_mut("domain-aliases").and_then(Value::as_object_mut).ok_or(StoreError::Damaged)?;
                let before = aliases.len();
                aliases.retain(|alias, to| {
                    Domain::parse(alias).is_none() || Domain::parse(alias) != to.as_str().and_then(Domain::parse)
                });
                if aliases.len() < before {
                    changes.push(put(key.clone(), &value));
                }
            }
            _ => {}
        }
    }
    Ok(changes)
}

/// Version 4 to 5: usage and what was told have a file of their own, rounded. A mailbox may be kept from sending, too.
fn apart(records: &[Record]) -> Result<Vec<Record>, StoreError> {
    let known = records.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let moved = known.into_iter().filter_map(|known| match known {
        Known::Usage(address, used, told) => Some(usage(&address, used, told)),
        Known::Level(name, told) => Some(level(&name, told)),
        Known::Association(_) | Known::Alias(..) | Known::Mailbox(..) | Known::Loan(_) | Known::Mark => None,
    });
    Ok(moved.collect())
}

/// Writes the mark of the import.
pub(super) fn imported() -> RecordChange {
    put(IMPORTED.into(), &json!(true))
}

fn kept(key: String, value: &Value) -> Record {
    Record { key: Private::new(key), value: Private::new(value.to_string().into_bytes()) }
}

fn put(key: String, value: &Value) -> RecordChange {
    RecordChange::put(key, value.to_string().into_bytes())
}

// By way of a value, so that keys stand in the order of the alphabet, as they always did. No record has keys that are no texts.
fn json_of<T: Serialize>(record: &T) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}

// Aliases have keys of their own: an association can have thousands, and a value is bounded.
fn records(association: &Association) -> BTreeMap<String, Value> {
    // What it borrowed stands in the lender's record.
    let Association { name, settings, aliases, lent, borrowed: _ } = association;
    let mut records = BTreeMap::new();
    records.insert(format!("association/{}", name.reveal()), json_of(settings));
    for (alias, targets) in aliases {
        records.insert(format!("alias/{}", alias.reveal()), json_of(&AliasRecord(targets.clone())));
    }
    for loan in lent {
        let key = format!("loan/{}/{}/{}", name.reveal(), loan.with.reveal(), loan.until.print());
        records.insert(key, json_of(&LoanRecord { octets: loan.octets }));
    }
    records
}

fn parse(key: &str, value: &[u8]) -> Option<Known> {
    let Some((kind, name)) = key.split_once('/') else {
        let mark: Option<Value> = json_from(value);
        return mark.filter(|_| matches!(key, "schema" | IMPORTED | AS_SHARED)).map(|_| Known::Mark);
    };
    Some(match kind {
        "association" => {
            let (name, settings) = (Name::parse(name)?, json_from::<Settings>(value)?);
            Known::Association(Box::new(Association { settings, ..Association::new(name, []) }))
        }
        "alias" => Known::Alias(Address::parse(name)?, json_from::<AliasRecord>(value)?.0),
        "loan" => {
            let (lender, rest) = name.split_once('/')?;
            let (borrower, until) = rest.split_once('/')?;
            let (lender, borrower) = (Name::parse(lender)?, Name::parse(borrower)?);
            let LoanRecord { octets } = json_from(value)?;
            Known::Loan(Lending { lender, borrower, octets, until: Day::parse(until)? })
        }
        "mailbox" => Known::Mailbox(Address::parse(name)?, json_from(value)?),
        "usage" => {
            let UsageRecord { octets, messages, level, leaving_until } = json_from(value)?;
            Known::Usage(Address::parse(name)?, Amount { octets, messages }, told(level, leaving_until))
        }
        "level" => {
            let LevelRecord { level, leaving_until } = json_from(value)?;
            Known::Level(Name::parse(name)?, told(level, leaving_until))
        }
        _ => return None,
    })
}

fn json_from<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

fn told(level: u64, leaving: Option<Day>) -> Notified {
    Notified { level: Level::from_percent(level), leaving }
}

#[cfg(test)]
mod tests;
