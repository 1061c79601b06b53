//! A store whose changes are kept elsewhere too, before they are made here: on the machine that another one takes them from when it
//! takes over (docs/nodes.md). The copy is the whole document, as `store export` prints it.
//!
//! A change that could not be kept elsewhere is refused, and nothing is changed here. Usage is written all the same: who takes over
//! counts anew.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::transfer::{document, parts};
use super::{Expect, Record, RecordChange, Store, StoreError, StoredUsage, admissible, expected};
use crate::private::Private;

/// Where copies are kept. Blocks until one is on that disk, or is not.
pub trait Copies: Send + Sync {
    /// Whether the newest copy there is the last one that was kept from here.
    fn is_newest(&self) -> bool;

    /// Keeps this document in place of the one before; says whether it did.
    fn keep(&self, document: &str) -> bool;
}

/// See the head of the file.
pub struct Copied {
    inner: Arc<dyn Store>,
    copies: Arc<dyn Copies>,
    /// It is not known that the newest copy is what is here.
    is_unsure: AtomicBool,
}

impl Copied {
    /// `inner`, with copies.
    pub fn new(inner: Arc<dyn Store>, copies: Arc<dyn Copies>) -> Copied {
        Copied { inner, copies, is_unsure: AtomicBool::new(false) }
    }

    /// Keeps a copy of what is there now.
    ///
    /// # Errors
    /// [`StoreError::Uncopied`].
    pub fn copy(&self) -> Result<(), StoreError> {
        self.keep(self.inner.scan("")?, self.inner.usage()?.records)
    }

    fn keep(&self, records: Vec<Record>, usage: Vec<Record>) -> Result<(), StoreError> {
        let kept = self.copies.keep(&document(records, usage)?.to_string());
        self.is_unsure.store(!kept, Ordering::Release);
        if kept { Ok(()) } else { Err(StoreError::Uncopied) }
    }
}

/// Records by their keys.
type ByKey = BTreeMap<String, Record>;

/// What a store has, and what it will have by these changes.
pub(super) fn changed(store: &dyn Store, changes: &[RecordChange]) -> Result<(ByKey, ByKey), StoreError> {
    let was: ByKey = store.scan("")?.into_iter().map(|record| (record.key.reveal().clone(), record)).collect();
    let mut records = was.clone();
    for change in changes {
        let found = was.get(change.key.reveal()).map(|record| record.value.reveal().as_slice());
        if !expected(change, found) {
            return Err(StoreError::Conflict);
        }
        match &change.value {
            Some(value) => {
                let record = Record { key: change.key.clone(), value: value.clone() };
                drop(records.insert(change.key.reveal().clone(), record));
            }
            None => drop(records.remove(change.key.reveal())),
        }
    }
    Ok((was, records))
}

impl Store for Copied {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        self.inner.get(key)
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        self.inner.scan(prefix)
    }

    fn each(&self, prefix: &str, work: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        self.inner.each(prefix, work)
    }

    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError> {
        admissible(changes)?;
        let (was, records) = changed(&*self.inner, changes)?;
        // What only the usage knew, and went with it, must be known there too.
        if records == was && !self.is_unsure.load(Ordering::Acquire) && self.copies.is_newest() {
            return self.inner.transact(changes);
        }
        // First there: what is answered here must be known to whoever takes over.
        self.keep(records.into_values().collect(), self.inner.usage()?.records)?;
        let done = self.inner.transact(changes);
        if !matches!(done, Ok(()) | Err(StoreError::Residue)) {
            // Else a change that was refused would come in force with the next take-over.
            let _ = self.copy();
        }
        done
    }

    fn rest(&self) -> Result<(), StoreError> {
        self.inner.rest()
    }

    fn usage(&self) -> Result<StoredUsage, StoreError> {
        self.inner.usage()
    }

    fn each_usage(&self, work: &mut dyn FnMut(&str, &[u8])) -> Result<u64, StoreError> {
        self.inner.each_usage(work)
    }

    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError> {
        self.write_usage_of(&mut records.iter().cloned())
    }

    fn write_usage_of(&self, records: &mut dyn Iterator<Item = Record>) -> Result<(), StoreError> {
        let written = self.inner.write_usage_of(records);
        // Not refused for it: usage is written each hour, whoever listens. But the next change is not answered before a copy is kept.
        let _ = self.copy();
        written
    }
}

/// Whether a copy has no association, and `store` has one: the book of a machine that was set up anew, in place of the host's.
///
/// # Errors
/// It is no copy; what the disk says.
pub fn is_emptier(store: &dyn Store, copy: &str) -> Result<bool, StoreError> {
    let has_none = !parts(copy)?.0.iter().any(|record| record.key.reveal().starts_with("association/"));
    Ok(has_none && !store.scan("association/")?.is_empty())
}

