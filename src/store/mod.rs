//! Layer 2: what must survive a restart, as keys and values.
//!
//! A [`Store`] is small on purpose: get, scan, several keys in one atomic step with compare-and-set; and usage, which is replaced as
//! a whole. The [`Embedded`] one keeps it in files (sled for the book), the [`MemoryStore`] one is for tests; `tests/store_contract.rs` holds both
//! to the same promises. Keys are text (`association/NAME`), values are JSON, so that an export can be read by a person.
//!
//! The files hold what is, and nothing of what was: no value that was replaced, no order of changes (`tests/seized_disk.rs`).
//!
//! Absent on purpose: any time. Nothing in here knows when something happened.

mod as_shared;
mod copied;
mod durable;
mod embedded;
mod folder;
mod generation;
mod lines;
mod memory;
mod replace;
mod schema;
mod shared;
mod snapshot;
mod transfer;
mod usage_file;

use std::fmt;
use std::io::ErrorKind;

use crate::private::Private;

pub(crate) use as_shared::AS_SHARED;
pub use as_shared::{AsShared, is_marked, may_replace};
pub use copied::{Copied, Copies, adopt, is_emptier};
pub use durable::{Condition, Durable};
pub use embedded::{Embedded, repair};
pub use memory::MemoryStore;
pub use replace::{Lasting, is_no_file, no_times, open_regular, read_own, read_regular, replace};
pub use schema::{Migration, Schema, settle};
pub use shared::{Register, Shared, shareable};
pub use snapshot::{room, snapshot};
pub use transfer::{Summary, check, export, import};

/// Largest value, in octets. sled keeps 16 values to a page and writes pages above half a MiB to files of their own, which
/// it never syncs; below this bound that cannot happen.
pub const MAX_VALUE: usize = 16 * 1024;

/// Keys below this are the store's own; callers neither see nor write them.
const OWN: &str = "store/";

/// Why the store could not do it. Holds no text: what it is about is personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A disk error left this process without its files. What is asked next tries again.
    Closed,
    /// A compare-and-set found something else than expected; nothing was changed.
    Conflict,
    /// The files are not what was written: unreadable, or acknowledged changes are missing. [`repair`] takes the copy that stands
    /// beside them.
    Damaged,
    /// Another daemon uses the folder.
    InUse,
    /// The file system refused.
    Io(ErrorKind),
    /// The files were written by a newer nologd, in this schema version; this one would misread them.
    Newer(u64),
    /// The change is made and durable, but old files could not be wiped; the next change and the next start try again.
    Residue,
    /// A value is above [`MAX_VALUE`] or has a line end in it, or a key is the store's own.
    TooLarge,
    /// The machine that keeps copies for another one did not take it ([`Copied`]); nothing was changed.
    Uncopied,
    /// Another node changed something that this one has not taken over yet ([`Shared`]); nothing was changed.
    Outrun,
    /// All nodes have other records than this one ever had, and an admin has to say which are right ([`Shared`]); nothing was changed.
    Disputed,
    /// Where the records of all nodes are, nobody took it, or nobody knows ([`Shared`]); nothing was changed here.
    Unshared,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreError::Closed => "a disk error closed the store",
            StoreError::Conflict => "something else stands there than was expected",
            StoreError::Damaged => "the files of the store are damaged",
            StoreError::InUse => "another daemon uses the store",
            StoreError::Io(kind) => return write!(f, "the file system refused: {kind}"),
            StoreError::Newer(version) => return write!(f, "a newer nologd wrote the store (schema {version})"),
            StoreError::Residue => "written, but old files could not be wiped",
            StoreError::TooLarge => "a value is too large, or a key is the store's own",
            StoreError::Uncopied => "the machine that keeps copies did not take it",
            StoreError::Outrun => "another node changed something that was not taken over yet",
            StoreError::Disputed => "all nodes have other records than this one",
            StoreError::Unshared => "nobody took it where the records of all nodes are",
        })
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        StoreError::Io(error.kind())
    }
}

/// What must be true of a key for a [`RecordChange`] to happen.
#[derive(Clone, PartialEq, Eq)]
pub enum Expect {
    /// The key does not exist.
    Absent,
    /// Anything goes.
    Any,
    /// The key has exactly this value.
    Value(Private<Vec<u8>>),
}

