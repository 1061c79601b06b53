//! The state folder: one numbered generation of the database at a time, and the lock that keeps a second daemon out.
//!
//! ```text
//! state_dir/lock          held (flock) as long as the store is open
//! state_dir/book-7/       the database in force: the highest number
//! state_dir/book-8.new/   one that is being written; nothing in it counts until it is renamed to book-8
//! ```
//!
//! The rename is the only moment at which anything changes, so a crash leaves either the old generation or the new one, and
//! at most something to wipe: everything that is not in force is overwritten with zeros and removed, at once or at the next
//! open. On file systems that write elsewhere (btrfs, zfs) and inside flash disks the zeros do not reach the old blocks;
//! there, disk encryption is what makes a removal final.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

const NEW: &str = ".new";

/// The folder, locked.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the lock, or says [`StoreError::InUse`]. The folder is made if it is missing, readable by its owner only.
    pub(super) fn lock(path: &Path) -> Result<Folder, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The number of the generation in force; 0 when there is none yet. Wipes all others.
    pub(super) fn settle(&self) -> Result<u64, StoreError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(|name| name.strip_prefix("book-")) else { continue };
            found.push((number.parse::<u64>().ok(), self.path.join(&name)));
        }
        let current = found.iter().filter_map(|(number, _)| *number).max().unwrap_or(0);
        for (number, path) in found {
            let unfinished = path.extension().is_some_and(|end| end == "new");
            if unfinished || number.is_some_and(|number| number < current) {
                wipe(&path)?;
            }
        }
        Ok(current)
    }

    /// Where generation `number` is, once it is in force.
    pub(super) fn generation(&self, number: u64) -> PathBuf {
        self.path.join(format!("book-{number}"))
    }

    /// An empty place to write generation `number` in.
    pub(super) fn draft(&self, number: u64) -> Result<PathBuf, StoreError> {
        let path = self.path.join(format!("book-{number}{NEW}"));
        if path.exists() {
            wipe(&path)?;
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Puts a draft in force: all its files reach the disk, then its name changes.
    pub(super) fn publish(&self, number: u64) -> Result<(), StoreError> {
        let draft = self.path.join(format!("book-{number}{NEW}"));
        sync_tree(&draft)?;
        fs::rename(&draft, self.generation(number))?;
        Ok(sync_folder(&self.path)?)
    }

    /// Overwrites and removes generation `number`, which is in force no more.
    pub(super) fn discard(&self, number: u64) -> Result<(), StoreError> {
        let path = self.generation(number);
        if path.exists() {
            wipe(&path)?;
        }
        Ok(sync_folder(&self.path)?)
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(path)
}

/// Overwrites every file with zeros, then removes the tree.
fn wipe(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            wipe(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            blank(&entry.path())?;
            fs::remove_file(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(path)
}

fn blank(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    let zeros = [0; 64 * 1024];
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        // `part` is at most the length of `zeros`.
        file.write_all(zeros.get(..part as usize).unwrap_or(&zeros))?;
        left -= part;
    }
    file.sync_data()
}
