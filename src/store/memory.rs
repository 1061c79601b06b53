//! A store that forgets: for tests, and for what was read of a [`snapshot`](super::snapshot()).

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::generation::Records;
use super::{OWN, Record, RecordChange, Store, StoreError, StoredUsage, admissible, expected};
use crate::private::Private;

/// Keeps everything in memory.
#[derive(Default)]
pub struct MemoryStore {
    held: Mutex<(Records, StoredUsage)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    pub(super) fn holding(records: Records, usage: StoredUsage) -> MemoryStore {
        MemoryStore { held: Mutex::new((records, usage)) }
    }

    // Every write below is one step that cannot panic half-way, so a poisoned lock guards a whole map.
    fn held(&self) -> MutexGuard<'_, (Records, StoredUsage)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        Ok(self.held().0.get(key).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        let held = self.held();
        let found = held.0.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let visible = found.filter(|(key, _)| !key.starts_with(OWN));
        Ok(visible.map(|(key, value)| Record { key: Private::new(key.clone()), value: value.clone() }).collect())
    }

    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError> {
        admissible(changes)?;
        let (map, _) = &mut *self.held();
        let found = |key| map.get(key).map(|value: &Private<Vec<u8>>| value.reveal().as_slice());
        if !changes.iter().all(|change| expected(change, found(change.key.reveal()))) {
            return Err(StoreError::Conflict);
        }
        for change in changes {
            match &change.value {
                Some(value) => drop(map.insert(change.key.reveal().clone(), value.clone())),
                None => drop(map.remove(change.key.reveal())),
            }
        }
        Ok(())
    }

    fn usage(&self) -> Result<StoredUsage, StoreError> {
        Ok(self.held().1.clone())
    }

    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError> {
        self.held().1 = StoredUsage { records: records.to_vec(), lost: 0 };
        Ok(())
    }
}
