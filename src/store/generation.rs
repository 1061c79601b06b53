//! One generation of the book: its records twice as lines of text; and beside them a database of sled 0.34 with the same, written once, from
//! its first record to its last in the order of the keys, and never changed.
//!
//! ```text
//! book-1/db conf snap.* blobs/    sled's
//! book-1/sealed                   how many batches the database must have
//! book-1/copy-a copy-b            the same records (`lines`)
//! ```
//!
//! sled is trusted with what it needs:
//!
//! - Half-written snapshots (`*.generating`) would make it refuse its own files after a crash: they are removed at open, and
//!   nothing else ever is, for without its snapshots sled starts empty and says nothing.
//! - `flush` asks for `sync_file_range` only, which a power cut does not respect: `fdatasync` follows.
//! - A log that lost its end opens without complaint: the seal tells how far it must reach.
//! - It keeps old values in its log until they are overwritten, in the order in which they came: so no value is ever changed in it.
//! - It panics on some damage, and on some disk errors: both are caught.
//!
//! A change by an admin waits for the copies alone: a *light* generation, without database and seal, in place of the one before. The database
//! follows when the store rests ([`Form`]).
//!
//! The copies are what [`super::repair`] takes when sled's files are damaged, and what is read while the daemon runs. They are of the same
//! generation, so they never hold what was removed, and no change is in one and not in the other.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folder::write_new;
use super::lines::{self, ReadLines};
use super::{OWN, Record, StoreError};
use crate::private::Private;

/// The two copies. The first is looked at first.
const COPIES: [&str; 2] = ["copy-a", "copy-b"];
const SEALED: &str = "sealed";
/// Counts the batches, inside the database, so that a lost end can be noticed.
const SEQUENCE: &str = "store/sequence";
/// Records in a batch: sled holds its log open meanwhile, and blocks when it is too long.
const BATCH: usize = 1000;
/// Octets that sled may keep in memory. 30,000 mailboxes are a few MiB.
const CACHE: u64 = 32 * 1024 * 1024;
/// A database that was just closed may be held by sled's own threads for a moment.
const UNLOCK_WAIT: Duration = Duration::from_secs(2);
/// Octets that a generation takes at least: sled's first segment, and the rest.
const LEAST: u64 = 1 << 20;

/// All records by their keys.
pub(super) type Records = BTreeMap<String, Private<Vec<u8>>>;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The copies alone: what a change waits for.
    Light,
    /// The copies and the database.
    Whole,
}

/// Whether the generation at `path` is the copies alone. Where only one of database and seal is missing, it got lost.
pub(super) fn is_light(path: &Path) -> Result<bool, StoreError> {
    Ok(!path.join("db").try_exists()? && !path.join(SEALED).try_exists()?)
}

/// All that is in the generation at `path`.
///
/// # Errors
/// [`StoreError::Damaged`] when a part of what was written is missing, or is not what a whole copy says.
pub(super) fn complete(path: &Path) -> Result<Records, StoreError> {
    if is_light(path)? { whole_copy(path).ok_or(StoreError::Damaged) } else { Generation::open(path)?.complete(path) }
}

/// A database, open for reading: not longer than that takes, for sled keeps what it read in memory.
pub(super) struct Generation {
    tree: sled::Db,
}

impl Generation {
    /// Opens it, however much of it is left.
    pub(super) fn open(path: &Path) -> Result<Generation, StoreError> {
        // sled would make what is not there, and an empty book would be in force.
        if !path.join("db").try_exists()? {
            return Err(StoreError::Damaged);
        }
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|end| end == "generating") {
                fs::remove_file(entry)?;
            }
        }
        Ok(Generation { tree: open_tree(path)? })
    }

    /// See [`complete`].
    fn complete(self, path: &Path) -> Result<Records, StoreError> {
        let has_end = self.sequence()? >= sealed(path)?;
        let records = self.records()?;
        // Written in one go and never changed, they are the same. Files of version 0.1.0 have no copies.
        let first = says(path, &records).find(|said| *said != CopySays::Partly);
        if has_end && first != Some(CopySays::Otherwise) { Ok(records) } else { Err(StoreError::Damaged) }
    }

    fn get(&self, key: &str) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        let found = read(|| self.tree.get(key).map_err(blame))?;
        Ok(found.map(|value| Private::new(value.to_vec())))
    }

    pub(super) fn records(&self) -> Result<Records, StoreError> {
        read(|| {
            let mut found = Vec::new();
            for record in self.tree.iter() {
                let (key, value) = record.map_err(blame)?;
                let key = String::from_utf8(key.to_vec()).map_err(|_| StoreError::Damaged)?;
                if !key.starts_with(OWN) {
                    found.push((key, Private::new(value.to_vec())));
                }
            }
            // Made in one go, a map is full; one after the other in their order, it is half empty.
            Ok(found.into_iter().collect())
        })
    }

    fn sequence(&self) -> Result<u64, StoreError> {
        match self.get(SEQUENCE)? {
            None => Ok(0),
            Some(value) => serde_json::from_slice(value.reveal()).map_err(|_| StoreError::Damaged),
        }
    }
}

