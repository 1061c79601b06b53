//! What the book's records look like in the store: JSON, written and read by hand, because the personal types cannot do it.
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
//! Every `reveal()` of the book's durable side is in this file. There is no time in any record. In keys, domains are in ASCII; an
//! association's own stand in its record as the admin wrote them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Amount, Association, Day, Grant, Kind, Level, Limit, Name, Notified, Rates, SenderRule, SendingLimits, State};
use crate::fault::Lang;
use crate::private::{Address, Domain, Private};
use crate::store::{Change, Record, Schema, Step, StoreError};

/// The schema of these records. A change in their meaning is a new step here.
pub const SCHEMA: Schema = Schema(&[Step::Records(leaving), Step::Records(kinds), Step::Records(spellings), Step::Usage(apart)]);

/// Marks that the associations of the config file were taken over.
pub(super) const IMPORTED: &str = "imported";

/// A record, understood.
pub(super) enum Known {
    Association(Box<Association>),
    Alias(Address, BTreeSet<Address>),
    /// Its own limit, if it has one, and who writes with it.
    Mailbox(Address, Option<Limit>, Kind),
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

/// Understands a record; anything unknown is damage, for the schema's version vouches that there is none.
pub(super) fn read(record: &Record) -> Result<Known, StoreError> {
    parse(record.key.reveal(), record.value.reveal()).ok_or(StoreError::Damaged)
}

/// The changes that turn an association's records from `was` into `now`.
pub(super) fn difference(was: Option<&Association>, now: Option<&Association>) -> Vec<Change> {
    let (old, new) = (was.map(records).unwrap_or_default(), now.map(records).unwrap_or_default());
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| Change::remove(key.clone()));
    let written = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    gone.chain(written.map(|(key, value)| Change::put(key.clone(), value.to_string().into_bytes()))).collect()
}

/// Sets or removes what is a mailbox's own.
pub(super) fn mailbox(address: &Address, own: Option<Limit>, kind: Kind) -> Change {
    let key = format!("mailbox/{}", address.reveal());
    let machine = (kind == Kind::Machine).then(|| ("kind", json!("machine")));
    let fields = own.map(|limit| ("storage", limit_value(limit))).into_iter().chain(machine);
    let fields: Map<_, _> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
    if fields.is_empty() { Change::remove(key) } else { put(key, &Value::Object(fields)) }
}

/// Writes what is in a mailbox, and what its owner was told.
pub(super) fn usage(address: &Address, used: Amount, told: Notified) -> Record {
    let (mut value, used) = (told_value(told), used.coarse());
    value["octets"] = json!(used.octets);
    value["messages"] = json!(used.messages);
    kept(format!("usage/{}", address.reveal()), &value)
}

/// Removes what is a mailbox's own.
pub(super) fn forget(address: &Address) -> Change {
    mailbox(address, None, Kind::Person)
}

/// Writes what an association's contact was told.
pub(super) fn level(name: &Name, told: Notified) -> Record {
    kept(format!("level/{}", name.reveal()), &told_value(told))
}

fn told_value(told: Notified) -> Value {
    match told.leaving {
        None => json!({ "level": told.level.percent() }),
        Some(day) => json!({ "level": told.level.percent(), "leaving-until": day.print() }),
    }
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

/// Version 2 to 3: a mailbox may have a kind, and no limit of its own. What was written before means the same.
fn kinds(_: &[Record]) -> Result<Vec<Change>, StoreError> {
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
                aliases.retain(|alias, to| Domain::parse(alias).is_none() || Domain::parse(alias) != domain(to));
                if aliases.len() < before {
                    changes.push(put(key.clone(), &value));
                }
            }
            _ => {}
        }
    }
    Ok(changes)
}

/// Version 4 to 5: usage and what was told have a file of their own, rounded.
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

/// An association's settings as they stand in the store, for `--json` and exports of the admin.
pub fn association_json(association: &Association) -> Value {
    json!({ "name": association.name.reveal(), "settings": settings(association), "aliases": alias_lists(association) })
}

