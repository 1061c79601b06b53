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

use aws_lc_rs::digest::{SHA256, digest};

use super::Record;
use crate::private::Private;

const FIRST: &str = "nologd-lines 1\n";
/// Hex digits of a check: the beginning of a SHA-256. Against accidents, not against people.
const CHECK: usize = 16;

/// What could be read.
pub(super) struct ReadLines {
    /// The records whose lines are good.
    pub(super) records: Vec<Record>,
    /// Lines that are not.
    pub(super) lost: u64,
    /// Nothing is missing and nothing was changed.
    pub(super) is_whole: bool,
}

/// The file. `records` are in the order of their keys.
pub(super) fn encode<'a>(records: impl ExactSizeIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let (mut text, count) = (FIRST.as_bytes().to_vec(), records.len());
    for (key, value) in records {
        // A string is always JSON.
        let mut line = serde_json::to_vec(key).unwrap_or_default();
        line.push(b' ');
        line.extend_from_slice(value);
        text.extend_from_slice(check(&line).as_bytes());
        text.push(b' ');
        text.append(&mut line);
        text.push(b'\n');
    }
    let end = format!("end {count} {}\n", check(&text));
    text.extend_from_slice(end.as_bytes());
    text
}

/// Reads as much as is good.
pub(super) fn decode(text: &[u8]) -> ReadLines {
    let (mut records, mut lost, mut at, mut is_whole) = (Vec::new(), 0, 0, false);
    let starts_well = text.starts_with(FIRST.as_bytes());
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let start = at;
        at += line.len();
        if start == 0 && starts_well {
            continue;
        }
        let before = text.get(..start).unwrap_or_default();
        match record(line) {
            Some(found) => records.push(found),
            None if at == text.len() && line == format!("end {} {}\n", records.len(), check(before)).as_bytes() => {
                is_whole = starts_well && lost == 0;
            }
            None => lost += 1,
        }
    }
    ReadLines { records, lost, is_whole }
}

fn record(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (told, rest) = line.split_at_checked(CHECK)?;
    let rest = rest.strip_prefix(b" ")?;
    if told != check(rest).as_bytes() {
        return None;
    }
    let mut keys = serde_json::Deserializer::from_slice(rest).into_iter::<String>();
    let key = keys.next()?.ok()?;
    let value = rest.get(keys.byte_offset()..)?.strip_prefix(b" ")?;
    Some(Record { key: Private::new(key), value: Private::new(value.to_vec()) })
}

fn check(text: &[u8]) -> String {
    let digest = digest(&SHA256, text);
    // One for each line of the book, and each is made again where it is read.
    let halves = digest.as_ref().iter().take(CHECK / 2).flat_map(|octet| [octet >> 4, octet & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(read.records == records && read.lost == 0 && read.is_whole, "{count}");
        }
        assert!(!decode(b"").is_whole && !decode(FIRST.as_bytes()).is_whole);
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
                assert!(!read.is_whole && read.lost > 0, "{at} {bit}");
                assert!(read.records.len() >= 2 && read.records.iter().all(|record| records.contains(record)), "{at} {bit}");
            }
            let read = decode(&text[..at]);
            assert!(!read.is_whole && read.records.iter().all(|record| records.contains(record)), "cut at {at}");
        }
    }
}
