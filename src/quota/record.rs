//! What the book's records look like in the store: JSON, made of the same types that the admins' commands show.
//!
//! ```text
//! association/NAME   the association's settings      alias/ADDRESS     where an alias leads
//! mailbox/ADDRESS    what is its own, if anything is imported          the config file's associations are in
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
use super::{Amount, Association, Day, Level, Name, Notified, Own, Settings};
use crate::private::{Address, Domain, Private, revealed};
use crate::store::{Change, Record, Schema, Step, StoreError};

/// The schema of these records. A change in their meaning is a new step here.
pub const SCHEMA: Schema =
    Schema(&[Step::Records(leaving), Step::Records(same), Step::Records(spellings), Step::Usage(apart), Step::Records(same)]);

/// Marks that the associations of the config file were taken over.
pub(super) const IMPORTED: &str = "imported";

/// A record, understood.
pub(super) enum Known {
    Association(Box<Association>),
    Alias(Address, BTreeSet<Address>),
    Mailbox(Address, Own),
    Usage(Address, Amount, Notified),
    Level(Name, Notified),
    /// The schema's version, or the mark of the import.
    Mark,
}

impl Known {
    /// Whether it has its place in the store's usage, and not among the records.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Known::Usage(..) | Known::Level(..))
    }
}

/// What is in a mailbox, and what its owner was told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct UsageRecord {
    octets: u64,
    messages: u64,
    level: u64,
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    leaving_until: Option<Day>,
}

/// What an association's contact was told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LevelRecord {
    level: u64,
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    leaving_until: Option<Day>,
}

/// Where an alias leads.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AliasRecord(#[serde(with = "revealed")] BTreeSet<Address>);

/// Understands a record; anything unknown is damage, for the schema's version vouches that there is none.
pub(super) fn read(record: &Record) -> Result<Known, StoreError> {
    parse(record.key.reveal(), record.value.reveal()).ok_or(StoreError::Damaged)
}

/// The changes that turn an association's records from `was` into `now`.
pub(super) fn difference(was: Option<&Association>, now: Option<&Association>) -> Vec<Change> {
    let (old, new) = (was.map(records).unwrap_or_default(), now.map(records).unwrap_or_default());
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| Change::remove(key.clone()));
    let written = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    gone.chain(written.map(|(key, value)| put(key.clone(), value))).collect()
}

/// Sets or removes what is a mailbox's own.
pub(super) fn mailbox(address: &Address, own: Own) -> Change {
    let key = format!("mailbox/{}", address.reveal());
    if own == Own::default() { Change::remove(key) } else { put(key, &json_of(&own)) }
}

/// Writes what is in a mailbox, and what its owner was told.
pub(super) fn usage(address: &Address, used: Amount, told: Notified) -> Record {
    let Amount { octets, messages } = rounded(used);
    let record = UsageRecord { octets, messages, level: told.level.percent(), leaving_until: told.leaving };
    kept(format!("usage/{}", address.reveal()), &json_of(&record))
}

/// Removes what is a mailbox's own.
pub(super) fn forget(address: &Address) -> Change {
    mailbox(address, Own::default())
}

/// Writes what an association's contact was told.
pub(super) fn level(name: &Name, told: Notified) -> Record {
    let record = LevelRecord { level: told.level.percent(), leaving_until: told.leaving };
    kept(format!("level/{}", name.reveal()), &json_of(&record))
}

/// Version 1 to 2: what an association's contact was told is no bare number any more, for there is more to tell.
fn leaving(records: &[Record]) -> Result<Vec<Change>, StoreError> {
    let levels = records.iter().filter(|record| record.key.reveal().starts_with("level/"));
    let widened = levels.map(|record| {
        let level: u64 = serde_json::from_slice(record.value.reveal()).map_err(|_| StoreError::Damaged)?;
        Ok(put(record.key.reveal().clone(), &json!({ "level": level })))
    });
    widened.collect()
}

/// Version 2 to 3: a mailbox may have a kind, and no limit of its own. Version 5 to 6: its limit may be a panel's. What was written
/// before means the same.
fn same(_: &[Record]) -> Result<Vec<Change>, StoreError> {
    Ok(Vec::new())
}

