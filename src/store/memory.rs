//! A store that forgets: for tests, and for `nologd demo`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Change, OWN, Record, Store, StoreError, admissible, expected};
use crate::private::Private;

/// Keeps everything in memory.
#[derive(Default)]
pub struct Memory {
    map: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    // Every write below is one step that cannot panic half-way, so a poisoned lock guards a whole map.
    fn map(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        Ok(self.map().get(key).cloned().map(Private::new))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        let map = self.map();
        let found = map.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let visible = found.filter(|(key, _)| !key.starts_with(OWN));
        Ok(visible.map(|(key, value)| Record { key: Private::new(key.clone()), value: Private::new(value.clone()) }).collect())
    }

    fn transact(&self, changes: &[Change]) -> Result<(), StoreError> {
        admissible(changes)?;
        let mut map = self.map();
        if !changes.iter().all(|change| expected(change, map.get(change.key.reveal()).map(Vec::as_slice))) {
            return Err(StoreError::Conflict);
        }
        for change in changes {
            match &change.value {
                Some(value) => drop(map.insert(change.key.reveal().clone(), value.reveal().clone())),
                None => drop(map.remove(change.key.reveal())),
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn erase(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.transact(changes)
    }
}
