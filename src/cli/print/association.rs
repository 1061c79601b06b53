//! Associations: the list, one of them, and its settings as rows.

use serde_json::Value;

use super::{Row, count, fill, items, number, number_limit, rows, size_limit, table, text, texts};
use crate::quota::print_size;

/// `association list`.
pub(super) fn list(value: &Value) -> String {
    let mut lines = vec![["NAME", "STATE", "MAILBOXES", "STORAGE"].map(str::to_owned).to_vec()];
    lines.extend(items(&value["associations"]).map(|association| {
        let fill = &association["fill"];
        let mailboxes = count(number(fill, "mailboxes"), association["settings"]["mailboxes"].as_u64());
        vec![text(association, "name").into(), state(&association["settings"]["state"]), mailboxes, storage(fill)]
    }));
    if lines.len() == 1 { "There is no association yet. `nologd association add` makes one.\n".into() } else { table(&lines) }
}

/// `association show`.
pub(super) fn show(value: &Value) -> String {
    let association = &value["association"];
    let (fill, settings) = (&association["fill"], &association["settings"]);
    let used: [Row; 3] = [
        ("space in use", storage(fill)),
        ("messages in use", count(number(fill, "messages"), settings["messages"].as_u64())),
        ("mailboxes in use", count(number(fill, "mailboxes"), settings["mailboxes"].as_u64())),
    ];
    let all: Vec<_> = used.into_iter().chain(self::settings(association)).collect();
    format!("{}\n{}", text(association, "name"), rows(&all))
}

/// The space in use.
pub(super) fn storage(fill_now: &Value) -> String {
    fill(number(fill_now, "octets"), fill_now["storage"].as_u64())
}

/// A state, in the words of `--state`.
pub(super) fn state(value: &Value) -> String {
    match value["leaving-until"].as_str() {
        Some(day) => format!("leaving, until {day}"),
        None => value.as_str().unwrap_or_default().into(),
    }
}

/// All settings, one row each, always the same rows: so that two of these can be compared.
pub(super) fn settings(association: &Value) -> Vec<Row> {
    let settings = &association["settings"];
    let pairs = |value: &Value| -> String {
        let pairs = value.as_object().into_iter().flatten();
        let leads = |to: &Value| to.as_str().map_or_else(|| texts(to), str::to_owned);
        pairs.map(|(from, to)| format!("{from} -> {}", leads(to))).collect::<Vec<_>>().join("; ")
    };
    let grants = items(&settings["grants"])
        .map(|grant| format!("{} until {}", print_size(number(grant, "octets")), text(grant, "until")))
        .collect::<Vec<_>>()
        .join("; ");
    let mut all = vec![
        ("state", state(&settings["state"])),
        ("domains", texts(&settings["domains"])),
        ("alias domains", or_none(pairs(&settings["domain-aliases"]))),
        ("aliases", or_none(pairs(&association["aliases"]))),
        ("storage", size_limit(&settings["storage"])),
        ("extra storage", or_none(grants)),
        ("messages", number_limit(&settings["messages"])),
        ("mailboxes", number_limit(&settings["mailboxes"])),
        ("mailbox default", size_limit(&settings["mailbox-default"])),
        ("contact", settings["contact"].as_str().unwrap_or("none").into()),
        ("language", text(settings, "language").into()),
        ("senders", text(settings, "sender-rule").into()),
        ("backend", settings["backend"].as_str().unwrap_or("the default one").into()),
    ];
    all.push(("all may send", rates(&settings["sending"]["association"])));
    all.push(("each mailbox may send", rates(&settings["sending"]["mailbox"])));
    all
}

/// Sending limits in one line.
fn rates(rates: &Value) -> String {
    let limits = [
        ("messages-per-hour", "messages an hour"),
        ("messages-per-day", "messages a day"),
        ("recipients-per-hour", "recipients an hour"),
        ("recipients-per-day", "recipients a day"),
    ];
    let set = limits.into_iter().filter_map(|(key, words)| Some(format!("{} {words}", rates[key].as_u64()?)));
    let set: Vec<_> = set.collect();
    if set.is_empty() { "no limit".into() } else { set.join(", ") }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".into() } else { text }
}
