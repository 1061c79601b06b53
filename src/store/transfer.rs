//! Export, import and check: the whole store as one JSON document that a person can read and keep.
//!
//! The document holds everything that is known about members. It goes to the admin's own terminal or file, nowhere else.

use serde_json::{Map, Value};

use super::as_shared::imported;
use super::{Expect, Record, RecordChange, Store, StoreError};
use crate::private::Private;

/// Marks the document as ours.
const FORMAT: &str = "nologd-store";

/// How many records there are, by the first word of their keys, in the order of the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The first word, and how many.
    pub kinds: Vec<(String, u64)>,
}

/// Every record as JSON, indented.
pub fn export(store: &dyn Store) -> Result<String, StoreError> {
    serde_json::to_string_pretty(&document(store.scan("")?, store.usage()?.records)?).map_err(|_| StoreError::Damaged)
}

/// The same, of these records.
pub(super) fn document(records: Vec<Record>, usage: Vec<Record>) -> Result<Value, StoreError> {
    Ok(serde_json::json!({ "format": FORMAT, "records": object(records)?, "usage": object(usage)? }))
}

/// The records and the usage of a document, in the order of their keys.
pub(super) fn parts(document: &str) -> Result<(Vec<Record>, Vec<Record>), StoreError> {
    let document: Value = serde_json::from_str(document).map_err(|_| StoreError::Damaged)?;
    if document.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(StoreError::Damaged);
    }
    let part = |name: &str| document.get(name).and_then(Value::as_object).ok_or(StoreError::Damaged);
    let record = |(key, value): (&String, &Value)| Record {
        key: Private::new(key.clone()),
        value: Private::new(value.to_string().into_bytes()),
    };
    Ok((part("records")?.iter().map(record).collect(), part("usage")?.iter().map(record).collect()))
}

fn object(records: Vec<Record>) -> Result<Value, StoreError> {
    let mut object = Map::new();
    for record in records {
        let value = serde_json::from_slice(record.value.reveal()).map_err(|_| StoreError::Damaged)?;
        object.insert(record.key.reveal().clone(), value);
    }
    Ok(Value::Object(object))
}

/// Fills an empty store from an export: all of it or nothing. A store that holds anything is a [`StoreError::Conflict`]; a
/// document that is not an export is [`StoreError::Damaged`].
///
/// Call it before [`super::settle`], which then migrates an export of an older version.
pub fn import(store: &dyn Store, document: &str) -> Result<Summary, StoreError> {
    let document: Value = serde_json::from_str(document).map_err(|_| StoreError::Damaged)?;
    if document.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(StoreError::Damaged);
    }
    let records = document.get("records").and_then(Value::as_object).ok_or(StoreError::Damaged)?;
    if !store.scan("")?.is_empty() {
        return Err(StoreError::Conflict);
    }
    let text = |value: &Value| value.to_string().into_bytes();
    let put = |(key, value): (&String, &Value)| RecordChange::put(key.clone(), imported(key, text(value)));
    let changes = records.iter().map(|record| put(record).expecting(Expect::Absent));
    // Older exports have their usage among the records; [`super::settle`] moves it.
    let usage = document.get("usage").and_then(Value::as_object).into_iter().flatten();
    let usage = usage.map(|(key, value)| Record { key: Private::new(key.clone()), value: Private::new(text(value)) });
    store.write_usage(&usage.collect::<Vec<_>>())?;
    store.transact(&changes.collect::<Vec<_>>())?;
    check(store)
}

/// Reads every record. What the records mean together is checked by their owner.
pub fn check(store: &dyn Store) -> Result<Summary, StoreError> {
    let mut summary = Summary::default();
    for record in store.scan("")?.into_iter().chain(store.usage()?.records) {
        let _: Value = serde_json::from_slice(record.value.reveal()).map_err(|_| StoreError::Damaged)?;
        let kind = record.key.reveal().split('/').next().unwrap_or_default();
        match summary.kinds.last_mut() {
            Some((last, count)) if last == kind => *count += 1,
            _ => summary.kinds.push((kind.to_owned(), 1)),
        }
    }
    Ok(summary)
}
