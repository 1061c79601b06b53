//! Whether the records here are still those that all nodes had (docs/many-nodes.md#settings-that-are-in-dispute): a record beside them, written in the same step
//! as they are, so that no crash comes between.
//!
//! | it says | |
//! |---|---|
//! | a house, and a number | the records are what stood in that etcd by that change |
//! | nothing (`null`) | they were, and something was changed here alone since, or they are of an export |
//! | it is not there | they never were; or a version wrote them that did not know it |

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Record, RecordChange, Store, StoreError};

/// Where it is kept.
pub(crate) const AS_SHARED: &str = "as-shared";

/// Which of the states that all nodes had it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsShared {
    /// The word of the house, by which one etcd is told from another one, and from the same one after it was emptied.
    pub house: String,
    /// Of the last change; later ones have larger numbers.
    pub number: u64,
}

impl AsShared {
    /// The records are these from now on.
    pub fn record(&self) -> RecordChange {
        put(&json!({ "house": self.house, "number": self.number }))
    }
}

/// Something is changed here alone.
pub(super) fn alone() -> RecordChange {
    put(&Value::Null)
}

/// Whether the records here are what all nodes had.
///
/// # Errors
/// What the disk says.
pub fn is_marked(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(kept(store)?.is_some_and(|kept| kept.is_some()))
}

/// Whether `theirs`, which all nodes have as of `there`, may come in place of `own`, the records of `store`, without an admin's word: where that replaces nothing, or
/// what they have once had too.
///
/// # Errors
/// What the disk says.
pub fn may_replace(store: &dyn Store, own: &[Record], theirs: &[Record], there: &AsShared) -> Result<bool, StoreError> {
    let has_been_theirs = match kept(store)? {
        None => own.is_empty(),
        Some(here) => here.is_some_and(|here| here.house == there.house && here.number <= there.number),
    };
    Ok(has_been_theirs || own == theirs)
}

/// What of it is in an export that is put into a store: nobody knows what was changed in the file.
pub(super) fn imported(key: &str, value: Vec<u8>) -> Vec<u8> {
    if key == AS_SHARED { Value::Null.to_string().into_bytes() } else { value }
}

fn kept(store: &dyn Store) -> Result<Option<Option<AsShared>>, StoreError> {
    // What cannot be read is nothing that all nodes had.
    let read = |value: crate::private::Private<Vec<u8>>| serde_json::from_slice(value.reveal()).unwrap_or_default();
    Ok(store.get(AS_SHARED)?.map(read))
}

fn put(value: &Value) -> RecordChange {
    RecordChange::put(AS_SHARED.to_owned(), value.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, export, import, shareable};

    fn at(house: &str, number: u64) -> AsShared {
        AsShared { house: house.to_owned(), number }
    }

    fn store(changes: &[RecordChange]) -> MemoryStore {
        let store = MemoryStore::new();
        assert!(store.transact(changes).is_ok());
        store
    }

    #[test]
    fn only_what_all_nodes_had_is_replaced() {
        let set = |value: &str| RecordChange::put("association/velo".to_owned(), value.as_bytes().to_vec());
        let records = |store: &MemoryStore| shareable(store.scan("").unwrap());
        let there = at("h.1", 9);
        let theirs = records(&store(&[set("9")]));
        let may = |changes: &[RecordChange], theirs: &[Record]| {
            let store = store(changes);
            may_replace(&store, &records(&store), theirs, &there).unwrap()
        };
        assert!(may(&[], &theirs), "a new node");
        assert!(!may(&[set("7")], &theirs), "its own, or of an older version");
        assert!(may(&[set("9")], &theirs), "nothing is replaced");
        assert!(may(&[set("7"), at("h.1", 5).record()], &theirs) && may(&[set("7"), at("h.1", 9).record()], &theirs));
        assert!(!may(&[set("7"), at("h.1", 10).record()], &theirs), "etcd is older: it was put back");
        assert!(!may(&[set("7"), at("h.2", 5).record()], &theirs), "another etcd, or it was emptied");
        assert!(!may(&[set("7"), alone()], &theirs), "changed alone");
        assert!(!may(&[alone()], &theirs), "all was removed alone");
        assert!(may(&[set("9"), alone()], &theirs));
        let odd = RecordChange::put(AS_SHARED.to_owned(), b"{\"house\":\"h.1\"}".to_vec());
        assert!(!may(&[set("7"), odd], &theirs));
        // Nobody knows what was changed in a file.
        let imported = MemoryStore::new();
        let document = export(&store(&[set("7"), at("h.1", 5).record()])).unwrap();
        assert!(import(&imported, &document).is_ok());
        assert!(!may_replace(&imported, &records(&imported), &theirs, &there).unwrap());
    }
}
