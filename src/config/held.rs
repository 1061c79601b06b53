//! The config file from the start to the last reload: how it can be read again by a process that has given up root and is confined.
//!
//! Programs that save by rename (sed -i, vim, ansible) put another file in its place. The kernel holds us to folders and files that
//! were there at the start, so a new file can be read only where its folder is the config's own. What was opened at the start stays
//! readable: that is enough for a file that is edited in place.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::{open_regular, read_regular};

/// Folders that hold other people's files too: of these only the config file itself may be read.
const SHARED: &[&str] =
    &["", "/", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/local/etc", "/var", "/var/lib", "/var/tmp"];

fn is_shared(folder: &Path) -> bool {
    SHARED.iter().any(|shared| folder == Path::new(shared))
}

/// The config file of this process.
pub struct ConfigFile {
    path: PathBuf,
    /// As it was opened by whoever started us.
    held: Option<File>,
}

/// Why a reload cannot read every config file that may stand there later. The numbers are those of the event `reload-limited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadLimit {
    /// Its folder is shared with others (`/etc`): a file that is put in its place cannot be read.
    SharedFolder = 1,
    /// The user that the daemon becomes may not read it.
    Rights = 2,
}

impl ConfigFile {
    /// Opens it. To be called with the rights of whoever starts the daemon.
    pub fn open(path: &Path) -> ConfigFile {
        ConfigFile { path: path.to_owned(), held: open_regular(path).ok() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text as it is now.
    ///
    /// # Errors
    /// What the system says. `InvalidData` where it is no UTF-8.
    pub fn read(&self) -> io::Result<String> {
        match read_regular(&self.path) {
            Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => self.read_held().unwrap_or(Err(denied)),
            read => read,
        }
    }

    /// `None`: another file is there now.
    fn read_held(&self) -> Option<io::Result<String>> {
        let (held, there) = (self.held.as_ref()?, fs::metadata(&self.path).ok()?);
        let opened = held.metadata().ok()?;
        if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
            return None;
        }
        let mut held: &File = held;
        let mut text = String::new();
        Some(held.seek(SeekFrom::Start(0)).and_then(|_| held.read_to_string(&mut text)).map(|_| text))
    }

    /// Why not every file that may stand there later can be read. To be called as the user that the daemon stays.
    pub fn limited(&self) -> Option<ReloadLimit> {
        if open_regular(&self.path).is_err() {
            return Some(ReloadLimit::Rights);
        }
        let real = self.path.canonicalize().ok();
        let is_shared = |file: &Path| folder(file).is_none();
        (is_shared(&self.path) || real.as_deref().is_some_and(is_shared)).then_some(ReloadLimit::SharedFolder)
    }
}

/// The folder of the config file, where it holds nothing of others.
pub(super) fn folder(file: &Path) -> Option<&Path> {
    file.parent().filter(|folder| !is_shared(folder))
}
