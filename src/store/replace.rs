//! One small file that is replaced as a whole, in a folder of somebody else: what `nologd sync` remembers.
//!
//! Whoever owns the folder may put there what he likes, while root replaces the file: so no link is followed, and nothing is overwritten that
//! has another name too, or another owner. As with the book, the file is the one before or the new one at every moment, and the one before
//! is overwritten with zeros; where a run ends between, the next one does it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};

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

/// Replaces the file, for its owner only. It belongs to whom the folder belongs to: root may be the one who runs this.
///
/// # Errors
/// The file system refuses; the file is the one before.
pub fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().ok_or(ErrorKind::InvalidInput)?;
    let owner = fs::metadata(folder)?;
    let draft = file.with_extension("new");
    discard(&draft, owner.uid())?;
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let _ = fchown(&open, Some(owner.uid()), Some(owner.gid()));
    open.write_all(text)?;
    open.sync_all()?;
    // Where the file system cannot exchange two names, and where there is no file yet.
    let exchanged = renameat2(AT_FDCWD, &draft, AT_FDCWD, file, RenameFlags::RENAME_EXCHANGE);
    exchanged.or_else(|_| fs::rename(&draft, file))?;
    sync_folder(folder)?;
    discard(&draft, owner.uid())
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
        replace(&file, b"one").unwrap();
        fs::hard_link(&victim, place.0.join("state.new")).unwrap();
        replace(&file, b"two").unwrap();
        fs::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        assert!(read_own(&file, 100).is_err());
        replace(&file, b"three").unwrap();
        assert_eq!((place.text("victim"), place.text("state.json")), ("precious".into(), "three".into()));
        fs::remove_file(&file).unwrap();
        fs::hard_link(&victim, &file).unwrap();
        replace(&file, b"four").unwrap();
        assert_eq!((place.text("victim"), place.text("state.json")), ("precious".into(), "four".into()));
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 2, "and nothing is left");
    }

    #[test]
    fn the_one_before_is_overwritten_also_what_a_broken_run_left() {
        let place = Place::new("before");
        let file = place.0.join("state.json");
        replace(&file, b"bob@velo.example").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let (mut before, mut left) = (File::open(&file).unwrap(), File::open(place.put("state.new", "carl")).unwrap());
        replace(&file, b"nobody").unwrap();
        for open in [&mut before, &mut left] {
            let mut text = String::new();
            open.read_to_string(&mut text).unwrap();
            assert!(!text.is_empty() && text.bytes().all(|byte| byte == 0));
        }
        assert!(read_own(&file, 6).unwrap() == b"nobody" && read_own(&file, 5).is_err());
    }
}
