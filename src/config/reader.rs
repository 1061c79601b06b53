//! Reads TOML tables key by key, and collects every problem instead of stopping at the first.
//!
//! serde would stop at the first wrong value and knows no line for a value that is well-formed but not allowed. An admin
//! who has moved 300 associations into a file wants the whole list.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::policy::Problem;

/// The file's text and what was found wrong in it.
pub(super) struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    /// Every key that was looked for, for the test of the reference.
    #[cfg(test)]
    pub(super) asked: std::collections::BTreeSet<String>,
}

/// One table of the file. Keys that nobody asked for are problems when it is [`Section::end`]ed.
pub(super) struct Section<'a> {
    path: String,
    span: Range<usize>,
    table: DeTable<'a>,
}

/// A value with its place.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
    pub(super) key: String,
}

impl<'a> Reader<'a> {
    /// Reads the syntax of `text`.
    pub(super) fn new(text: &'a str) -> (Reader<'a>, Section<'a>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader {
            text,
            problems: Vec::new(),
            #[cfg(test)]
            asked: std::collections::BTreeSet::new(),
        };
        for error in errors {
            reader.problem(error.span().unwrap_or(0..0), "", error.message());
        }
        (reader, Section { path: String::new(), span: 0..0, table: table.into_inner() })
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, span: Range<usize>, key: &str, text: &str) {
        self.problems.push(Problem::at(self.text, span.start, key, text));
    }

    /// Notes a problem with a value.
    pub(super) fn wrong<T>(&mut self, found: &Found<T>, text: &str) {
        self.problem(found.span.clone(), &found.key, text);
    }

    /// All problems, by line.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }
}

impl<'a> Section<'a> {
    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn take(&mut self, name: &str) -> Option<Found<DeValue<'a>>> {
        let value = self.table.remove(name)?;
        let span = value.span();
        Some(Found { value: value.into_inner(), span, key: self.key(name) })
    }

    fn take_as<T>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        wanted: &str,
        convert: impl Fn(&DeValue<'a>) -> Option<T>,
    ) -> Option<Found<T>> {
        #[cfg(test)]
        reader.asked.insert(self.key(name));
        let found = self.take(name)?;
        match convert(&found.value) {
            Some(value) => Some(Found { value, span: found.span, key: found.key }),
            None => {
                reader.problem(found.span, &found.key, &format!("must be {wanted}"));
                None
            }
        }
    }

    /// A text.
    pub(super) fn text(&mut self, reader: &mut Reader<'_>, name: &str) -> Option<Found<String>> {
        self.take_as(reader, name, "a text in quotes", |value| match value {
            DeValue::String(text) => Some(text.to_string()),
            _ => None,
        })
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, reader: &mut Reader<'_>, name: &str) -> Option<Found<String>> {
        if !self.table.contains_key(name) {
            let key = self.key(name);
            reader.problem(self.span.clone(), &key, "is missing");
        }
        self.text(reader, name)
    }

    /// A whole number from 1 to `most`.
    pub(super) fn number(&mut self, reader: &mut Reader<'_>, name: &str, most: u64) -> Option<u64> {
        self.number_within(reader, name, 1..=most)
    }

    /// A whole number in `range`.
    pub(super) fn number_within(&mut self, reader: &mut Reader<'_>, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let found = self.take_as(reader, name, &wanted, |value| match value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| range.contains(n)),
            _ => None,
        });
        found.map(|found| found.value)
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, reader: &mut Reader<'_>, name: &str) -> bool {
        let found = self.take_as(reader, name, "true or false", |value| match value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => None,
        });
        found.is_some_and(|found| found.value)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, reader: &mut Reader<'_>, name: &str) -> Vec<Found<String>> {
        #[cfg(test)]
        reader.asked.insert(self.key(name));
        let Some(found) = self.take(name) else { return Vec::new() };
        let DeValue::Array(items) = found.value else {
            reader.problem(found.span, &found.key, "must be a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::String(text) => texts.push(Found { value: text.to_string(), span, key: found.key.clone() }),
                _ => reader.problem(span, &found.key, "must be a text in quotes"),
            }
        }
        texts
    }

    /// A table that may be absent: an empty one then.
    pub(super) fn section(&mut self, reader: &mut Reader<'_>, name: &str) -> Section<'a> {
        let (path, span) = (self.key(name), self.span.clone());
        match self.take(name) {
            None => Section { path, span, table: DeTable::default() },
            Some(Found { value: DeValue::Table(table), span, .. }) => Section { path, span, table },
            Some(found) => {
                reader.wrong(&found, "must be a table");
                Section { path, span, table: DeTable::default() }
            }
        }
    }

    /// The tables of `[[name]]`.
    pub(super) fn sections(&mut self, reader: &mut Reader<'_>, name: &str) -> Vec<Section<'a>> {
        let Some(found) = self.take(name) else { return Vec::new() };
        let DeValue::Array(items) = found.value else {
            reader.problem(found.span, &found.key, &format!("must be written as [[{}]]", found.key));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(table) => sections.push(Section { path: found.key.clone(), span, table }),
                _ => reader.problem(span, &found.key, "must be a table"),
            }
        }
        sections
    }

    /// Where the section stands, for problems that no single key has.
    pub(super) fn place(&self) -> Found<()> {
        Found { value: (), span: self.span.clone(), key: self.path.clone() }
    }

    /// Tells keys that nobody knows.
    pub(super) fn end(self, reader: &mut Reader<'_>) {
        for (name, _) in &self.table {
            let key = self.key(name.get_ref());
            reader.problem(Spanned::span(name), &key, "is not known");
        }
    }
}

/// The value that one of some words stands for.
pub(super) fn choice<T: Copy>(reader: &mut Reader<'_>, found: Option<Found<String>>, choices: &[(&str, T)]) -> Option<T> {
    let found = found?;
    let chosen = choices.iter().find(|(word, _)| *word == found.value).map(|(_, value)| *value);
    if chosen.is_none() {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        reader.wrong(&found, &format!("must be one of {}", words.join(", ")));
    }
    chosen
}
