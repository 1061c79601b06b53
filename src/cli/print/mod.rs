//! Answers, for people. The numbers come exact, as JSON; here they become `7.4 G of 10 G, 74 %`.

mod association;
mod blocks;
mod change;
mod incident;
mod mailbox;
mod status;

use serde_json::Value;

use crate::admin::Request;
use crate::quota::{print_fill, print_size};

/// The answer to `request` as text, with its line ends.
pub(super) fn answer(request: &Request, value: &Value) -> String {
    match request {
        Request::AssociationAdd(..)
        | Request::AssociationGrant(..)
        | Request::AssociationRemove(..)
        | Request::AssociationSet(..) => change::association(value),
        Request::AssociationList => association::list(value),
        Request::AssociationShow(_) => association::show(value),
        Request::BlocksList => blocks::list(value),
        Request::BlocksLift(_) => blocks::lift(value),
        Request::Disclose(_) => mailbox::disclosure(value),
        Request::IncidentList => incident::list(value),
        Request::IncidentShow(_) => incident::show(value),
        Request::IncidentStart(..) => incident::start(value),
        Request::IncidentStop(_) => incident::stop(value),
        Request::MailboxKick(_) => mailbox::kick(value),
        Request::MailboxList(_) => mailbox::list(value),
        Request::MailboxRefresh(_) => mailbox::refresh(value),
        Request::MailboxRemove(_) | Request::MailboxSet(..) => change::mailbox(value),
        Request::Status => status::status(value),
        // Their parts are added up by the command.
        Request::UsageLoad(_) => String::new(),
    }
}

/// A row of a list of settings: what, and how it stands.
type Row = (&'static str, String);

/// Rows below each other, the second column straight.
fn rows(rows: &[Row]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    rows.iter().map(|(label, text)| format!("    {label:width$}  {text}\n")).collect()
}

/// A table; the first line is its head. The last column is not filled up.
fn table(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `7.4 G of 10 G, 74 %`, or `7.4 G, no limit`.
fn fill(used: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => print_fill(used, limit),
        None => format!("{}, no limit", print_size(used)),
    }
}

/// As [`fill`], for things that are counted.
fn count(used: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("{used} of {limit}"),
        None => used.to_string(),
    }
}

/// A size as a limit.
fn size_limit(value: &Value) -> String {
    value.as_u64().map_or("no limit".into(), print_size)
}

/// A number as a limit.
fn number_limit(value: &Value) -> String {
    value.as_u64().map_or("no limit".into(), |number| number.to_string())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Texts, with commas between them.
fn texts(value: &Value) -> String {
    items(value).filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
