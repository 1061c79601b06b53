//! A panel's tables, wherever they are: in a dump, in MariaDB or in PostgreSQL. All values are texts, as the servers print them.

use std::io;

use crate::quota::{Limit, OwnLimit};
use crate::store::is_no_file;

/// Octets of a MiB.
pub const MIB: u64 = 1 << 20;

/// Why a panel cannot be read. Nothing of what it says is in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceTrouble {
    /// The file cannot be read.
    Unread,
    /// It is a pipe or another thing that is no file.
    NoFile,
    /// The file was written to while it was read.
    Changed,
    /// The file is not UTF-8.
    NotUtf8,
    /// No database answers there.
    Away,
    /// The database does not let us in: the user, the password or the database is wrong.
    Refused,
    /// The database broke off in the middle, or says something that is none of ours.
    Broken,
    /// A table that is needed is not there, or may not be read.
    NoTable(&'static str),
    /// A column that is needed is not there, or may not be read.
    NoColumn(&'static str, &'static str),
    /// This program was built without databases.
    NotBuilt,
}

impl SourceTrouble {
    /// Why a file was not opened or read.
    pub fn of_file(error: io::Error) -> SourceTrouble {
        if is_no_file(&error) { SourceTrouble::NoFile } else { SourceTrouble::Unread }
    }

    /// What happened and what to do, in one sentence.
    pub fn text(self) -> String {
        match self {
            SourceTrouble::Unread => "the file cannot be read.".into(),
            SourceTrouble::NoFile => "that is no regular file: write what is to be read into one.".into(),
            SourceTrouble::Changed => {
                "the file changed while it was read: write another one beside it, and `mv` it there.".into()
            }
            SourceTrouble::NotUtf8 => "the file is not UTF-8: write it as UTF-8.".into(),
            SourceTrouble::Away => "no database answers at that socket.".into(),
            SourceTrouble::Refused => {
                "the database refuses this user: see the grants in /usr/share/nologd/backends/panels.".into()
            }
            SourceTrouble::Broken => "the database broke off in the middle.".into(),
            SourceTrouble::NoTable(table) => format!("the table `{table}` is not there, or may not be read."),
            SourceTrouble::NoColumn(table, column) => {
                format!("the table `{table}` has no column `{column}`, or it may not be read.")
            }
            SourceTrouble::NotBuilt => "this nologd was built without databases (the feature `sql`).".into(),
        }
    }
}

/// The values of one row, in the order in which the columns were asked for. None: NULL, or a column that is not there.
pub type Values<'a> = [Option<&'a str>];

/// Columns that say a limit, that something is off, or that it is being deleted. In a dump they may be missing: no right hides them there, and
/// an older panel did not have them all.
pub const JUDGED: &[&str] =
    &["active", "backupmx", "default_mailbox_quota", "dns_action", "enabled", "mail_action", "quota", "use_domain_quota"];

/// Tables that can be read.
///
/// A column that says a limit, that something is switched off or that it is being deleted is needed: without a right to read it, it looks as
/// if it were not there, and every limit would change.
pub trait Tables {
    /// Whether there is a table of that name with columns that may be read.
    fn has(&mut self, table: &'static str) -> Result<bool, SourceTrouble>;

    /// Hands every row of `table` to `take`: the `needed` columns, then the `optional` ones.
    ///
    /// # Errors
    /// The table or a needed column is missing.
    fn each(
        &mut self,
        table: &'static str,
        needed: &[&'static str],
        optional: &[&'static str],
        take: &mut dyn FnMut(&Values<'_>),
    ) -> Result<(), SourceTrouble>;
}

/// Texts that members can make as long as they like. They are read up to [`LONG`] octets; more is more than one alias may have. A database,
/// which counts letters, is asked for so many of them, and what is more in octets is cut behind it.
pub const FIELDS: &[&str] = &["goto", "recipients"];
/// See [`FIELDS`].
pub const LONG: usize = 64 * 1024;

/// A text's first [`LONG`] octets, in whole letters.
pub fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONG)).unwrap_or_default()
}

/// A mailbox's limit: a number of `unit`s in which 0 is none, and nothing at all is the association's default. None: it is no limit.
pub fn limit(quota: Option<&str>, unit: u64) -> Option<OwnLimit> {
    let Some(text) = quota.map(str::trim).filter(|text| !text.is_empty()) else { return Some(OwnLimit::Default) };
    match number(text)? {
        0 => Some(OwnLimit::Own(Limit::None)),
        units => u64::try_from(units.checked_mul(unit.into())?).ok().map(|octets| OwnLimit::Own(Limit::At(octets))),
    }
}

/// A truth as servers print it: 1, t, true, y.
pub fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "y" | "yes"))
}

/// A number below zero or above; none for what is none. Fractions are cut, as `2.00` is printed by some.
pub fn number(value: &str) -> Option<i128> {
    let value = value.trim();
    match value.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|byte| byte == b'0') => whole.parse().ok(),
        Some(_) => None,
        None => value.parse().ok(),
    }
}

#[cfg(test)]
pub(super) mod made {
    use super::*;

    /// Tables of a test: name, columns, rows with `|` between the values; `NULL` is none.
    pub struct MadeTables<'a>(pub &'a [(&'a str, &'a str, &'a [&'a str])]);

    impl<'a> MadeTables<'a> {
        fn find(&self, table: &str) -> Option<(&'a str, &'a [&'a str])> {
            self.0.iter().find(|(name, _, _)| *name == table).map(|(_, columns, rows)| (*columns, *rows))
        }
    }

    impl Tables for MadeTables<'_> {
        fn has(&mut self, table: &'static str) -> Result<bool, SourceTrouble> {
            Ok(self.find(table).is_some())
        }

        fn each(
            &mut self,
            table: &'static str,
            needed: &[&'static str],
            optional: &[&'static str],
            take: &mut dyn FnMut(&Values<'_>),
        ) -> Result<(), SourceTrouble> {
            let (columns, rows) = self.find(table).ok_or(SourceTrouble::NoTable(table))?;
            let place = |name: &&str| columns.split('|').position(|column| column == *name);
            let places: Vec<_> = needed.iter().chain(optional).map(place).collect();
            for row in rows {
                let values: Vec<_> = row.split('|').map(|value| Some(value).filter(|value| *value != "NULL")).collect();
                take(&places.iter().map(|place| *values.get((*place)?)?).collect::<Vec<_>>());
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_octets_and_between_letters() {
        let long = format!("a{}", "é".repeat(LONG));
        assert_eq!(cut(&long).len(), LONG - 1);
        assert!(cut(&long).ends_with('é') && cut("goto") == "goto" && cut(&"b".repeat(LONG + 1)).len() == LONG);
    }

    #[test]
    fn limits_are_in_units_and_zero_is_none() {
        let at = |octets| Some(OwnLimit::Own(Limit::At(octets)));
        for (text, said) in [
            (None, Some(OwnLimit::Default)),
            (Some("  "), Some(OwnLimit::Default)),
            (Some("0"), Some(OwnLimit::Own(Limit::None))),
            (Some("2"), at(2 * MIB)),
            (Some("2.00"), at(2 * MIB)),
            (Some("2.5"), None),
            (Some("-1"), None),
            (Some("many"), None),
            (Some("99999999999999999999"), None),
        ] {
            assert_eq!(limit(text, MIB), said, "{text:?}");
        }
    }
}
