//! One file that is replaced as a whole: what `nologd sync` remembers, in a folder of somebody else; the key; what a witness keeps. And the
//! files that others write for us, read as what they are.
//!
//! Whoever owns the folder may put there what he likes, while root replaces the file: so no link is followed, and nothing is overwritten that
//! has another name too, or another owner. As with the book, the file is the one before or the new one at every moment, and the one before
//! is overwritten with zeros where that is wanted; where a run ends between, the next one does it. Its times say nothing.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::time::UNIX_EPOCH;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};
use nix::unistd::geteuid;

use super::folder::{blank, sync_folder};

/// Reads such a file.
///
/// # Errors
/// It is none (a link, a folder), is longer than `most` octets, or the file system refuses.
pub fn read_own(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let open = OpenOptions::new().read(true).custom_flags(as_it_is().bits()).open(file)?;
    let mut text = Vec::new();
    if open.metadata()?.is_file() {
        open.take(most.saturating_add(1)).read_to_end(&mut text)?;
    }
    if (1..=most).contains(&(text.len() as u64)) { Ok(text) } else { Err(ErrorKind::InvalidData.into()) }
}

/// Opens a file that somebody names or writes for us. What is none (a pipe, a socket, a device) would make us wait for whoever does not write.
///
/// # Errors
/// It is no regular file, or the file system refuses.
pub fn open_regular(file: &Path) -> io::Result<File> {
    let open = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file)?;
    match open.metadata()?.file_type() {
        kind if kind.is_file() => Ok(open),
        kind if kind.is_dir() => Err(Errno::EISDIR.into()),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "is no regular file")),
    }
}

/// Whether that is why it was not opened: it is no regular file.
pub fn is_no_file(error: &io::Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
}

/// The text of such a file.
///
/// # Errors
/// As [`open_regular`]; `InvalidData` where it is no UTF-8.
pub fn read_regular(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_regular(file)?.read_to_string(&mut text).map(|_| text)
}

/// What a file that is replaced has to outlast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Nothing: it is in memory, or says nothing after a crash of the machine.
    No,
    /// A crash: it is synced.
    Synced,
    /// The same, and nothing is left of the one before.
    Alone,
}

/// Replaces the file by these pieces, for its owner only. It belongs to whom the folder belongs to: root may be the one who runs this.
///
/// # Errors
/// The file system refuses; the file is the one before, and nothing of the new one is left to fill a full disk.
pub fn replace(file: &Path, pieces: &[&[u8]], lasting: Lasting) -> io::Result<()> {
    let folder = file.parent().ok_or(ErrorKind::InvalidInput)?;
    let owner = fs::metadata(folder)?;
    let draft = file.with_extension("new");
    discard(&draft, owner.uid())?;
    let written = write_draft(&draft, pieces, &owner, lasting);
    // Where the file system cannot exchange two names, and where there is no file yet.
    let named = written.and_then(|()| match lasting {
        Lasting::Alone => {
            renameat2(AT_FDCWD, &draft, AT_FDCWD, file, RenameFlags::RENAME_EXCHANGE).or_else(|_| fs::rename(&draft, file))
        }
        Lasting::No | Lasting::Synced => fs::rename(&draft, file),
    });
    if named.is_err() {
        let _ = discard(&draft, owner.uid());
        return named;
    }
    if lasting != Lasting::No {
        sync_folder(folder)?;
    }
    discard(&draft, owner.uid())
}

fn write_draft(draft: &Path, pieces: &[&[u8]], owner: &fs::Metadata, lasting: Lasting) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    // A daemon is not allowed to, and has no need.
    if owner.uid() != geteuid().as_raw() {
        let _ = fchown(&open, Some(owner.uid()), Some(owner.gid()));
    }
    pieces.iter().try_for_each(|piece| open.write_all(piece))?;
    // They tell nobody when something changed.
    open.set_times(no_times())?;
    if lasting == Lasting::No { Ok(()) } else { open.sync_all() }
}

