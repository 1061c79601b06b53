//! The book's records in etcd, for all nodes: sealed by the driver, in [`SHELVES`] values, so that a change writes some of them and one transaction holds
//! them all. Their number is that of the last change: whoever writes names the one that it saw.
//!
//! ```text
//! nologd/book                 a random number, of the last change
//! nologd-book/SHELF           sealed: records, by their keys
//! ```
//!
//! Not below `nologd/`, which is read twice a second. Absent on purpose: how it is sealed, and which record stands on which shelf.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;

use super::etcd::BOOK;
use super::gateway::{GatewayCall, KeyValue, Ranged, call, coded, number, prefix};

/// In how many values the records are.
pub const SHELVES: u8 = 64;

const SHELF: &str = "nologd-book/";

/// What stands in etcd.
#[derive(Debug, PartialEq, Eq)]
pub struct Shelved {
    /// The revision of the last change; 0 where there is none.
    pub number: u64,
    /// Each shelf that there is, sealed.
    pub shelves: Vec<(u8, Vec<u8>)>,
}

/// What came of a change.
#[derive(Debug, PartialEq, Eq)]
pub enum Shelving {
    /// It is there, by this revision.
    Done(u64),
    /// Another one came first.
    Outrun,
}

/// Asks for all of it, as it stood at one moment.
pub fn read_call() -> GatewayCall {
    let number = json!({ "request_range": { "key": coded(BOOK) } });
    call("/v3/kv/txn", &json!({ "success": [number, { "request_range": prefix(SHELF) }] }))
}

/// Reads the answer. None for one that is none.
pub fn read(answer: &[u8]) -> Option<Shelved> {
    let ranges = ranges(answer)?;
    let [book, shelves] = &ranges.responses[..] else { return None };
    let revision = match &book.response_range.kvs[..] {
        [] => 0,
        [pair] => number(&pair.mod_revision)?,
        _ => return None,
    };
    let shelf = |pair: &KeyValue| {
        let key = String::from_utf8(BASE64.decode(&pair.key).ok()?).ok()?;
        let shelf = u8::from_str_radix(key.strip_prefix(SHELF)?, 16).ok().filter(|shelf| *shelf < SHELVES)?;
        Some((shelf, BASE64.decode(&pair.value).ok()?))
    };
    Some(Shelved { number: revision, shelves: shelves.response_range.kvs.iter().map(shelf).collect::<Option<_>>()? })
}

/// Puts these shelves, if the last change is still the one of revision `seen`. `mark` is random: by it the writer knows its own change again, where the
/// first answer did not come and the call went once more.
pub fn write_call(seen: u64, mark: &str, shelves: &[(u8, Vec<u8>)]) -> GatewayCall {
    let compare = json!({ "key": coded(BOOK), "target": "MOD", "result": "EQUAL", "mod_revision": seen.to_string() });
    let put = |key: &str, value: &[u8]| json!({ "request_put": { "key": coded(key), "value": BASE64.encode(value) } });
    let mut success: Vec<_> = shelves.iter().map(|(shelf, sealed)| put(&format!("{SHELF}{shelf:02x}"), sealed)).collect();
    success.push(put(BOOK, mark.as_bytes()));
    let read = json!({ "request_range": { "key": coded(BOOK) } });
    success.push(read.clone());
    call("/v3/kv/txn", &json!({ "compare": [compare], "success": success, "failure": [read] }))
}

/// What came of it. None for an answer that is none.
pub fn written(answer: &[u8], mark: &str) -> Option<Shelving> {
    let transacted: Ranges<Option<Ranged>> = serde_json::from_slice(answer).ok()?;
    let ranged = transacted.responses.into_iter().find_map(|response| response.response_range)?;
    match &ranged.kvs[..] {
        [pair] if BASE64.decode(&pair.value).ok()? == mark.as_bytes() => Some(Shelving::Done(number(&pair.mod_revision)?)),
        _ => Some(Shelving::Outrun),
    }
}

fn ranges(answer: &[u8]) -> Option<Ranges<Ranged>> {
    serde_json::from_slice(answer).ok()
}

#[derive(Deserialize)]
struct Ranges<T> {
    responses: Vec<InRange<T>>,
}

#[derive(Deserialize)]
struct InRange<T> {
    response_range: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &[u8], revision: u64) -> String {
        let (key, value) = (BASE64.encode(key), BASE64.encode(value));
        format!("{{\"key\":\"{key}\",\"value\":\"{value}\",\"create_revision\":\"1\",\"mod_revision\":\"{revision}\"}}")
    }

    fn answer(ranges: &[&[String]]) -> Vec<u8> {
        let range = |pairs: &&[String]| format!("{{\"response_range\":{{\"kvs\":[{}]}}}}", pairs.join(","));
        format!("{{\"responses\":[{}]}}", ranges.iter().map(range).collect::<Vec<_>>().join(",")).into_bytes()
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let (book, shelf) = ([pair("nologd/book", b"m", 9)], [pair("nologd-book/3f", b"\x00\xff", 9)]);
        assert_eq!(read(&answer(&[&book, &shelf])), Some(Shelved { number: 9, shelves: vec![(63, vec![0, 255])] }));
        assert_eq!(read(&answer(&[&[], &[]])), Some(Shelved { number: 0, shelves: Vec::new() }));
        for odd in ["nologd-book/40", "nologd-book/", "nologd-book/x", "other/00"] {
            assert_eq!(read(&answer(&[&book, &[pair(odd, b"", 9)]])), None, "{odd}");
        }
        assert_eq!((read(&answer(&[&book])), read(b"{}"), read(b"<html>")), (None, None, None));
        assert_eq!(written(&answer(&[&book]), "m"), Some(Shelving::Done(9)));
        assert_eq!(
            (written(&answer(&[&book]), "n"), written(&answer(&[&[]]), "m")),
            (Some(Shelving::Outrun), Some(Shelving::Outrun))
        );
        assert_eq!(written(b"{}", "m"), None);
    }
}