/// Version 3 to 4: a domain that can be written in two ways is one, and has one key. What an admin wrote to make the one lead to the
/// other has nothing to say any more. Of two records of one mailbox the one that stood under the key stays; it is counted anew.
fn spellings(records: &[Record]) -> Result<Vec<Change>, StoreError> {
    let there: BTreeSet<&str> = records.iter().map(|record| record.key.reveal().as_str()).collect();
    let mut changes = Vec::new();
    for record in records {
        let key = record.key.reveal();
        match key.split_once('/') {
            Some((kind @ ("alias" | "mailbox" | "usage"), name)) => {
                let address = Address::parse(name).ok_or(StoreError::Damaged)?;
                let new = format!("{kind}/{}", address.reveal());
                if new != *key {
                    changes.push(Change::remove(key.clone()));
                    if !there.contains(new.as_str()) {
                        changes.push(Change::put(new, record.value.reveal().clone()));
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
        Known::Association(_) | Known::Alias(..) | Known::Mailbox(..) | Known::Mark => None,
    });
    Ok(moved.collect())
}

/// Writes the mark of the import.
pub(super) fn imported() -> Change {
    put(IMPORTED.into(), &json!(true))
}

fn kept(key: String, value: &Value) -> Record {
    Record { key: Private::new(key), value: Private::new(value.to_string().into_bytes()) }
}

fn put(key: String, value: &Value) -> Change {
    Change::put(key, value.to_string().into_bytes())
}

// By way of a value, so that keys stand in the order of the alphabet, as they always did. No record has keys that are no texts.
fn json_of<T: Serialize>(record: &T) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}

// Aliases have keys of their own: an association can have thousands, and a value is bounded.
fn records(association: &Association) -> BTreeMap<String, Value> {
    let Association { name, settings, aliases } = association;
    let mut records = BTreeMap::new();
    records.insert(format!("association/{}", name.reveal()), json_of(settings));
    for (alias, targets) in aliases {
        records.insert(format!("alias/{}", alias.reveal()), json_of(&AliasRecord(targets.clone())));
    }
    records
}

fn parse(key: &str, value: &[u8]) -> Option<Known> {
    let Some((kind, name)) = key.split_once('/') else {
        let mark: Option<Value> = json_from(value);
        return mark.filter(|_| matches!(key, "schema" | IMPORTED)).map(|_| Known::Mark);
    };
    Some(match kind {
        "association" => {
            let (name, settings) = (Name::parse(name)?, json_from::<Settings>(value)?);
            Known::Association(Box::new(Association { name, settings, aliases: BTreeMap::new() }))
        }
        "alias" => Known::Alias(Address::parse(name)?, json_from::<AliasRecord>(value)?.0),
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
mod tests {
    use super::*;
    use crate::fault::Lang;
    use crate::quota::{Grant, Kind, Limit, SenderRule, SendingSwitch, State};

    fn record(key: &str, value: &[u8]) -> Record {
        Record { key: Private::new(key.into()), value: Private::new(value.into()) }
    }

    fn full() -> Association {
        let domain = |text| Domain::parse(text).unwrap();
        let address = |text| Address::parse(text).unwrap();
        let mut full = Association::new(Name::parse("Amis-2").unwrap(), [domain("a.example"), domain("é.example")]);
        full.domain_aliases.insert(domain("b.example"), domain("a.example"));
        full.storage = Limit::At(u64::MAX);
        full.mailboxes = Limit::At(0);
        full.state = State::LeavingUntil(Day::parse("2027-03-01").unwrap());
        full.contact = Some(address("\"x y\"@elsewhere.example"));
        full.lang = Lang::Fr;
        full.sender_rule = SenderRule::Domain;
        full.aliases.insert(address("info@a.example"), [address("bob@a.example"), address("info@a.example")].into());
        full.sending.association.recipients_per_day = Limit::At(7);
        full.backend = Some("Store 1".into());
        full.grants.push(Grant { octets: 5, until: Day::parse("2027-03-01").unwrap() });
        full
    }

    #[test]
    fn an_association_reads_as_it_was_written() {
        let mut read = None;
        let mut aliases = BTreeMap::new();
        for change in difference(None, Some(&full())) {
            let value = change.value.unwrap();
            match super::read(&record(change.key.reveal(), value.reveal())).unwrap() {
                Known::Association(association) => read = Some(association),
                Known::Alias(alias, targets) => drop(aliases.insert(alias, targets)),
                _ => panic!("another record"),
            }
        }
        let mut read = *read.unwrap();
        read.aliases = aliases;
        assert!(read == full());
        assert!(read.check().is_ok());
    }

    #[test]
    fn a_mailbox_reads_as_it_was_written_also_by_version_2() {
        let address = Address::parse("cron@a.example").unwrap();
        let usual = Own::default();
        for own in [
            Own { storage: Some(Limit::None), ..usual },
            Own { storage: Some(Limit::At(5)), kind: Kind::Machine, sending: SendingSwitch::Off, ..usual },
            Own { kind: Kind::Machine, ..usual },
            Own { sending: SendingSwitch::Off, ..usual },
        ] {
            let change = mailbox(&address, own);
            let known = super::read(&record("mailbox/cron@a.example", change.value.unwrap().reveal())).unwrap();
            assert!(matches!(known, Known::Mailbox(of, read) if of == address && read == own));
        }
        assert!(mailbox(&address, usual).value.is_none());
        let old = super::read(&record("mailbox/cron@a.example", br#"{"storage":5}"#)).unwrap();
        assert!(matches!(old, Known::Mailbox(_, own) if own == Own { storage: Some(Limit::At(5)), ..usual }));
        for damaged in [
            &br#"{"storage":"5"}"#[..],
            br#"{"kind":"robot"}"#,
            br#"{"kind":null}"#,
            br#"{"sending":"maybe"}"#,
            br#"{"sendin":"off"}"#,
        ] {
            assert!(super::read(&record("mailbox/cron@a.example", damaged)).is_err());
        }
    }

    /// Octet for octet what version 3 wrote; and nothing in it can be missing, or be there twice as wide.
    #[test]
    fn an_association_is_written_as_ever_and_each_key_is_needed() {
        let changes = difference(None, Some(&full()));
        let value = |key: &str| changes.iter().find(|change| change.key.reveal() == key).unwrap().value.clone().unwrap();
        let written = value("association/amis-2");
        let expected = concat!(
            r#"{"backend":"Store 1","contact":"\"x y\"@elsewhere.example","domain-aliases":{"b.example":"a.example"},"#,
            r#""domains":["a.example","é.example"],"grants":[{"octets":5,"until":"2027-03-01"}],"language":"fr","#,
            r#""mailbox-default":null,"mailboxes":0,"messages":null,"sender-rule":"domain","sending":{"#,
            r#""association":{"messages-per-day":null,"messages-per-hour":null,"recipients-per-day":7,"recipients-per-hour":null},"#,
            r#""mailbox":{"messages-per-day":null,"messages-per-hour":null,"recipients-per-day":null,"recipients-per-hour":null}},"#,
            r#""state":{"leaving-until":"2027-03-01"},"storage":18446744073709551615}"#
        );
        assert_eq!(std::str::from_utf8(written.reveal()).unwrap(), expected);
        assert_eq!(value("alias/info@a.example").reveal(), br#"["bob@a.example","info@a.example"]"#);
        let whole: Value = serde_json::from_str(expected).unwrap();
        let damaged = |value: &Value| super::read(&record("association/amis-2", value.to_string().as_bytes())).is_err();
        assert!(!damaged(&whole));
        for key in whole.as_object().unwrap().keys() {
            let mut without = whole.clone();
            let taken = without.as_object_mut().unwrap().remove(key).unwrap();
            assert!(damaged(&without), "{key} is missing");
            without[format!("{key}-2")] = taken;
            assert!(damaged(&without), "{key} has another name");
        }
        for key in ["association", "mailbox"] {
            let mut without = whole.clone();
            without["sending"][key].as_object_mut().unwrap().remove("messages-per-day");
            assert!(damaged(&without), "a limit of {key} is missing");
        }
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut now = full();
        assert!(difference(Some(&full()), Some(&now)).is_empty());
        now.aliases.clear();
        let changes = difference(Some(&full()), Some(&now));
        assert!(changes.len() == 1 && changes[0].key.reveal() == "alias/info@a.example" && changes[0].value.is_none());
    }

    #[test]
    fn what_was_told_reads_as_it_was_written_also_by_version_1() {
        let name = Name::parse("velo").unwrap();
        let (high, day) = (Level::High, Day::parse("2027-03-01"));
        for was_told in
            [Notified::default(), Notified { level: high, leaving: None }, Notified { level: Level::Full, leaving: day }]
        {
            let known = super::read(&level(&name, was_told));
            assert!(matches!(known, Ok(Known::Level(_, told)) if told == was_told));
        }
        let old = [record("level/velo", b"80"), record("usage/a@velo.example", b"{}")];
        let changes = leaving(&old).unwrap();
        assert!(changes.len() == 1 && changes[0].key.reveal() == "level/velo");
        let known = super::read(&record("level/velo", changes[0].value.as_ref().unwrap().reveal()));
        assert!(matches!(known, Ok(Known::Level(_, Notified { level: Level::High, leaving: None }))));
        let usage = record("usage/a@velo.example", br#"{"octets":1,"messages":1,"level":95}"#);
        assert!(matches!(super::read(&usage), Ok(Known::Usage(_, _, Notified { level: Level::Full, leaving: None }))));
    }

    /// How it was written stays; and what version 3 kept apart is one.
    #[test]
    fn two_spellings_of_a_domain_are_one_record() {
        let domain = |text| Domain::parse(text).unwrap();
        let mut full = Association::new(Name::parse("velo").unwrap(), [domain("vélo.example")]);
        full.domain_aliases.insert(domain("roue.example"), domain("xn--vlo-bma.example"));
        let written = difference(None, Some(&full));
        let value = written[0].value.as_ref().unwrap().reveal();
        let Ok(Known::Association(read)) = super::read(&record("association/velo", value)) else { panic!("not read") };
        assert!(*read == full && read.check().is_ok());
        assert_eq!(read.domains.first().unwrap().reveal_written(), "vélo.example");

        let text = String::from_utf8(value.to_vec()).unwrap();
        let aliased = text.replace("\"domain-aliases\":{", "\"domain-aliases\":{\"xn--vlo-bma.example\":\"vélo.example\",");
        let old = [
            record("association/velo", aliased.as_bytes()),
            record("usage/zed@vélo.example", b"{\"octets\":1}"),
            record("mailbox/zed@vélo.example", b"{\"storage\":5}"),
            record("mailbox/zed@xn--vlo-bma.example", b"{\"storage\":6}"),
            record("alias/info@asso.example", b"[]"),
        ];
        let changes: Vec<_> = spellings(&old).unwrap().into_iter().collect();
        let told: Vec<_> = changes.iter().map(|change| (change.key.reveal().as_str(), change.value.is_some())).collect();
        let expected = [
            ("association/velo", true),
            ("usage/zed@vélo.example", false),
            ("usage/zed@xn--vlo-bma.example", true),
            ("mailbox/zed@vélo.example", false),
        ];
        assert_eq!(told, expected);
        let healed = changes[0].value.as_ref().unwrap().reveal();
        assert!(matches!(super::read(&record("association/velo", healed)), Ok(Known::Association(healed)) if *healed == full));
    }

    #[test]
    fn damage_is_seen() {
        for (key, value) in [
            ("usage/a@b.example", "{}"),
            ("usage/a", r#"{"octets":1,"messages":1,"level":0}"#),
            ("usage/a@b.example", r#"{"octets":1,"messages":1,"level":0,"leaving-until":7}"#),
            ("mailbox/a@b.example", r#"{"storage":-1}"#),
            ("association/x", r#"{"domains":[]}"#),
            ("other/x", "1"),
            ("schema", "x"),
        ] {
            assert!(read(&record(key, value.as_bytes())).err() == Some(StoreError::Damaged), "{key}");
        }
    }
}
