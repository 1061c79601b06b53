//! How answers look to people: rows, tables, `7.4 G of 10 G, 74 %`.

use crate::quota::{Limit, print_fill, print_size};

/// A row of a list of settings: what, and how it stands.
pub(super) type Row = (&'static str, String);

/// Rows below each other, the second column straight.
pub(super) fn rows(rows: &[Row]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    rows.iter().map(|(label, text)| format!("    {label:width$}  {text}\n")).collect()
}

/// A table; the last column is not filled up. Empty when there are no lines below the head.
pub(super) fn table<const N: usize>(head: [&str; N], lines: impl Iterator<Item = [String; N]>) -> String {
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(lines).collect();
    if lines.len() == 1 {
        return String::new();
    }
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `7.4 G of 10 G, 74 %`, or `7.4 G, no limit`.
pub(super) fn fill(used: u64, limit: Limit) -> String {
    match limit {
        Limit::At(limit) => print_fill(used, limit),
        Limit::None => format!("{}, no limit", print_size(used)),
    }
}

/// As [`fill`], for things that are counted.
pub(super) fn count(used: u64, limit: Limit) -> String {
    match limit {
        Limit::At(limit) => format!("{used} of {limit}"),
        Limit::None => used.to_string(),
    }
}

/// A size as a limit.
pub(super) fn size_limit(limit: Limit) -> String {
    match limit {
        Limit::At(octets) => print_size(octets),
        Limit::None => "no limit".into(),
    }
}

/// A number as a limit.
pub(super) fn number_limit(limit: Limit) -> String {
    match limit {
        Limit::At(number) => number.to_string(),
        Limit::None => "no limit".into(),
    }
}

/// Texts with `between` between them, or `none`.
pub(super) fn joined(texts: impl IntoIterator<Item = String>, between: &str) -> String {
    let all = texts.into_iter().collect::<Vec<_>>().join(between);
    if all.is_empty() { "none".into() } else { all }
}

/// `1 mailbox`, `2 mailboxes`.
pub(super) fn counted(number: u64, what: &str) -> String {
    let plural = if what.ends_with('x') { "es" } else { "s" };
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}{plural}") }
}
