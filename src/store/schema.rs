//! The version of what the values mean, and the way from an older one.
//!
//! The store does not know the records: their owner (`quota`) brings the [`Schema`]. A newer version is refused, because an
//! older daemon would misread and then overwrite it.

use super::{Change, Record, Store, StoreError};

/// Where the version is kept, as a JSON number.
const KEY: &str = "schema";

/// Turns all records of one version into changes that make them the next version.
#[derive(Clone, Copy)]
pub struct Step(pub fn(&[Record]) -> Result<Vec<Change>, StoreError>);

/// Every step there ever was, oldest first. The version in force is one more than their number.
#[derive(Clone, Copy)]
pub struct Schema(pub &'static [Step]);

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
    let records = store.scan("")?;
    let mut version = match store.get(KEY)? {
        None if records.is_empty() => {
            store.transact(&[mark(schema.version())])?;
            return store.sync();
        }
        // Records without a version: somebody else's file, or a part of ours.
        None => return Err(StoreError::Damaged),
        Some(value) => serde_json::from_slice(value.reveal()).map_err(|_| StoreError::Damaged)?,
    };
    if version > schema.version() {
        return Err(StoreError::Newer(version));
    }
    while version < schema.version() {
        let at = usize::try_from(version).ok().and_then(|version| version.checked_sub(1)).ok_or(StoreError::Damaged)?;
        let step = schema.0.get(at).ok_or(StoreError::Damaged)?;
        let old: Vec<_> = store.scan("")?.into_iter().filter(|record| record.key.reveal() != KEY).collect();
        let mut changes = step.0(&old)?;
        version += 1;
        changes.push(mark(version));
        store.erase(&changes)?;
    }
    Ok(())
}

fn mark(version: u64) -> Change {
    Change::put(KEY.into(), version.to_string().into_bytes())
}
