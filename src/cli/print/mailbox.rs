//! Mailboxes: the list, one of them, and all that is held about it.

use serde_json::Value;

use super::{Row, fill, items, number, rows, size_limit, table, text, texts};

/// `mailbox list`.
pub(super) fn list(value: &Value) -> String {
    let mut lines = vec![["ADDRESS", "ASSOCIATION", "MESSAGES", "STORAGE"].map(str::to_owned).to_vec()];
    lines.extend(items(&value["mailboxes"]).map(|mailbox| {
        let association = text(mailbox, "association").to_owned();
        vec![text(mailbox, "address").into(), association, number(mailbox, "messages").to_string(), storage(mailbox)]
    }));
    match lines.len() {
        1 => "The book knows no mailbox there yet: each comes in at its first login, first message or `mailbox set`.\n".into(),
        _ => table(&lines),
    }
}

fn storage(mailbox: &Value) -> String {
    let own = if mailbox["own-limit"] == true { " (own limit)" } else { "" };
    let old = if mailbox["counted"] == true { "" } else { " (to be counted again)" };
    format!("{}{own}{old}", fill(number(mailbox, "octets"), mailbox["storage"].as_u64()))
}

/// A mailbox's settings, always the same rows.
pub(super) fn settings(mailbox: &Value) -> Vec<Row> {
    let origin = if mailbox["own-limit"] == true { "own limit" } else { "the association's default" };
    vec![
        ("association", text(mailbox, "association").into()),
        ("storage", format!("{} ({origin})", size_limit(&mailbox["storage"]))),
        ("written with by", if mailbox["kind"] == "machine" { "a machine" } else { "a person" }.into()),
    ]
}

/// `mailbox refresh`.
pub(super) fn refresh(value: &Value) -> String {
    let mailbox = &value["mailbox"];
    format!(
        "{}: will be counted anew at its next login.\n\
         The daemon has no password for it and cannot ask the mail server by itself. Until then its last count holds: {}.\n",
        text(mailbox, "address"),
        fill(number(mailbox, "octets"), mailbox["storage"].as_u64())
    )
}

/// `mailbox kick`.
pub(super) fn kick(value: &Value) -> String {
    let sessions = match number(value, "sessions") {
        1 => "1 session was".to_owned(),
        sessions => format!("{sessions} sessions were"),
    };
    format!("{}: {sessions} told to end.\n", text(value, "address"))
}

/// `disclose`.
pub(super) fn disclosure(value: &Value) -> String {
    let mailbox = &value["mailbox"];
    let mut held: Vec<Row> = Vec::new();
    if mailbox.is_object() {
        held.extend(settings(mailbox));
        held.push(("in use", fill(number(mailbox, "octets"), mailbox["storage"].as_u64())));
        held.push(("messages", number(mailbox, "messages").to_string()));
        held.push(("being stored", format!("{} octets", number(&mailbox["reserved"], "octets"))));
        let counted = if mailbox["counted"] == true { "yes" } else { "no" };
        held.push(("counted, and sure", counted.into()));
    }
    let level = match number(value, "notice-told") {
        0 => "none".into(),
        percent => format!("at {percent} %"),
    };
    held.push(("last notice", level));
    if number(value, "notice-level") > number(value, "notice-told") {
        held.push(("notice that waits", format!("at {} %", number(value, "notice-level"))));
    }
    if let Some(day) = value["leaving-told"].as_str() {
        held.push(("told of leaving on", day.into()));
    }
    held.push(("aliases", list_or_none(&value["aliases"])));
    held.push(("contact of", list_or_none(&value["contact-of"])));
    let sending = &value["sending"];
    if sending.is_object() {
        for (label, key) in [
            ("sent, that count this hour", "messages-per-hour"),
            ("sent, that count this day", "messages-per-day"),
            ("recipients, this hour", "recipients-per-hour"),
            ("recipients, this day", "recipients-per-day"),
        ] {
            held.push((label, number(sending, key).to_string()));
        }
    }
    let tries = &value["tries"];
    held.push(("good logins", format!("of {} networks within 30 h, as keyed hashes in memory", number(tries, "known-networks"))));
    if tries["slowed"] == true {
        held.push(("wrong passwords", "so many that strangers are refused for now (`blocks`)".into()));
    }
    let incident = &value["incident"];
    if incident.is_object() {
        let (kept, left) = (number(incident, "kept"), number(incident, "minutes-left"));
        held.push(("incident mode", format!("on, {kept} steps; ends within {left} min (`incident show`)")));
    }
    let head = "this is all that nologd holds. It does not know when, from where or with whom mail was exchanged.";
    format!("{}: {head}\n{}", text(value, "address"), rows(&held))
}

fn list_or_none(value: &Value) -> String {
    let list = texts(value);
    if list.is_empty() { "none".into() } else { list }
}
