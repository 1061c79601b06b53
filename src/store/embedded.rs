//! The store in files: sled 0.34, with what it needs to be trusted.
//!
//! - Half-written snapshots (`*.generating`) would make sled refuse its own files after a crash: they are removed at open,
//!   and nothing else ever is, for without its snapshots sled starts empty and says nothing.
//! - `flush` asks for `sync_file_range` only, which a power cut does not respect: `fdatasync` follows.
//! - A log that lost its end opens without complaint: the [`Seal`] beside it tells how far it must reach.
//! - Old values stay in the log for long: [`Store::erase`] writes a new generation and wipes the old one ([`Folder`]).
//! - sled panics on some damage: opening is caught, and becomes [`StoreError::Damaged`].
//!
//! Absent on purpose: sled's transactions. They outrun its log writer; one lock and `apply_batch` do the same for the few
//! writes that we make.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folder::{Folder, sync_folder};
use super::{BATCH, Change, OWN, Record, Store, StoreError, admissible, expected};
use crate::private::Private;

/// Counts the batches, inside the database, so that a lost end can be noticed.
const SEQUENCE: &str = "store/sequence";
/// Octets that sled may keep in memory. 30,000 mailboxes are a few MiB.
const CACHE: u64 = 32 * 1024 * 1024;
/// A database that was just closed may be held by sled's own threads for a moment.
const UNLOCK_WAIT: Duration = Duration::from_secs(2);

/// The files under the state folder.
pub struct Embedded {
    folder: Folder,
    // None after a failed swap: the files are whole, but this process has no hold on them any more.
    current: Mutex<Option<Generation>>,
}

impl Embedded {
    /// Opens the state folder `path`, makes it when missing, and finishes or undoes what a crash interrupted.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another daemon runs on it, [`StoreError::Damaged`] when anything acknowledged is missing.
    pub fn open(path: &Path) -> Result<Embedded, StoreError> {
        let store = Embedded::open_as_it_is(path)?;
        if store.with(|generation| generation.has_lost_its_end())? { Err(StoreError::Damaged) } else { Ok(store) }
    }

    /// Opens files that [`Embedded::open`] refuses, for `nologd store export`: what was lost stays lost.
    pub fn open_as_it_is(path: &Path) -> Result<Embedded, StoreError> {
        let folder = Folder::lock(path)?;
        let mut number = folder.settle()?;
        if number == 0 {
            number = 1;
            Generation::open(&folder.draft(number)?, number)?.sync()?;
            folder.publish(number)?;
        }
        let generation = Generation::open(&folder.generation(number), number)?;
        Ok(Embedded { folder, current: Mutex::new(Some(generation)) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Generation>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&Generation) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.lock().as_ref().map_or(Err(StoreError::Closed), work)
    }
}

impl Store for Embedded {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        self.with(|generation| Ok(generation.tree.get(key).map_err(blame)?.map(|value| Private::new(value.to_vec()))))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        self.with(|generation| generation.scan(prefix))
    }

    fn transact(&self, changes: &[Change]) -> Result<(), StoreError> {
        admissible(changes)?;
        if changes.len() > BATCH {
            return self.erase(changes);
        }
        self.with(|generation| {
            generation.compare(changes)?;
            generation.apply(changes)
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.with(Generation::sync)
    }

    fn erase(&self, changes: &[Change]) -> Result<(), StoreError> {
        admissible(changes)?;
        // The lock is held to the end: nothing may be written into a generation that is being left.
        let mut current = self.lock();
        let old = current.as_ref().ok_or(StoreError::Closed)?;
        old.compare(changes)?;
        let number = old.number + 1;
        old.copy_to(&self.folder.draft(number)?, number, changes)?;
        let left = old.number;
        let published = self.folder.publish(number);
        if published.is_err() && !self.folder.generation(number).exists() {
            return published;
        }
        // The change is made. Should the rest fail, the old generation must not be written to any more.
        *current = None;
        published?;
        *current = Some(Generation::open(&self.folder.generation(number), number)?);
        self.folder.discard(left).map_err(|_| StoreError::Residue)
    }
}

/// One database.
struct Generation {
    number: u64,
    tree: sled::Db,
    log: File,
    seal: Seal,
}

impl Generation {
    fn open(path: &Path, number: u64) -> Result<Generation, StoreError> {
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|end| end == "generating") {
                fs::remove_file(entry)?;
            }
        }
        let tree = open_tree(path)?;
        let log = File::open(path.join("db"))?;
        let seal = Seal::open(&path.join("sealed"))?;
        sync_folder(path)?;
        Ok(Generation { number, tree, log, seal })
    }