fn alias_lists(association: &Association) -> Value {
    let list = |targets: &BTreeSet<Address>| targets.iter().map(|target| json!(target.reveal())).collect::<Vec<_>>();
    let lists = association.aliases.iter().map(|(alias, targets)| (alias.reveal(), json!(list(targets))));
    Value::Object(lists.collect())
}

fn kept(key: String, value: &Value) -> Record {
    Record { key: Private::new(key), value: Private::new(value.to_string().into_bytes()) }
}

fn put(key: String, value: &Value) -> Change {
    Change::put(key, value.to_string().into_bytes())
}

// Aliases have keys of their own: an association can have thousands, and a value is bounded.
fn records(association: &Association) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    records.insert(format!("association/{}", association.name.reveal()), settings(association));
    for (alias, targets) in &association.aliases {
        let targets: Vec<_> = targets.iter().map(Address::reveal).collect();
        records.insert(format!("alias/{}", alias.reveal()), json!(targets));
    }
    records
}

fn settings(association: &Association) -> Value {
    let domains: Vec<_> = association.domains.iter().map(Domain::reveal_written).collect();
    let aliases = association.domain_aliases.iter();
    let aliases: Map<_, _> =
        aliases.map(|(alias, domain)| (alias.reveal_written().to_owned(), json!(domain.reveal_written()))).collect();
    let grants = association.grants.iter();
    let grants: Vec<_> = grants.map(|grant| json!({ "octets": grant.octets, "until": grant.until.print() })).collect();
    json!({
        "domains": domains,
        "domain-aliases": aliases,
        "storage": limit_value(association.storage),
        "messages": limit_value(association.messages),
        "mailboxes": limit_value(association.mailboxes),
        "mailbox-default": limit_value(association.mailbox_default),
        "state": match association.state {
            State::Active => json!("active"),
            State::ReadOnly => json!("read-only"),
            State::Suspended => json!("suspended"),
            State::LeavingUntil(day) => json!({ "leaving-until": day.print() }),
        },
        "contact": association.contact.as_ref().map(Address::reveal),
        "language": match association.lang { Lang::En => "en", Lang::Fr => "fr" },
        "sender-rule": match association.sender_rule { SenderRule::Mailbox => "mailbox", SenderRule::Domain => "domain" },
        "sending": {
            "mailbox": rates_value(association.sending.mailbox),
            "association": rates_value(association.sending.association),
        },
        "backend": association.backend.as_deref(),
        "grants": grants,
    })
}

fn limit_value(limit: Limit) -> Value {
    match limit {
        Limit::None => Value::Null,
        Limit::At(most) => json!(most),
    }
}

fn rates_value(rates: Rates) -> Value {
    json!({
        "messages-per-hour": limit_value(rates.messages_per_hour),
        "messages-per-day": limit_value(rates.messages_per_day),
        "recipients-per-hour": limit_value(rates.recipients_per_hour),
        "recipients-per-day": limit_value(rates.recipients_per_day),
    })
}

fn parse(key: &str, value: &[u8]) -> Option<Known> {
    let value: Value = serde_json::from_slice(value).ok()?;
    let Some((kind, name)) = key.split_once('/') else {
        return matches!(key, "schema" | IMPORTED).then_some(Known::Mark);
    };
    Some(match kind {
        "association" => Known::Association(Box::new(association(Name::parse(name)?, &value)?)),
        "alias" => {
            let targets = value.as_array()?.iter().map(address).collect::<Option<_>>()?;
            Known::Alias(Address::parse(name)?, targets)
        }
        "mailbox" => {
            let own = value.get("storage").map(|storage| limit(storage).ok_or(())).transpose().ok()?;
            Known::Mailbox(Address::parse(name)?, own, written_by(value.get("kind"))?)
        }
        "usage" => {
            let used = Amount { octets: value.get("octets")?.as_u64()?, messages: value.get("messages")?.as_u64()? };
            Known::Usage(Address::parse(name)?, used, told(&value)?)
        }
        "level" => Known::Level(Name::parse(name)?, told(&value)?),
        _ => return None,
    })
}

fn written_by(value: Option<&Value>) -> Option<Kind> {
    match value {
        None => Some(Kind::Person),
        Some(word) => (word == "machine").then_some(Kind::Machine),
    }
}

