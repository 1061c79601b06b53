//! The version of what the values mean, and the way from an older one.
//!
//! The store does not know the records: their owner (`quota`) brings the [`Schema`]. A newer version is refused, because an
//! older daemon would misread and then overwrite it.

use super::{Record, RecordChange, Store, StoreError};

/// Where the version is kept, as a JSON number.
const KEY: &str = "schema";

/// Turns all records of one version into the next version.
#[derive(Clone, Copy)]
pub enum Migration {
    /// Into changes of them.
    Records(fn(&[Record]) -> Result<Vec<RecordChange>, StoreError>),
    /// Into those that are usage now, and leave the records: their keys stay the same.
    Usage(fn(&[Record]) -> Result<Vec<Record>, StoreError>),
}

/// Every step there ever was, oldest first. The version in force is one more than their number.
#[derive(Clone, Copy)]
pub struct Schema(pub &'static [Migration]);

impl Schema {
    /// The version that this program writes.
    pub fn version(self) -> u64 {
        1 + self.0.len() as u64
    }
}

/// Brings `store` to the schema's version: an empty one is marked, an older one migrated step by step.
///
/// Each step and its new version are one atomic change, and the old form leaves the files with it: a crash between two
/// steps goes on where it stopped.
pub fn settle(store: &dyn Store, schema: Schema) -> Result<(), StoreError> {
    let Some(mut version) = version(store)? else {
        return store.transact(&[mark(schema.version())]);
    };
    if version > schema.version() {
        return Err(StoreError::Newer(version));
    }
    while version < schema.version() {
        let at = usize::try_from(version).ok().and_then(|version| version.checked_sub(1)).ok_or(StoreError::Damaged)?;
        let step = schema.0.get(at).ok_or(StoreError::Damaged)?;
        let old: Vec<_> = store.scan("")?.into_iter().filter(|record| record.key.reveal() != KEY).collect();
        let mut changes = match step {
            Migration::Records(change) => change(&old)?,
            Migration::Usage(moved) => {
                let moved = moved(&old)?;
                store.write_usage(&moved)?;
                moved.iter().map(|record| RecordChange::remove(record.key.reveal().clone())).collect()
            }
        };
        version += 1;
        changes.push(mark(version));
        store.transact(&changes)?;
    }
    Ok(())
}

/// The version of what `store` holds; none when it is empty.
///
/// # Errors
/// [`StoreError::Damaged`] for records without a version: somebody else's file, or a part of ours.
fn version(store: &dyn Store) -> Result<Option<u64>, StoreError> {
    match store.get(KEY)? {
        None if store.scan("")?.is_empty() => Ok(None),
        None => Err(StoreError::Damaged),
        Some(value) => serde_json::from_slice(value.reveal()).map(Some).map_err(|_| StoreError::Damaged),
    }
}

fn mark(version: u64) -> RecordChange {
    RecordChange::put(KEY.into(), version.to_string().into_bytes())
}
