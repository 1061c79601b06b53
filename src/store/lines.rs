//! Records as lines of text, each with a check: for usage, and for the copies of the book that stand beside sled's files.
//!
//! ```text
//! nologd-lines 1
//! 1b9c0e2d4f5a6b7c "mailbox/alice@asso.example" {"storage":1048576}
//! end 1 0f1e2d3c4b5a6978
//! ```
//!
//! A line is its check, the key as JSON, and the value as it is. In the order of the keys, so that nothing shows which was written
//! last. One flipped bit costs one line; the last line tells whether all of them are there.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use super::Record;

const FIRST: &str = "nologd-lines 1\n";
/// Hex digits of a check: the beginning of a SHA-256. Against accidents, not against people.
const CHECK: usize = 16;

/// What could be read.
pub(super) struct ReadLines {
    /// The records whose lines are good.
    pub(super) records: Vec<Record>,
    pub(super) seen: LinesSeen,
}

/// How it went.
pub(super) struct LinesSeen {
    good: u64,
    /// Lines that are not good.
    pub(super) lost: u64,
    /// Nothing is missing and nothing was changed.
    pub(super) is_whole: bool,
}

/// The file. `records` are in the order of their keys.
pub(super) fn encode<'a>(records: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut lines = LineWriter::default();
    records.for_each(|(key, value)| lines.push(key, value));
    lines.end()
}

/// The same, one after the other.
pub(super) struct LineWriter {
    text: Vec<u8>,
    count: u64,
}

impl Default for LineWriter {
    fn default() -> LineWriter {
        LineWriter { text: FIRST.as_bytes().to_vec(), count: 0 }
    }
}

impl LineWriter {
    pub(super) fn push(&mut self, key: &str, value: &[u8]) {
        // A string is always JSON.
        let mut line = serde_json::to_vec(key).unwrap_or_default();
        line.push(b' ');
        line.extend_from_slice(value);
        self.text.extend_from_slice(&check(&line));
        self.text.push(b' ');
        self.text.append(&mut line);
        self.text.push(b'\n');
        self.count += 1;
    }

    /// The file.
    pub(super) fn end(mut self) -> Vec<u8> {
        let end = end(self.count, &self.text);
        self.text.extend_from_slice(end.as_bytes());
        self.text
    }
}

/// Reads as much as is good.
pub(super) fn decode(text: &[u8]) -> ReadLines {
    let mut records = Vec::new();
    let seen = each(text, &mut |key, value| records.push(Record::of(key, value)));
    ReadLines { records, seen }
}

/// The same, one after the other: key and value.
pub(super) fn each(text: &[u8], work: &mut dyn FnMut(&str, &[u8])) -> LinesSeen {
    let mut seen = LinesSeen { good: 0, lost: 0, is_whole: false };
    let mut at = 0;
    let starts_well = text.starts_with(FIRST.as_bytes());
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let start = at;
        at += line.len();
        if start == 0 && starts_well {
            continue;
        }
        let before = text.get(..start).unwrap_or_default();
        match record(line) {
            Some((key, value)) => {
                seen.good += 1;
                work(&key, value);
            }
            None if at == text.len() && line == end(seen.good, before).as_bytes() => {
                seen.is_whole = starts_well && seen.lost == 0;
            }
            None => seen.lost += 1,
        }
    }
    seen
}

fn record(line: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let line = line.strip_suffix(b"\n")?;
    let (told, rest) = line.split_at_checked(CHECK)?;
    let rest = rest.strip_prefix(b" ")?;
    if told != check(rest) {
        return None;
    }
    let mut keys = serde_json::Deserializer::from_slice(rest).into_iter::<LineKey<'_>>();
    let LineKey(key) = keys.next()?.ok()?;
    let value = rest.get(keys.byte_offset()..)?.strip_prefix(b" ")?;
    Some((key, value))
}

/// Only one with a sign that JSON escapes is copied.
#[derive(Deserialize)]
struct LineKey<'a>(#[serde(borrow)] Cow<'a, str>);

fn end(count: u64, before: &[u8]) -> String {
    let check = check(before);
    format!("end {count} {}\n", String::from_utf8_lossy(&check))
}

// One for each line of the book, and each is made again where it is read.
fn check(text: &[u8]) -> [u8; CHECK] {
    let digest = digest(&SHA256, text);
    let mut hex = [0; CHECK];
    for (pair, octet) in hex.chunks_exact_mut(2).zip(digest.as_ref()) {
        pair.copy_from_slice(&[octet >> 4, octet & 15].map(|half| b"0123456789abcdef"[usize::from(half)]));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Private;

    fn encoded(records: &[Record]) -> Vec<u8> {
        encode(records.iter().map(Record::parts))
    }

    fn some() -> Vec<Record> {
        let record = |(key, value): (&str, &str)| Record { key: Private::new(key.into()), value: Private::new(value.into()) };
        [("a", "1"), ("b/\"x y\"@asso.example", r#"{"n":null}"#), ("c/\u{e9}\n", ""), ("d", " ")].map(record).into()
    }

    #[test]
    fn what_was_written_is_read() {
        for count in 0..=4 {
            let records = &some()[..count];
            let read = decode(&encoded(records));
            assert!(read.records == records && read.seen.lost == 0 && read.seen.is_whole, "{count}");
        }
        assert!(!decode(b"").seen.is_whole && !decode(FIRST.as_bytes()).seen.is_whole);
    }

    /// Every flipped bit and every cut is noticed, costs one line or two, and no line is read that was not written.
    #[test]
    fn one_flipped_bit_costs_its_line() {
        let (records, text) = (some(), encoded(&some()));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[at] ^= 1 << bit;
                let read = decode(&damaged);
                assert!(!read.seen.is_whole && read.seen.lost > 0, "{at} {bit}");
                assert!(read.records.len() >= 2 && read.records.iter().all(|record| records.contains(record)), "{at} {bit}");
            }
            let read = decode(&text[..at]);
            assert!(!read.seen.is_whole && read.records.iter().all(|record| records.contains(record)), "cut at {at}");
        }
    }
}