fn told(value: &Value) -> Option<Notified> {
    let level = Level::from_percent(value.get("level")?.as_u64()?);
    let leaving = value.get("leaving-until").map(|day| Day::parse(day.as_str()?));
    match leaving {
        None => Some(Notified { level, leaving: None }),
        Some(day) => Some(Notified { level, leaving: Some(day?) }),
    }
}

fn association(name: Name, value: &Value) -> Option<Association> {
    let domains = value.get("domains")?.as_array()?.iter().map(domain).collect::<Option<Vec<_>>>()?;
    let mut read = Association::new(name, domains);
    let aliases = value.get("domain-aliases")?.as_object()?.iter();
    read.domain_aliases = aliases.map(|(alias, to)| Some((Domain::parse(alias)?, domain(to)?))).collect::<Option<_>>()?;
    read.storage = limit(value.get("storage")?)?;
    read.messages = limit(value.get("messages")?)?;
    read.mailboxes = limit(value.get("mailboxes")?)?;
    read.mailbox_default = limit(value.get("mailbox-default")?)?;
    read.state = state(value.get("state")?)?;
    read.contact = optional(value.get("contact")?, address)?;
    read.lang = match value.get("language")?.as_str()? {
        "en" => Lang::En,
        "fr" => Lang::Fr,
        _ => return None,
    };
    read.sender_rule = match value.get("sender-rule")?.as_str()? {
        "mailbox" => SenderRule::Mailbox,
        "domain" => SenderRule::Domain,
        _ => return None,
    };
    let sending = value.get("sending")?;
    read.sending = SendingLimits { mailbox: rates(sending.get("mailbox")?)?, association: rates(sending.get("association")?)? };
    read.backend = optional(value.get("backend")?, |name| Some(name.as_str()?.into()))?;
    read.grants = value.get("grants")?.as_array()?.iter().map(grant).collect::<Option<_>>()?;
    Some(read)
}

fn state(value: &Value) -> Option<State> {
    Some(match value.as_str() {
        Some("active") => State::Active,
        Some("read-only") => State::ReadOnly,
        Some("suspended") => State::Suspended,
        Some(_) => return None,
        None => State::LeavingUntil(Day::parse(value.get("leaving-until")?.as_str()?)?),
    })
}

fn grant(value: &Value) -> Option<Grant> {
    Some(Grant { octets: value.get("octets")?.as_u64()?, until: Day::parse(value.get("until")?.as_str()?)? })
}

fn rates(value: &Value) -> Option<Rates> {
    Some(Rates {
        messages_per_hour: limit(value.get("messages-per-hour")?)?,
        messages_per_day: limit(value.get("messages-per-day")?)?,
        recipients_per_hour: limit(value.get("recipients-per-hour")?)?,
        recipients_per_day: limit(value.get("recipients-per-day")?)?,
    })
}

fn limit(value: &Value) -> Option<Limit> {
    if value.is_null() { Some(Limit::None) } else { value.as_u64().map(Limit::At) }
}

fn address(value: &Value) -> Option<Address> {
    Address::parse(value.as_str()?)
}

fn domain(value: &Value) -> Option<Domain> {
    Domain::parse(value.as_str()?)
}

/// `null`, or what `read` makes of it.
fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (own, kind) in [(Some(Limit::None), Kind::Person), (Some(Limit::At(5)), Kind::Machine), (None, Kind::Machine)] {
            let change = mailbox(&address, own, kind);
            let known = super::read(&record("mailbox/cron@a.example", change.value.unwrap().reveal())).unwrap();
            assert!(matches!(known, Known::Mailbox(of, read, what) if of == address && read == own && what == kind));
        }
        assert!(mailbox(&address, None, Kind::Person).value.is_none());
        let old = super::read(&record("mailbox/cron@a.example", br#"{"storage":5}"#)).unwrap();
        assert!(matches!(old, Known::Mailbox(_, Some(Limit::At(5)), Kind::Person)));
        for damaged in [&br#"{"storage":"5"}"#[..], br#"{"kind":"robot"}"#, br#"{"kind":null}"#] {
            assert!(super::read(&record("mailbox/cron@a.example", damaged)).is_err());
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
