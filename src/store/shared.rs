//! A store whose records several nodes share (docs/many-nodes.md): a change is put where all of them see it, before it is made here, and only if nobody
//! has changed anything there since this node took it over. As long as nothing is shared there, each node's store is its own, and so is that of a daemon that
//! runs alone: a change then takes the mark away by which the records were known as those of all nodes ([`AsShared`]).
//!
//! Usage is never shared: it is each judge's own, and counted anew by the next one.

use std::sync::Arc;

use super::as_shared::{alone, is_marked};
use super::copied::changed;
use super::{AsShared, Record, RecordChange, Store, StoreError, StoredUsage, admissible};
use crate::private::Private;

/// Where the records of all nodes are. Blocks until it is known.
pub trait Register: Send + Sync {
    /// Whether there are records of all nodes.
    ///
    /// # Errors
    /// [`StoreError::Unshared`]: that is not known.
    fn is_shared(&self) -> Result<bool, StoreError>;

    /// Puts these records there, in place of those that this node took over last: by what they are known there then.
    ///
    /// # Errors
    /// [`StoreError::Outrun`]: others changed something since. [`StoreError::Disputed`]: what they have was never this node's. [`StoreError::Unshared`]: nobody
    /// knows whether it was done.
    fn publish(&self, records: &[Record]) -> Result<AsShared, StoreError>;

    /// What stands there by this change is in force here.
    fn took(&self, there: &AsShared, records: &[Record]);
}

/// See the head of the file.
pub struct Shared {
    inner: Arc<dyn Store>,
    register: Option<Arc<dyn Register>>,
}

impl Shared {
    /// `inner`, as one of several; or without a register, of a daemon that runs alone.
    pub fn new(inner: Arc<dyn Store>, register: Option<Arc<dyn Register>>) -> Shared {
        Shared { inner, register }
    }
}

fn with(changes: &[RecordChange], one: RecordChange) -> Vec<RecordChange> {
    changes.iter().cloned().chain([one]).collect()
}

/// Those of a store that nodes share: not what is about its own files.
pub fn shareable(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().filter(|record| record.key.reveal().contains('/')).collect()
}

