//! How answers look to people: rows, tables, `7.4 G of 10 G, 74 %`.

use crate::quota::{Level, Limit, print_fill, print_size};

/// A terminal that is drawn on.
#[derive(Clone, Copy)]
pub struct Canvas {
    /// Columns.
    pub width: usize,
    /// Colours may be used.
    pub colour: bool,
    /// Letters beyond ASCII are shown as such.
    pub wide: bool,
}

/// Cells of a bar.
const BAR: usize = 10;

impl Canvas {
    /// `table` with a bar before each line but the head: how full, in per cent, in the order of the lines. The table alone where a line would
    /// not fit beside its bar.
    pub(super) fn with_bars(self, table: &str, percents: impl Iterator<Item = Option<u64>>) -> String {
        let longest = table.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        if longest + BAR + 2 > self.width {
            return table.to_owned();
        }
        let bars = std::iter::once(" ".repeat(BAR)).chain(percents.map(|percent| self.bar(percent)));
        table.lines().zip(bars).map(|(line, bar)| format!("{bar}  {line}\n")).collect()
    }

    /// No cell is full that is not, but the first one where there is anything. Green; yellow and red from the levels on at which people are
    /// told.
    fn bar(self, percent: Option<u64>) -> String {
        let Some(percent) = percent else { return " ".repeat(BAR) };
        let tenths = usize::try_from(percent / 10).unwrap_or(BAR).min(BAR);
        let filled = if percent > 0 { tenths.max(1) } else { 0 };
        let (full, empty) = if self.wide { ("\u{2588}", "\u{2591}") } else { ("#", "-") };
        let bar = full.repeat(filled) + &empty.repeat(BAR - filled);
        let colour = match percent {
            percent if percent >= Level::Full.percent() => 31,
            percent if percent >= Level::High.percent() => 33,
            _ => 32,
        };
        if self.colour { format!("\x1b[{colour}m{bar}\x1b[0m") } else { bar }
    }
}

/// A row of a list of settings: what, and how it stands.
pub(super) type ShownRow = (&'static str, String);

/// Rows below each other, the second column straight.
pub(super) fn rows(rows: &[ShownRow]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_there_is_room() {
        let percents = || [Some(100), Some(79), None, Some(1), Some(0), Some(250)].into_iter();
        let lines = table(["NAME"], ["one", "two", "three", "four", "five", "six"].map(|name| [name.to_owned()]).into_iter());
        let plain = Canvas { width: 17, colour: false, wide: false };
        assert_eq!(
            plain.with_bars(&lines, percents()),
            "            NAME\n##########  one\n#######---  two\n            three\n#---------  four\n----------  five\n##########  six\n"
        );
        assert_eq!(Canvas { width: 16, ..plain }.with_bars(&lines, percents()), lines, "on a narrow one they would break lines");
        let bar = |percent| Canvas { width: 80, colour: true, wide: true }.bar(Some(percent));
        assert!(bar(95).starts_with("\x1b[31m\u{2588}") && bar(80).starts_with("\x1b[33m") && bar(79).starts_with("\x1b[32m"));
        assert!(bar(20).ends_with("\u{2591}\x1b[0m"));
        assert_eq!(Canvas { width: 80, ..plain }.with_bars("", percents()), "");
    }
}