/// One key of an atomic step.
#[derive(Clone)]
pub struct RecordChange {
    /// Personal: keys hold addresses.
    pub key: Private<String>,
    /// What must be true for the change to happen.
    pub expect: Expect,
    /// The new value; `None` removes the key.
    pub value: Option<Private<Vec<u8>>>,
}

impl RecordChange {
    /// Writes `value`, whatever was there.
    pub fn put(key: String, value: Vec<u8>) -> RecordChange {
        RecordChange { key: Private::new(key), expect: Expect::Any, value: Some(Private::new(value)) }
    }

    /// Removes the key, whether or not it was there.
    pub fn remove(key: String) -> RecordChange {
        RecordChange { key: Private::new(key), expect: Expect::Any, value: None }
    }

    /// The same change, only if the key is as expected.
    pub fn expecting(self, expect: Expect) -> RecordChange {
        RecordChange { expect, ..self }
    }
}

/// One key and its value, as found by [`Store::scan`].
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Personal: keys hold addresses.
    pub key: Private<String>,
    /// JSON.
    pub value: Private<Vec<u8>>,
}

impl Record {
    fn of(key: &str, value: &[u8]) -> Record {
        Record { key: Private::new(key.into()), value: Private::new(value.into()) }
    }

    fn parts(&self) -> (&str, &[u8]) {
        (self.key.reveal(), self.value.reveal())
    }
}

/// What is used, as it was written last.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoredUsage {
    /// In the order of the keys.
    pub records: Vec<Record>,
    /// Lines that are damaged: so many mailboxes are as if they had never been seen.
    pub lost: u64,
}

/// What [`repair`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing: the files are good.
    Well,
    /// Everything is there again: so many records, out of a whole copy.
    Whole(u64),
    /// So many records could be read; others are lost.
    Partly(u64),
}

/// The durable copy of the book. Every call blocks for as long as the disk does: never call it from an async task.
pub trait Store: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError>;

    /// All records whose key starts with `prefix`, in the order of the keys.
    fn scan(&self, prefix: &str) -> Result<Vec<Record>, StoreError>;

    /// Calls `work` with the key and the value of each record that [`Store::scan`] would give. It must not ask the store anything.
    fn each(&self, prefix: &str, work: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        self.scan(prefix)?.iter().map(Record::parts).for_each(|(key, value)| work(key, value));
        Ok(())
    }

    /// All changes or none, also across a crash. When it returns, they survive a power cut, and no file holds the values before (or the
    /// removed keys) any more. Takes time in proportion to the whole store.
    fn transact(&self, changes: &[RecordChange]) -> Result<(), StoreError>;

    /// Does what can wait since the last change. To be called at moments that have nothing to do with anybody's acts.
    fn rest(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The usage that was written last.
    fn usage(&self) -> Result<StoredUsage, StoreError>;

    /// The same for the usage that was written last; gives what is lost of it ([`StoredUsage::lost`]).
    fn each_usage(&self, work: &mut dyn FnMut(&str, &[u8])) -> Result<u64, StoreError> {
        let usage = self.usage()?;
        usage.records.iter().map(Record::parts).for_each(|(key, value)| work(key, value));
        Ok(usage.lost)
    }

    /// Replaces the usage, all of it. Durable when it returns, and no file holds the one before. `records` are in the order of their keys.
    fn write_usage(&self, records: &[Record]) -> Result<(), StoreError>;

    /// The same, without all of them in memory at once.
    fn write_usage_of(&self, records: &mut dyn Iterator<Item = Record>) -> Result<(), StoreError> {
        self.write_usage(&records.collect::<Vec<_>>())
    }
}

/// The bounds that both stores share, checked before anything is touched.
fn admissible(changes: &[RecordChange]) -> Result<(), StoreError> {
    let wrong = |change: &RecordChange| {
        let bad = |value: &Private<Vec<u8>>| value.reveal().len() > MAX_VALUE || value.reveal().contains(&b'\n');
        change.value.as_ref().is_some_and(bad) || change.key.reveal().starts_with(OWN)
    };
    if changes.iter().any(wrong) { Err(StoreError::TooLarge) } else { Ok(()) }
}

/// Whether `found` is what the change expects.
fn expected(change: &RecordChange, found: Option<&[u8]>) -> bool {
    match &change.expect {
        Expect::Absent => found.is_none(),
        Expect::Any => true,
        Expect::Value(value) => found == Some(value.reveal().as_slice()),
    }
}
