//! The store as it is at this moment, read from beside: without the lock, while a daemon runs, and where the disk takes nothing.
//!
//! Only the copies and the usage are read. A daemon may swap and wipe them meanwhile, so what is read is checked as a whole, twice.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folder::{Portion, in_force, stamp};
use super::generation::{Records, copy_octets, room_for, whole_copy};
use super::usage_file::read_usage;
use super::{MemoryStore, StoreError, StoredUsage};

/// A swap takes a moment; a copy that is not whole after this never will be.
const WAIT: Duration = Duration::from_secs(3);

/// The book and the usage that are in force in the state folder `path`.
///
/// # Errors
/// [`StoreError::Damaged`] when no copy is whole, or when there is none (files of an older version).
pub fn snapshot(path: &Path) -> Result<MemoryStore, StoreError> {
    let start = Instant::now();
    loop {
        if let Some((book, usage)) = at_once(path)? {
            // Reading leaves a time as well.
            stamp(path);
            return Ok(MemoryStore::holding(book, usage));
        }
        if start.elapsed() > WAIT {
            return Err(StoreError::Damaged);
        }
        sleep(Duration::from_millis(20));
    }
}

/// About how many octets must be free on the disk of the state folder `path` for a change to be made. Of a folder that is not there yet, or cannot
/// be seen: for a book that is empty.
pub fn room(path: &Path) -> u64 {
    room_for(in_force(path, Portion::Book).ok().flatten().map_or(0, |book| copy_octets(&book)))
}

/// None when something changed while it was read, or cannot be read.
fn at_once(path: &Path) -> Result<Option<(Records, StoredUsage)>, StoreError> {
    let book = || Ok::<_, StoreError>(in_force(path, Portion::Book)?.and_then(|place| whole_copy(&place)));
    let before = book()?;
    let usage = match in_force(path, Portion::Usage)? {
        Some(file) => read_usage(&file)?,
        None => StoredUsage::default(),
    };
    // Usage that is being wiped looks damaged for a moment; what is damaged stays so.
    let settled =
        usage.lost == 0 || in_force(path, Portion::Usage)?.map(|file| read_usage(&file)).transpose()? == Some(usage.clone());
    let after = book()?;
    Ok(if settled && before == after { before.map(|book| (book, usage)) } else { None })
}