/// Makes `store` the same as a copy. `newest` is the newest version of the records that this program understands.
///
/// # Errors
/// [`StoreError::Damaged`] where it is no copy, [`StoreError::Newer`] for one of a newer nologd; else what the disk says.
pub fn adopt(store: &dyn Store, copy: &str, newest: u64) -> Result<(), StoreError> {
    let (records, usage) = parts(copy)?;
    let version = records.iter().find(|record| record.key.reveal() == "schema").map(|record| record.value.reveal().clone());
    let version: u64 = version.and_then(|value| serde_json::from_slice(&value).ok()).ok_or(StoreError::Damaged)?;
    if version > newest {
        return Err(StoreError::Newer(version));
    }
    let was: BTreeMap<_, _> = store.scan("")?.into_iter().map(|record| (record.key.reveal().clone(), record)).collect();
    let is_new = |record: &&Record| was.get(record.key.reveal()) != Some(record);
    let put = |record: &Record| RecordChange { key: record.key.clone(), expect: Expect::Any, value: Some(record.value.clone()) };
    let put = records.iter().filter(is_new).map(put);
    let known: HashSet<_> = records.iter().map(|record| record.key.reveal()).collect();
    let gone = was.keys().filter(|key| !known.contains(key));
    let changes: Vec<_> = put.chain(gone.map(|key| RecordChange::remove(key.clone()))).collect();
    let settled = |done: Result<(), StoreError>| if done == Err(StoreError::Residue) { Ok(()) } else { done };
    // First, as at every removal: what only the usage knows would come back.
    if store.usage()?.records != usage {
        settled(store.write_usage(&usage))?;
    }
    if changes.is_empty() { Ok(()) } else { settled(store.transact(&changes)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::{MemoryStore, export};

    #[derive(Default)]
    struct Elsewhere {
        kept: Mutex<Option<String>>,
        refuses: Mutex<bool>,
        overwritten: Mutex<bool>,
    }

    impl Copies for Elsewhere {
        fn is_newest(&self) -> bool {
            !*self.overwritten.lock().unwrap()
        }

        fn keep(&self, document: &str) -> bool {
            let refuses = *self.refuses.lock().unwrap();
            if !refuses {
                *self.kept.lock().unwrap() = Some(document.to_owned());
            }
            !refuses
        }
    }

    fn put(key: &str, value: &str) -> RecordChange {
        RecordChange::put(key.to_owned(), value.as_bytes().to_vec())
    }

    #[test]
    fn what_is_answered_is_kept_elsewhere_and_what_is_not_is_not_made() {
        let (inner, elsewhere) = (Arc::new(MemoryStore::new()), Arc::new(Elsewhere::default()));
        let store = Copied::new(inner.clone(), elsewhere.clone());
        assert!(store.transact(&[put("schema", "4"), put("association/velo", "{\"a\":1}")]).is_ok());
        let usage =
            [Record { key: Private::new("usage/a@velo.example".into()), value: Private::new(b"{\"octets\":1}".to_vec()) }];
        assert!(store.write_usage(&usage).is_ok());

        *elsewhere.refuses.lock().unwrap() = true;
        assert!(store.transact(&[put("association/velo", "{\"a\":1}")]).is_ok(), "nothing changes, so nothing has to be kept");
        assert_eq!(store.transact(&[put("association/velo", "{\"a\":2}")]), Err(StoreError::Uncopied));
        assert!(store.get("association/velo").unwrap().unwrap().reveal() == b"{\"a\":1}");
        // What did not answer may have kept it.
        assert_eq!(store.transact(&[put("association/velo", "{\"a\":1}")]), Err(StoreError::Uncopied));
        *elsewhere.refuses.lock().unwrap() = false;
        assert!(store.transact(&[put("mailbox/b@velo.example", "{}")]).is_ok());

        // A mailbox that only the usage knew is removed: that is answered when the copy does not know it either.
        *elsewhere.refuses.lock().unwrap() = true;
        assert!(store.write_usage(&[]).is_ok());
        let removal = [RecordChange::remove("mailbox/a@velo.example".to_owned())];
        assert_eq!(store.transact(&removal), Err(StoreError::Uncopied));
        *elsewhere.refuses.lock().unwrap() = false;
        assert!(store.transact(&removal).is_ok());
        assert!(!elsewhere.kept.lock().unwrap().as_ref().unwrap().contains("a@velo.example"));
        assert!(store.write_usage(&usage).is_ok());

        // Where another copy is the newest there, even what changes nothing makes one anew.
        *elsewhere.kept.lock().unwrap() = None;
        *elsewhere.overwritten.lock().unwrap() = true;
        assert!(store.transact(&[put("mailbox/b@velo.example", "{}")]).is_ok());

        let other = MemoryStore::new();
        assert!(other.transact(&[put("schema", "4"), put("association/gone", "{}")]).is_ok());
        let copy = elsewhere.kept.lock().unwrap().clone().unwrap();
        assert_eq!(is_emptier(&other, &copy), Ok(false));
        let empty = MemoryStore::new();
        assert!(empty.transact(&[put("schema", "4")]).is_ok());
        let nothing = export(&empty).unwrap().to_string();
        assert_eq!((is_emptier(&other, &nothing), is_emptier(&empty, &nothing)), (Ok(true), Ok(false)));
        assert_eq!(adopt(&other, &copy, 4), Ok(()));
        assert!(export(&other).unwrap() == export(&*inner).unwrap());
        assert_eq!(adopt(&other, &copy, 4), Ok(()), "twice is once");
        assert_eq!(adopt(&other, &copy, 3), Err(StoreError::Newer(4)));
        assert_eq!(adopt(&other, "{}", 4), Err(StoreError::Damaged));
    }
}