impl Store for Shared {
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
        let is_marked = is_marked(&*self.inner)?;
        if self.register.is_none() && !is_marked {
            return self.inner.transact(changes);
        }
        let (was, records) = changed(&*self.inner, changes)?;
        let (was, records) = (shareable(was.into_values().collect()), shareable(records.into_values().collect()));
        // What only the usage knew is nobody else's.
        if was == records {
            return self.inner.transact(changes);
        }
        match &self.register {
            Some(register) if register.is_shared()? => {
                let there = register.publish(&records)?;
                let done = self.inner.transact(&with(changes, there.record()));
                if matches!(done, Ok(()) | Err(StoreError::Residue)) {
                    register.took(&there, &records);
                }
                // Else it is in force elsewhere, and will be here when it is taken over.
                done
            }
            _ if is_marked => self.inner.transact(&with(changes, alone())),
            _ => self.inner.transact(changes),
        }
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
        self.inner.write_usage(records)
    }

    fn write_usage_of(&self, records: &mut dyn Iterator<Item = Record>) -> Result<(), StoreError> {
        self.inner.write_usage_of(records)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::MemoryStore;

    /// What all nodes see, and who took over what.
    #[derive(Default)]
    struct There {
        number: Mutex<u64>,
        records: Mutex<Vec<String>>,
    }

    struct Node {
        there: Arc<There>,
        taken: Mutex<u64>,
        silent: Mutex<bool>,
    }

    impl Register for Node {
        fn is_shared(&self) -> Result<bool, StoreError> {
            if *self.silent.lock().unwrap() { Err(StoreError::Unshared) } else { Ok(*self.there.number.lock().unwrap() > 0) }
        }

        fn publish(&self, records: &[Record]) -> Result<AsShared, StoreError> {
            let mut number = self.there.number.lock().unwrap();
            if *number != *self.taken.lock().unwrap() {
                return Err(StoreError::Outrun);
            }
            *number += 1;
            *self.there.records.lock().unwrap() = records.iter().map(|record| record.key.reveal().clone()).collect();
            Ok(AsShared { house: "h.1".into(), number: *number })
        }

        fn took(&self, there: &AsShared, _: &[Record]) {
            *self.taken.lock().unwrap() = there.number;
        }
    }

    fn put(key: &str) -> RecordChange {
        RecordChange::put(key.to_owned(), b"1".to_vec())
    }

    #[test]
    fn of_two_who_change_something_at_once_one_is_refused_and_has_changed_nothing() {
        let there = Arc::new(There::default());
        let nodes = [0, 1].map(|_| Arc::new(Node { there: there.clone(), taken: Mutex::new(0), silent: Mutex::new(false) }));
        let stores = nodes.each_ref().map(|node| Shared::new(Arc::new(MemoryStore::new()), Some(node.clone())));
        // Nothing is shared yet: each has its own.
        assert_eq!(stores.each_ref().map(|store| store.transact(&[put("a/own"), put("schema")])), [Ok(()), Ok(())]);
        assert_eq!(*there.number.lock().unwrap(), 0);
        *there.number.lock().unwrap() = 1;
        nodes.iter().for_each(|node| *node.taken.lock().unwrap() = 1);
        assert_eq!(stores[0].transact(&[put("a/first")]), Ok(()));
        assert_eq!(*there.records.lock().unwrap(), ["a/first", "a/own"], "and nothing of its own files");
        assert_eq!(stores[1].transact(&[put("a/second")]), Err(StoreError::Outrun));
        assert!(stores[1].get("a/second").unwrap().is_none());
        *nodes[1].taken.lock().unwrap() = 2;
        assert_eq!(stores[1].transact(&[put("a/second")]), Ok(()));
        // What changes nothing needs nobody.
        *nodes[0].silent.lock().unwrap() = true;
        assert_eq!(stores[0].transact(&[put("a/first")]), Ok(()));
        assert_eq!(stores[0].transact(&[put("a/third")]), Err(StoreError::Unshared));
    }

    /// By a crash at any moment the records and the mark are of one step.
    #[test]
    fn what_is_changed_alone_is_known_by_that_and_nothing_else_is() {
        let (there, files) = (Arc::new(There::default()), Arc::new(MemoryStore::new()));
        let node = Arc::new(Node { there: there.clone(), taken: Mutex::new(0), silent: Mutex::new(false) });
        let (shared, by_itself) = (Shared::new(files.clone(), Some(node.clone())), Shared::new(files.clone(), None));
        let mark = || files.get("as-shared").unwrap().map(|value| String::from_utf8(value.reveal().clone()).unwrap());
        assert_eq!((by_itself.transact(&[put("a/own")]), mark()), (Ok(()), None), "it never was one of several");
        *there.number.lock().unwrap() = 1;
        *node.taken.lock().unwrap() = 1;
        assert_eq!(shared.transact(&[put("a/all")]), Ok(()));
        let marked = Some("{\"house\":\"h.1\",\"number\":2}".to_owned());
        assert_eq!(mark(), marked);
        // Usage, what is about its own files, and what changes nothing: of no other node's business.
        assert_eq!(by_itself.transact(&[put("a/all"), put("imported"), RecordChange::remove("mailbox/x".into())]), Ok(()));
        let refused = put("a/all").expecting(crate::store::Expect::Absent);
        assert_eq!((by_itself.transact(&[refused]), mark()), (Err(StoreError::Conflict), marked));
        assert_eq!((by_itself.transact(&[RecordChange::remove("a/own".into())]), mark()), (Ok(()), Some("null".to_owned())));
        assert_eq!(
            (by_itself.transact(&[put("a/own")]), mark()),
            (Ok(()), Some("null".to_owned())),
            "also where it is as before"
        );
        // Where nothing is shared yet, as in an etcd that was emptied.
        assert_eq!((shared.transact(&[put("a/more")]), mark().is_some_and(|mark| mark != "null")), (Ok(()), true));
        *there.number.lock().unwrap() = 0;
        assert_eq!((shared.transact(&[put("a/third")]), mark()), (Ok(()), Some("null".to_owned())));
    }
}
