//! The store in files. Every change writes a new generation of the whole book and wipes the old one (`folder`, `generation`): nothing
//! in the files tells what was there before, nor in which order changes came. It costs time in proportion to the book, which is why only
//! what admins do is written so; many changes in one cost as much as one. Usage has a file of its own, rewritten whole.
//!
//! A change is the two copies of a generation; sled's database, which takes three times as long, follows when the store rests. What the files
//! hold is held in memory too, a few MiB with 30,000 mailboxes: sled is open while it is written, and at the start to be compared.
//!
//! Absent on purpose: changes in place. sled, like any database, keeps the values that it replaces for a while, one after the other.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::folder::{Folder, Portion, wipe, write_new};
use super::generation::{CopySays, Form, Generation, Records, build, complete, copies, gathered, is_light, says, whole_copy};
use super::lines::{self, LineWriter};
use super::usage_file::{each_usage, read_usage};
use super::{Record, RecordChange, Repaired, Store, StoreError, StoredUsage, admissible, expected};
use crate::private::Private;

/// The files under the state folder.
pub struct Embedded {
    folder: Folder,
    current: Mutex<Current>,
}

struct Current {
    // None where nobody can say which generation is in force after a swap: each is whole, and the next use looks.
    records: Option<Records>,
    number: u64,
    usage: u64,
}

impl Embedded {
    /// Opens the state folder `path`, makes it when missing, and finishes or undoes what a crash interrupted.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another daemon runs on it, [`StoreError::Damaged`] when anything acknowledged is missing.
    pub fn open(path: &Path) -> Result<Embedded, StoreError> {
        Embedded::open_locked(Folder::lock(path)?, complete).map_err(|(_, error)| error)
    }

    /// Opens files that [`Embedded::open`] refuses, for `nologd store export`: what was lost stays lost.
    pub fn open_as_it_is(path: &Path) -> Result<Embedded, StoreError> {
        let left = |path: &Path| match is_light(path)? {
            true => Ok(left_over(path)),
            false => Generation::open(path)?.records(),
        };
        Embedded::open_locked(Folder::lock(path)?, left).map_err(|(_, error)| error)
    }

    /// The same for who holds the lock already, and keeps it where this fails.
    pub(super) fn open_locked(
        folder: Folder,
        look: impl FnOnce(&Path) -> Result<Records, StoreError>,
    ) -> Result<Embedded, (Folder, StoreError)> {
        match open(&folder, look) {
            Ok(current) => {
                let store = Embedded { folder, current: Mutex::new(current) };
                store.mend();
                store.folder.stamp();
                Ok(store)
            }
            Err(error) => Err((folder, error)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&Records) -> T) -> Result<T, StoreError> {
        self.lock().records(&self.folder).map(work)
    }

    /// Where the copies are not what the database holds (an older version made none, or a bit was flipped), or a crash came before the
    /// database was written, all is written anew. On a disk that takes nothing that waits.
    fn mend(&self) {
        let mut current = self.lock();
        let Some(records) = &current.records else { return };
        if !says(&self.folder.place(Portion::Book, current.number), records).all(|said| said == CopySays::Same) {
            let records = records.clone();
            let _ = current.swap(&self.folder, records, Form::Whole);
        }
        let _ = current.fill(&self.folder);
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // Where it cannot be, the next start does it.
        let _ = self.lock().fill(&self.folder);
        self.folder.stamp();
    }
}

impl Store for Embedded {
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        self.with(|records| records.get(key).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        self.each(prefix, &mut |key, value| found.push(Record::of(key, value)))?;
        Ok(found)
    }

    fn each(&self, prefix: &str, work: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        self.with(|records| {
            let found = records.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
            found.for_each(|(key, value)| work(key, value.reveal()));
        })
    }

    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError> {
        admissible(changes)?;
        // The lock is held to the end: nothing comes between the comparison and the change.
        let mut current = self.lock();
        let was = current.records(&self.folder)?;
        let mut records = was.clone();
        for change in changes {
            if !expected(change, was.get(change.key.reveal()).map(|value| value.reveal().as_slice())) {
                return Err(StoreError::Conflict);
            }
            match &change.value {
                Some(value) => drop(records.insert(change.key.reveal().clone(), value.clone())),
                None => drop(records.remove(change.key.reveal())),
            }
        }
        let done = if records == *was { Ok(()) } else { current.swap(&self.folder, records, Form::Light) };
        self.folder.stamp();
        done
    }

    fn rest(&self) -> Result<(), StoreError> {
        let filled = self.lock().fill(&self.folder);
        self.folder.stamp();
        filled
    }

    fn usage(&self) -> Result<StoredUsage, StoreError> {
        let number = self.lock().usage;
        read_usage(&self.folder.place(Portion::Usage, number))
    }

    fn each_usage(&self, work: &mut dyn FnMut(&str, &[u8])) -> Result<u64, StoreError> {
        let number = self.lock().usage;
        each_usage(&self.folder.place(Portion::Usage, number), work)
    }

    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError> {
        self.lock().write_usage(&self.folder, &lines::encode(records.iter().map(Record::parts)))
    }

