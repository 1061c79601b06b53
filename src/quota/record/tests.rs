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
        Own { storage: Some(Limit::None), ..usual.clone() },
        Own { storage: Some(Limit::At(5)), kind: Kind::Machine, sending: SendingSwitch::Off, ..usual.clone() },
        Own { kind: Kind::Machine, ..usual.clone() },
        Own { sending: SendingSwitch::Off, ..usual.clone() },
        Own { lang: Some(Lang::Fr), ..usual.clone() },
    ] {
        let change = mailbox(&address, &own);
        let known = super::read(&record("mailbox/cron@a.example", change.value.unwrap().reveal())).unwrap();
        assert!(matches!(known, Known::Mailbox(of, read) if of == address && read == own));
    }
    assert!(mailbox(&address, &usual).value.is_none());
    let old = super::read(&record("mailbox/cron@a.example", br#"{"storage":5}"#)).unwrap();
    assert!(matches!(old, Known::Mailbox(_, own) if own == Own { storage: Some(Limit::At(5)), ..usual.clone() }));
    for damaged in [
        &br#"{"storage":"5"}"#[..],
        br#"{"kind":"robot"}"#,
        br#"{"kind":null}"#,
        br#"{"sending":"maybe"}"#,
        br#"{"sendin":"off"}"#,
        br#"{"language":"default"}"#,
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
    for was_told in [Notified::default(), Notified { level: high, leaving: None }, Notified { level: Level::Full, leaving: day }]
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