    fn sequence(&self) -> Result<u64, StoreError> {
        match self.tree.get(SEQUENCE).map_err(blame)? {
            None => Ok(0),
            Some(value) => serde_json::from_slice(&value).map_err(|_| StoreError::Damaged),
        }
    }

    fn has_lost_its_end(&self) -> Result<bool, StoreError> {
        Ok(self.sequence()? < self.seal.read()?)
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        for record in self.tree.scan_prefix(prefix) {
            let (key, value) = record.map_err(blame)?;
            let key = String::from_utf8(key.to_vec()).map_err(|_| StoreError::Damaged)?;
            if !key.starts_with(OWN) {
                found.push(Record { key: Private::new(key), value: Private::new(value.to_vec()) });
            }
        }
        Ok(found)
    }

    fn compare(&self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            let found = self.tree.get(change.key.reveal()).map_err(blame)?;
            if !expected(change, found.as_deref()) {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    // Callers hold the store's lock: nothing comes between `compare` and `apply`.
    fn apply(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for change in changes {
            match &change.value {
                Some(value) => batch.insert(change.key.reveal().as_str(), value.reveal().as_slice()),
                None => batch.remove(change.key.reveal().as_str()),
            }
        }
        batch.insert(SEQUENCE, (self.sequence()? + 1).to_string().as_bytes());
        self.tree.apply_batch(batch).map_err(blame)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let reached = self.sequence()?;
        self.tree.flush().map_err(blame)?;
        self.log.sync_data()?;
        self.seal.write(reached)
    }

    /// Writes all records, changed as told, to a new database at `path`, and syncs it.
    fn copy_to(&self, path: &Path, number: u64, changes: &[Change]) -> Result<(), StoreError> {
        let changed: std::collections::BTreeSet<_> = changes.iter().map(|change| change.key.reveal()).collect();
        let kept = self.scan("")?.into_iter().filter(|record| !changed.contains(record.key.reveal()));
        let mut puts: Vec<_> =
            kept.map(|record| Change::put(record.key.reveal().clone(), record.value.reveal().clone())).collect();
        puts.extend(changes.iter().filter(|change| change.value.is_some()).cloned());
        let copy = Generation::open(path, number)?;
        for batch in puts.chunks(BATCH) {
            copy.apply(batch)?;
        }
        copy.sync()
    }
}

/// How many batches are known to be on disk: one number in a file of its own, written after the database was synced.
struct Seal(File);

impl Seal {
    /// Digits, so that a person can read it; all of one sector, so that it is never half-written.
    const DIGITS: usize = 20;

    fn open(path: &Path) -> Result<Seal, StoreError> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        Ok(Seal(file))
    }

    fn read(&self) -> Result<u64, StoreError> {
        if self.0.metadata()?.len() == 0 {
            return Ok(0);
        }
        let mut digits = [0; Seal::DIGITS];
        self.0.read_exact_at(&mut digits, 0).map_err(|_| StoreError::Damaged)?;
        let text = std::str::from_utf8(&digits).map_err(|_| StoreError::Damaged)?;
        text.parse().map_err(|_| StoreError::Damaged)
    }

    fn write(&self, reached: u64) -> Result<(), StoreError> {
        self.0.write_all_at(format!("{reached:0width$}\n", width = Seal::DIGITS).as_bytes(), 0)?;
        Ok(self.0.sync_data()?)
    }
}

fn open_tree(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None);
    let start = Instant::now();
    loop {
        // The folder's lock is ours, so a lock on the database is a remnant of our own.
        match catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|_| StoreError::Damaged)? {
            Ok(tree) => return Ok(tree),
            Err(sled::Error::Io(error)) if error.kind() == std::io::ErrorKind::Other && start.elapsed() < UNLOCK_WAIT => {
                sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(blame(error)),
        }
    }
}

// The texts of sled's errors hold paths and sometimes keys: only the kind goes on.
fn blame(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => StoreError::Damaged,
        sled::Error::Io(error) => StoreError::Io(error.kind()),
        _ => StoreError::Damaged,
    }
}