    fn write_usage_of(&self, records: &mut dyn Iterator<Item = Record>) -> Result<(), StoreError> {
        let mut lines = LineWriter::default();
        records.for_each(|record| lines.push(record.key.reveal(), record.value.reveal()));
        self.lock().write_usage(&self.folder, &lines.end())
    }
}

impl Current {
    fn records(&mut self, folder: &Folder) -> Result<&Records, StoreError> {
        if self.records.is_none() {
            self.number = folder.settle(Portion::Book)?;
            let path = folder.place(Portion::Book, self.number);
            self.records = Some(complete(&path)?);
        }
        self.records.as_ref().ok_or(StoreError::Closed)
    }

    /// Writes the database that a change left out.
    fn fill(&mut self, folder: &Folder) -> Result<(), StoreError> {
        match &self.records {
            Some(records) if is_light(&folder.place(Portion::Book, self.number))? => {
                let records = records.clone();
                self.swap(folder, records, Form::Whole)
            }
            _ => Ok(()),
        }
    }

    fn write_usage(&mut self, folder: &Folder, text: &[u8]) -> Result<(), StoreError> {
        let number = self.usage + 1;
        let draft = folder.draft(Portion::Usage, number)?;
        // It must not stay there to fill a full disk.
        write_new(&draft, text).inspect_err(|_| drop(wipe(&draft)))?;
        folder.publish(Portion::Usage, number)?;
        let wiped = folder.discard(Portion::Usage, number);
        self.usage = number;
        if wiped.is_ok() {
            self.usage = folder.first(Portion::Usage, number)?;
        }
        folder.stamp();
        wiped.map_err(|_| StoreError::Residue)
    }

    fn swap(&mut self, folder: &Folder, records: Records, form: Form) -> Result<(), StoreError> {
        let left = self.number;
        // Where it fails from here on, what is held may be what is in no file.
        let (number, residue) = replace(folder, left, &records, form, || self.records = None)?;
        (self.number, self.records) = (number, Some(records));
        if residue { Err(StoreError::Residue) } else { Ok(()) }
    }
}

/// Puts a generation with these records in force instead of the one of number `left`. `made` is called when that has happened,
/// also where it fails afterwards. Returns the number of the new one, and whether something of the old one is left.
fn replace(folder: &Folder, left: u64, records: &Records, form: Form, made: impl FnOnce()) -> Result<(u64, bool), StoreError> {
    let number = left + 1;
    let draft = folder.draft(Portion::Book, number)?;
    build(&draft, records, form).inspect_err(|_| drop(wipe(&draft)))?;
    let published = folder.publish(Portion::Book, number);
    if published.is_err() && !folder.place(Portion::Book, number).exists() {
        let _ = wipe(&draft);
        return published.map(|()| (left, false));
    }
    // The change is made. Should the rest fail, the old generation must not be read any more.
    made();
    published?;
    let settled = folder.discard(Portion::Book, number).and_then(|()| folder.first(Portion::Book, number));
    Ok(settled.map_or((number, true), |first| (first, false)))
}

fn open(folder: &Folder, look: impl FnOnce(&Path) -> Result<Records, StoreError>) -> Result<Current, StoreError> {
    let (mut number, usage) = (folder.settle(Portion::Book)?, folder.settle(Portion::Usage)?);
    if number == 0 {
        // Numbers without a book are no first start: the book got lost.
        if usage > 0 {
            return Err(StoreError::Damaged);
        }
        (number, _) = replace(folder, 0, &Records::new(), Form::Whole, || ())?;
    }
    let path = folder.place(Portion::Book, number);
    let records = Some(look(&path)?);
    Ok(Current { records, number, usage })
}

/// `nologd store repair`: takes the first copy that is whole when the database is damaged. With `partial` and no whole copy, all lines
/// of both copies, and what can be read of the database.
///
/// # Errors
/// [`StoreError::Damaged`] when there is no whole copy, and what is left was not asked for or is nothing.
pub fn repair(path: &Path, partial: bool) -> Result<Repaired, StoreError> {
    let folder = Folder::lock(path)?;
    let number = folder.settle(Portion::Book)?;
    if number == 0 {
        return Err(StoreError::Damaged);
    }
    let place = folder.place(Portion::Book, number);
    if complete(&place).is_ok() {
        // Opened once more, it mends its copies.
        drop(Embedded::open_locked(folder, complete).map_err(|(_, error)| error)?);
        return Ok(Repaired::Well);
    }
    let (records, is_whole) = match whole_copy(&place) {
        Some(records) => (records, true),
        None if partial => (left_over(&place), false),
        None => return Err(StoreError::Damaged),
    };
    if records.is_empty() && !is_whole {
        return Err(StoreError::Damaged);
    }
    let count = records.len() as u64;
    replace(&folder, number, &records, Form::Whole, || ())?;
    folder.stamp();
    Ok(if is_whole { Repaired::Whole(count) } else { Repaired::Partly(count) })
}

/// Lines with a good check are as they were written; of the database only what no line says.
fn left_over(place: &Path) -> Records {
    let mut records = Generation::open(place).and_then(|generation| generation.records()).unwrap_or_default();
    for copy in copies(place) {
        records.extend(gathered(copy.records));
    }
    records
}
