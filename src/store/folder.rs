//! The state folder: one numbered generation of each part at a time, and the lock that keeps a second daemon out.
//!
//! ```text
//! state_dir/store/lock          held (flock) as long as the store is open
//! state_dir/store/book-1/       what admins set, in force: the highest number
//! state_dir/store/book-2.new/   one that is being written; nothing in it counts until it is renamed to book-2
//! state_dir/store/usage-1       the same for usage, which is one file
//! ```
//!
//! That rename is the only moment at which anything changes, so a crash leaves either the old generation or the new one, and
//! at most something to wipe: everything that is not in force is overwritten with zeros and removed, at once or at the next
//! open. Then the new one takes the number 1 as well, so that no number tells how many changes there were. On file systems that write
//! elsewhere (btrfs, zfs) and inside flash disks the zeros do not reach the old blocks; there, disk encryption is what makes a
//! removal final.
//!
//! The times of all files are set to one constant ([`Folder::stamp`]). What a file system notes besides (ctime, the time of birth)
//! cannot be set.

use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::StoreError;

const NEW: &str = ".new";

/// What has generations.
#[derive(Clone, Copy)]
pub(super) enum Portion {
    /// A folder.
    Book,
    /// A file.
    Usage,
}

impl Portion {
    fn prefix(self) -> &'static str {
        match self {
            Portion::Book => "book-",
            Portion::Usage => "usage-",
        }
    }
}

/// The folder, locked.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the lock, or says [`StoreError::InUse`]. The folder is made if it is missing, readable by its owner only.
    pub(super) fn lock(path: &Path) -> Result<Folder, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let file = path.join("lock");
        let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&file);
        // A disk that takes nothing can be locked all the same.
        let lock = made.or_else(|error| File::open(&file).map_err(|_| error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The number of the generation in force; 0 when there is none yet. Wipes all others.
    pub(super) fn settle(&self, part: Portion) -> Result<u64, StoreError> {
        let current = found(&self.path, part)?.into_iter().filter_map(|(number, _)| number).max().unwrap_or(0);
        self.wipe_all_but(part, current)?;
        Ok(if current > 1 { self.first(part, current)? } else { current })
    }

    /// Tries each, so that one file that cannot be wiped keeps no other.
    fn wipe_all_but(&self, part: Portion, current: u64) -> io::Result<()> {
        let mut done = Ok(());
        for (number, path) in found(&self.path, part)? {
            let unfinished = path.extension().is_some_and(|end| end == "new");
            if unfinished || number.is_some_and(|number| number < current) {
                done = done.and(wipe(&path));
            }
        }
        done
    }

    /// Where generation `number` is, once it is in force.
    pub(super) fn place(&self, part: Portion, number: u64) -> PathBuf {
        place(&self.path, part, number)
    }

    /// Where to write generation `number`. Nothing is there.
    pub(super) fn draft(&self, part: Portion, number: u64) -> Result<PathBuf, StoreError> {
        let path = self.path.join(format!("{}{number}{NEW}", part.prefix()));
        if path.exists() {
            wipe(&path)?;
        }
        Ok(path)
    }

    /// Puts a draft in force: all of it reaches the disk, then its name changes. Where nobody can say that the name reached the disk,
    /// it is taken back.
    pub(super) fn publish(&self, part: Portion, number: u64) -> Result<(), StoreError> {
        let draft = self.path.join(format!("{}{number}{NEW}", part.prefix()));
        sync_tree(&draft)?;
        let place = self.place(part, number);
        fs::rename(&draft, &place)?;
        Ok(sync_folder(&self.path).or_else(|error| fs::rename(&place, &draft).and(Err(error)))?)
    }

    /// Overwrites and removes all generations but `current`, which is in force: also what an earlier try could not remove.
    pub(super) fn discard(&self, part: Portion, current: u64) -> Result<(), StoreError> {
        self.wipe_all_but(part, current)?;
        Ok(sync_folder(&self.path)?)
    }

    /// Gives the generation in force the number 1, which must be free, and nobody may have opened it by its name.
    pub(super) fn first(&self, part: Portion, number: u64) -> Result<u64, StoreError> {
        fs::rename(self.place(part, number), self.place(part, 1))?;
        // After a power cut either number will do.
        let _ = sync_folder(&self.path);
        Ok(1)
    }

    /// Sets the times of everything in the folder to one constant. Where that cannot be (a disk that takes nothing), they stay.
    pub(super) fn stamp(&self) {
        stamp(&self.path);
    }
}

/// What the highest number of a part has, for those who may not wait for the lock.
pub(super) fn in_force(folder: &Path, part: Portion) -> Result<Option<PathBuf>, StoreError> {
    let number = found(folder, part)?.into_iter().filter_map(|(number, _)| number).max();
    Ok(number.map(|number| place(folder, part, number)))
}

fn place(folder: &Path, part: Portion, number: u64) -> PathBuf {
    folder.join(format!("{}{number}", part.prefix()))
}

fn found(folder: &Path, part: Portion) -> io::Result<Vec<(Option<u64>, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix(part.prefix())) else { continue };
        found.push((number.parse().ok(), folder.join(&name)));
    }
    Ok(found)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a new file, for its owner only, and syncs it.
pub(super) fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    sync_folder(path)
}

/// [`Folder::stamp`], for who reads without the lock. What goes away meanwhile has no times.
pub(super) fn stamp(path: &Path) {
    if path.is_dir() {
        fs::read_dir(path).into_iter().flatten().flatten().for_each(|entry| stamp(&entry.path()));
    }
    let times = FileTimes::new().set_accessed(UNIX_EPOCH).set_modified(UNIX_EPOCH);
    let _ = File::open(path).and_then(|file| file.set_times(times));
}

/// Overwrites every file with zeros, then removes the tree.
pub(super) fn wipe(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            match wipe(&entry?.path()) {
                // sled's own threads may have removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                wiped => wiped?,
            }
        }
        return fs::remove_dir(path);
    }
    if kind.is_file() {
        blank(OpenOptions::new().write(true).open(path)?)?;
    }
    fs::remove_file(path)
}

/// Overwrites a file, which was opened for that, with zeros.
pub(super) fn blank(mut file: File) -> io::Result<()> {
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
