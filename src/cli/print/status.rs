//! `status`, for people.

use serde_json::Value;

use super::association::{state, storage};
use super::{items, number, table, text, texts};

/// What runs, what is not enforced, and the associations by fill.
pub(super) fn status(value: &Value) -> String {
    let mut told = format!("nologd {}\n", text(value, "version"));
    for listener in items(&value["listeners"]) {
        let tls = match text(listener, "tls") {
            "implicit" => "TLS",
            "starttls" => "STARTTLS",
            _ => "no TLS: local",
        };
        told.push_str(&format!("    {:18}  {}  ({tls})\n", text(listener, "service"), text(listener, "address")));
    }
    told.push_str(&format!("    backends            {}\n", texts(&value["backends"])));
    told.push_str(&format!("    policy              {}\n", text(value, "policy")));
    if value["store-unwritable"] == true {
        told.push_str("    store               cannot be written: mail goes on, changes are refused (STORE-UNWRITABLE)\n");
    }
    let output = |number: &Value| if number.as_u64() == Some(1) { "standard output" } else { "standard error" };
    for kept in items(&value["kept-outputs"]) {
        told.push_str(&format!("    {} is kept on a disk\n", output(kept)));
    }
    for certificate in items(&value["certificates"]) {
        told.push_str(&format!("    certificate         {}\n", self::certificate(certificate)));
    }
    let pushed = match number(value, "pushed") {
        0 => "never since the start".to_owned(),
        mailboxes => format!("yes, {}", counted(mailboxes, "mailbox")),
    };
    told.push_str(&format!("    usage pushed        {pushed}\n"));
    let hinted = texts(&value["client-hints"]);
    if !hinted.is_empty() {
        told.push_str(&format!("    client hints        {hinted} (a made-up address for each client, another one every hour)\n"));
    }
    if number(value, "incidents") > 0 {
        told.push_str(&format!("    incident mode       on for {}\n", counted(number(value, "incidents"), "mailbox")));
    }
    told.push_str(&rules("Not enforced here", &value["not-enforced"]));
    told.push_str(&rules("Loosened by the policy folder", &value["loosened"]));
    let mut lines = vec![["FULL", "ASSOCIATION", "STATE", "MAILBOXES", "STORAGE"].map(str::to_owned).to_vec()];
    lines.extend(items(&value["associations"]).map(|association| {
        let fill = &association["fill"];
        let percent = fill["percent"].as_u64().map_or("-".into(), |percent| format!("{percent} %"));
        let (name, mailboxes) = (text(association, "name").into(), number(fill, "mailboxes").to_string());
        vec![percent, name, state(&association["state"]), mailboxes, storage(fill)]
    }));
    let count = lines.len() - 1;
    let (associations, mailboxes) = (counted(count as u64, "association"), counted(number(value, "mailboxes"), "mailbox"));
    told.push_str(&format!("\n{associations}, {mailboxes}\n"));
    if count > 0 {
        told.push_str(&table(&lines));
    }
    told
}

/// What is not known is not said to be good.
fn certificate(value: &Value) -> String {
    let left = match (value["in-force"].as_bool(), value["days"].as_i64()) {
        (Some(true), Some(days @ 0..)) => format!("{} left", counted(days.unsigned_abs(), "day")),
        (Some(true), Some(days)) => format!("OVER since {}: mail programs refuse it", counted(days.unsigned_abs(), "day")),
        (Some(true), None) => "in force, its dates cannot be read".to_owned(),
        _ => "NOT in force".to_owned(),
    };
    let broken = value["broken"].as_str().map(|why| format!("; what is there now cannot be used: {why}"));
    format!("{}: {left}{}", text(value, "name"), broken.unwrap_or_default())
}

fn counted(number: u64, what: &str) -> String {
    let plural = if what.ends_with('x') { "es" } else { "s" };
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}{plural}") }
}

fn rules(head: &str, list: &Value) -> String {
    let rules: String = items(list).filter_map(Value::as_str).map(|rule| format!("    {rule}\n")).collect();
    if rules.is_empty() { format!("{head}: nothing\n") } else { format!("{head}:\n{rules}") }
}
