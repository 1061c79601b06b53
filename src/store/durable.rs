//! What the daemon opens: the files; and where they cannot be used as they are, what is nearest to it, so that mail goes on.
//!
//! - The disk is full or takes nothing: the book is read from its copy, and every change is refused until the disk takes it again.
//!   Each try to write looks whether it does.
//! - sled's files are damaged, and a copy is whole: that copy is the book, and all is written anew from it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::folder::Folder;
use super::generation::complete;
use super::{Embedded, MemoryStore, Record, RecordChange, Repaired, Store, StoreError, StoredUsage, repair, snapshot};
use crate::private::Private;

/// How the files were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As they should be.
    Well,
    /// They were damaged, and nothing is lost: so many records were written anew.
    Repaired(u64),
    /// They can be read and not written, for this reason.
    Frozen(StoreError),
}

/// The files, or what could be read of them.
pub struct Durable {
    path: PathBuf,
    held: Mutex<Backing>,
}

enum Backing {
    Files(Embedded),
    /// And the lock, where there is one: a second daemon is kept out also now.
    Frozen(MemoryStore, Option<Folder>, StoreError),
}

impl Durable {
    /// Opens the state folder.
    ///
    /// # Errors
    /// As [`Embedded::open`], where the copies do not help.
    pub fn open(path: &Path) -> Result<(Durable, Condition), StoreError> {
        let (held, found) = open(path)?;
        Ok((Durable { path: path.to_owned(), held: Mutex::new(held) }, found))
    }

    fn lock(&self) -> MutexGuard<'_, Backing> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, work: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &*self.lock() {
            Backing::Files(files) => work(files),
            Backing::Frozen(memory, ..) => work(memory),
        }
    }

    fn write(&self, work: impl FnOnce(&Embedded) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut held = self.lock();
        if let Backing::Frozen(memory, folder, why) = &mut *held {
            let lock = folder.take().map_or_else(|| Folder::lock(&self.path), Ok)?;
            match Embedded::open_locked(lock, complete) {
                // Nobody else may have written meanwhile.
                Ok(files) if files.scan("")? == memory.scan("")? => *held = Backing::Files(files),
                Ok(_) => return Err(StoreError::Damaged),
                Err((lock, _)) => {
                    *folder = Some(lock);
                    return Err(*why);
                }
            }
        }
        match &*held {
            Backing::Files(files) => work(files),
            Backing::Frozen(.., why) => Err(*why),
        }
    }
}

fn open(path: &Path) -> Result<(Backing, Condition), StoreError> {
    let lock = match Folder::lock(path) {
        Ok(lock) => Some(lock),
        Err(StoreError::InUse) => return Err(StoreError::InUse),
        Err(_) => None,
    };
    let (lock, why) = match lock.map(|lock| Embedded::open_locked(lock, complete)) {
        Some(Ok(files)) => return Ok((Backing::Files(files), Condition::Well)),
        Some(Err((lock, why))) => (Some(lock), why),
        // Neither can it be locked nor made.
        None => (None, Folder::lock(path).err().unwrap_or(StoreError::Closed)),
    };
    match why {
        StoreError::Io(_) => {
            let memory = snapshot(path).map_err(|_| why)?;
            Ok((Backing::Frozen(memory, lock, why), Condition::Frozen(why)))
        }
        StoreError::Damaged => {
            drop(lock);
            let Repaired::Whole(count) = repair(path, false)? else { return Err(StoreError::Damaged) };
            Ok((Backing::Files(Embedded::open(path)?), Condition::Repaired(count)))
        }
        other => Err(other),
    }
}

impl Store for Durable {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        self.read(|store| store.get(key))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        self.read(|store| store.scan(prefix))
    }

    fn each(&self, prefix: &str, work: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        self.read(|store| store.each(prefix, work))
    }

    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError> {
        self.write(|files| files.transact(changes))
    }

    fn rest(&self) -> Result<(), StoreError> {
        self.write(|files| files.rest())
    }

    fn usage(&self) -> Result<StoredUsage, StoreError> {
        self.read(|store| store.usage())
    }

    fn each_usage(&self, work: &mut dyn FnMut(&str, &[u8])) -> Result<u64, StoreError> {
        self.read(|store| store.each_usage(work))
    }

    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError> {
        self.write(|files| files.write_usage(records))
    }

    fn write_usage_of(&self, records: &mut dyn Iterator<Item = Record>) -> Result<(), StoreError> {
        self.write(|files| files.write_usage_of(records))
    }
}