/// Writes a generation to `path`, where nothing is, reads it again and syncs it.
pub(super) fn build(path: &Path, records: &Records, form: Form) -> Result<(), StoreError> {
    has_room(path, records)?;
    // A panic of sled in here is about the disk.
    catch_unwind(AssertUnwindSafe(|| build_all(path, records, form))).unwrap_or(Err(StoreError::Io(ErrorKind::Other)))
}

/// sled is better not asked to write what has no room. A light one needs it too, for what follows.
fn has_room(path: &Path, records: &Records) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    let disk = nix::sys::statvfs::statvfs(folder).map_err(std::io::Error::from)?;
    let octets: usize = records.iter().map(|(key, value)| key.len() + value.reveal().len() + 100).sum();
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    if free < room_for(octets as u64) { Err(StoreError::Io(ErrorKind::StorageFull)) } else { Ok(()) }
}

/// Octets that must be free before records of so many are written.
pub(super) fn room_for(octets: u64) -> u64 {
    // Once in each copy, and a few times in sled's log.
    LEAST.saturating_add(octets.saturating_mul(6))
}

/// How long the first copy in a generation is; 0 where it cannot be seen.
pub(super) fn copy_octets(path: &Path) -> u64 {
    fs::metadata(path.join(COPIES[0])).map_or(0, |data| data.len())
}

fn build_all(path: &Path, records: &Records, form: Form) -> Result<(), StoreError> {
    DirBuilder::new().mode(0o700).create(path)?;
    let all: Vec<_> = records.iter().map(|(key, value)| (key.as_str(), value.reveal().as_slice())).collect();
    let text = lines::encode(all.iter().copied());
    for name in COPIES {
        write_new(&path.join(name), &text)?;
        if fs::read(path.join(name))? != text {
            return Err(StoreError::Damaged);
        }
    }
    if form == Form::Light {
        return Ok(());
    }
    let tree = open_tree(path)?;
    let batches: Vec<_> = all.chunks(BATCH).collect();
    for (at, batch) in batches.iter().enumerate() {
        let mut changes = sled::Batch::default();
        batch.iter().for_each(|(key, value)| changes.insert(*key, *value));
        if at + 1 == batches.len() {
            changes.insert(SEQUENCE, batches.len().to_string().as_bytes());
        }
        tree.apply_batch(changes).map_err(blame)?;
    }
    tree.flush().map_err(blame)?;
    File::open(path.join("db"))?.sync_data()?;
    write_new(&path.join(SEALED), format!("{:020}\n", batches.len()).as_bytes())?;
    let written = Generation { tree }.complete(path)?;
    if written == *records { Ok(()) } else { Err(StoreError::Damaged) }
}

/// How many batches there must be: digits, so that a person can read it.
fn sealed(path: &Path) -> Result<u64, StoreError> {
    let text = match fs::read(path.join(SEALED)) {
        // Without copies, it is a database of before the first seal.
        Err(error) if error.kind() == ErrorKind::NotFound && !path.join(COPIES[0]).exists() => return Ok(0),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(StoreError::Damaged),
        read => read?,
    };
    let text = std::str::from_utf8(&text).map_err(|_| StoreError::Damaged)?;
    if text.is_empty() { Ok(0) } else { text.trim_end().parse().map_err(|_| StoreError::Damaged) }
}

/// The copies of a generation, as far as they can be read; each when it is looked at.
pub(super) fn copies(path: &Path) -> impl Iterator<Item = ReadLines> {
    COPIES.iter().map(|name| lines::decode(&fs::read(path.join(name)).unwrap_or_default()))
}

/// What a copy says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CopySays {
    /// These records, and no others.
    Same,
    /// Something else.
    Otherwise,
    /// A part of it can be read.
    Partly,
}

/// What the copies of a generation say, beside `records`; each when it is looked at, and nothing of it is kept.
pub(super) fn says(path: &Path, records: &Records) -> impl Iterator<Item = CopySays> {
    COPIES.iter().map(|name| {
        let (mut all, mut is_same) = (records.iter(), true);
        let seen = lines::each(&fs::read(path.join(name)).unwrap_or_default(), &mut |key, value| {
            is_same &= all.next().is_some_and(|(other, known)| other == key && known.reveal() == value);
        });
        match seen.is_whole {
            true if is_same && all.next().is_none() => CopySays::Same,
            true => CopySays::Otherwise,
            false => CopySays::Partly,
        }
    })
}

/// The first copy that is whole.
pub(super) fn whole_copy(path: &Path) -> Option<Records> {
    copies(path).find(|copy| copy.seen.is_whole).map(|copy| gathered(copy.records))
}

/// The same, by their keys.
pub(super) fn gathered(records: Vec<Record>) -> Records {
    records.into_iter().map(|record| (record.key.reveal().clone(), record.value)).collect()
}

fn open_tree(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None);
    let start = Instant::now();
    loop {
        // The folder's lock is ours, so a lock on the database is a remnant of our own.
        match catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|_| StoreError::Damaged)? {
            Ok(tree) => return Ok(tree),
            Err(sled::Error::Io(error)) if error.kind() == ErrorKind::Other && start.elapsed() < UNLOCK_WAIT => {
                sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(blame(error)),
        }
    }
}

fn read<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Damaged))
}

// The texts of sled's errors hold paths and sometimes keys: only the kind goes on.
fn blame(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => StoreError::Damaged,
        sled::Error::Io(error) => StoreError::Io(error.kind()),
        _ => StoreError::Damaged,
    }
}