/// Times that say nothing.
pub fn no_times() -> FileTimes {
    FileTimes::new().set_accessed(UNIX_EPOCH).set_modified(UNIX_EPOCH)
}

/// Overwrites and removes what may be there.
fn discard(file: &Path, owner: u32) -> io::Result<()> {
    let open = OpenOptions::new().write(true).custom_flags(as_it_is().bits()).open(file);
    if let Ok(open) = open
        && is_only_there(&open, owner)?
    {
        blank(open)?;
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn is_only_there(open: &File, owner: u32) -> io::Result<bool> {
    let what = open.metadata()?;
    Ok(what.is_file() && what.nlink() == 1 && what.uid() == owner)
}

/// No link is followed, and what nobody reads from makes nobody wait.
fn as_it_is() -> OFlag {
    OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    /// A folder of its own, gone again in the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("nologd-replace-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Place(path)
        }

        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            OpenOptions::new().write(true).create_new(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
            path
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.0.join(name)).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn what_was_planted_beside_is_neither_followed_nor_overwritten() {
        let place = Place::new("planted");
        let (file, victim) = (place.0.join("state.json"), place.put("victim", "precious"));
        symlink(&victim, place.0.join("state.new")).unwrap();
        replace(&file, &[b"one"], Lasting::Alone).unwrap();
        fs::hard_link(&victim, place.0.join("state.new")).unwrap();
        replace(&file, &[b"two"], Lasting::Alone).unwrap();
        fs::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        assert!(read_own(&file, 100).is_err());
        replace(&file, &[b"three"], Lasting::Alone).unwrap();
        assert_eq!((place.text("victim"), place.text("state.json")), ("precious".into(), "three".into()));
        fs::remove_file(&file).unwrap();
        fs::hard_link(&victim, &file).unwrap();
        replace(&file, &[b"four"], Lasting::Alone).unwrap();
        assert_eq!((place.text("victim"), place.text("state.json")), ("precious".into(), "four".into()));
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 2, "and nothing is left");
    }

    #[test]
    fn the_one_before_is_overwritten_also_what_a_broken_run_left() {
        let place = Place::new("before");
        let file = place.0.join("state.json");
        replace(&file, &[b"bob@velo.example"], Lasting::Alone).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let (mut before, mut left) = (File::open(&file).unwrap(), File::open(place.put("state.new", "carl")).unwrap());
        replace(&file, &[b"nobody"], Lasting::Alone).unwrap();
        for open in [&mut before, &mut left] {
            let mut text = String::new();
            open.read_to_string(&mut text).unwrap();
            assert!(!text.is_empty() && text.bytes().all(|byte| byte == 0));
        }
        assert!(read_own(&file, 6).unwrap() == b"nobody" && read_own(&file, 5).is_err());
    }
    /// A pipe nobody writes to would keep us waiting; a link is followed, for an admin's config may be one.
    #[test]
    fn only_a_regular_file_is_read() {
        let place = Place::new("regular");
        let (pipe, link) = (place.0.join("pipe"), place.0.join("link"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_regular(&pipe).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_regular(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_regular(&place.0).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(read_regular(&place.0.join("none")).unwrap_err().kind(), ErrorKind::NotFound);
        symlink(place.put("file", "text"), &link).unwrap();
        assert_eq!(read_regular(&link).unwrap(), "text");
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there_and_no_draft() {
        let place = Place::new("refused");
        let file = place.0.join("state");
        fs::create_dir(&file).unwrap();
        for lasting in [Lasting::No, Lasting::Synced] {
            assert!(replace(&file, &[b"one"], lasting).is_err());
            assert!(file.is_dir() && fs::read_dir(&place.0).unwrap().count() == 1);
        }
        fs::remove_dir(&file).unwrap();
        for lasting in [Lasting::No, Lasting::Synced, Lasting::Alone] {
            replace(&file, &[b"on", b"e"], lasting).unwrap();
            assert_eq!((place.text("state"), fs::metadata(&file).unwrap().mtime()), ("one".into(), 0));
        }
    }
}
