//! The state folder: whether nologd may write there, as the user that it is then and within what its unit leaves open; whether what an
//! earlier start left there is still its own; and whether its disk has room.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statvfs::statvfs;

use super::finding::Faults;
use super::rights::closed_way;
use super::shell::word;
use super::starter::Starter;
use super::unit::Unit;
use crate::config::{self, Config};
use crate::store;

/// Files that a change of the book makes before it takes others away, and a few more.
const FILES: u64 = 16;
/// Octets below which a disk is said to fill up.
const FEW: u64 = 64 << 20;

/// Looks at it.
pub(super) fn state(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    let folder = &config.state_dir;
    let (shown, who) = (folder.display(), starter.said());
    let owner = word(starter.becomes().unwrap_or("nologd"));
    let path = word(folder);
    // Where it is not there yet, it is made on the same disk.
    let above = folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/"));
    match fs::metadata(folder) {
        Err(_) if unit.makes(folder) => {
            room(config, above, found);
            return found.note(format!("{shown}: is not there yet; systemd makes it (StateDirectory)"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match starter.may_write(above) {
            Some(Err(Errno::EROFS)) => found.wrong(read_only(above)),
            Some(Err(_)) => found.wrong(format!(
                "{shown}: there is no such folder, and {who} may not make it: `install -d -m 700 -o {owner} {path}`"
            )),
            Some(Ok(())) | None => room(config, above, found),
        },
        Err(error) => found.wrong(format!("{shown}: state_dir cannot be used: {error}")),
        Ok(data) if !data.is_dir() => found.wrong(format!("{shown}: state_dir is no folder")),
        Ok(_) => {
            match starter.may_write(folder) {
                Some(Err(Errno::EROFS)) => return found.wrong(read_only(folder)),
                // Whatever else is in there belongs to somebody.
                Some(Err(_)) => found.wrong(match (closed_way(starter, folder), whose(config)) {
                    (Some(way), _) => format!("{shown}: {who} may not write to it: {way}"),
                    (None, FolderOwner::Ours) => format!("{shown}: {who} may not write to it: `chown -R {owner} {path} && chmod 700 {path}`"),
                    (None, FolderOwner::Foreign) => format!(
                        "{shown}: {who} may not write to it, and it holds what is not nologd's: state_dir is to be a folder for nologd alone"
                    ),
                    (None, FolderOwner::Unknown) => format!(
                        "{shown}: {who} may not write to it, and who runs this check may not see what is in it: run it as root"
                    ),
                }),
                Some(Ok(())) | None => within(config, &who, &owner, starter, found),
            }
            room(config, above, found);
            cut_short(&folder.join(config::KEY_FILE), found);
        }
    }
    if let Some(line) = unit.closes(folder).filter(|_| starter.by_unit) {
        found.wrong(format!("{shown}: {}", line.text(folder)));
    }
}

/// Whose a folder is that the daemon may not write to.
enum FolderOwner {
    /// It is empty, or a start of ours was there.
    Ours,
    Foreign,
    /// That cannot be seen from here: nothing is said of what is in it.
    Unknown,
}

fn whose(config: &Config) -> FolderOwner {
    let folder = &config.state_dir;
    let ours = [folder.join(config::KEY_FILE), config::store_folder(config)].map(|file| file.try_exists());
    match fs::read_dir(folder).map(|mut inside| inside.next().is_none()) {
        Ok(true) => FolderOwner::Ours,
        _ if ours.iter().any(|there| matches!(there, Ok(true))) => FolderOwner::Ours,
        Ok(false) if ours.iter().all(Result::is_ok) => FolderOwner::Foreign,
        Ok(false) | Err(_) => FolderOwner::Unknown,
    }
}

fn read_only(folder: &Path) -> String {
    format!("{}: lies on a file system that is mounted read-only, and state_dir wants to be written to", folder.display())
}

/// As the file system counts it, without a quota of the user. Nothing is written to try it.
fn room(config: &Config, there: &Path, found: &mut Faults) {
    let (folder, book) = (config.state_dir.display(), config::store_folder(config));
    let Ok(disk) = statvfs(there) else { return };
    let (free, needed) = (disk.blocks_available().saturating_mul(disk.fragment_size()), store::room(&book));
    // Some file systems do not count files.
    let few_files = disk.files() > 0 && disk.files_available() < FILES;
    let least = (needed >> 20) + 1;
    let lacks = match (free < needed, few_files) {
        (true, _) => {
            format!("has {} KiB free, and nologd needs {least} MiB: make room there (`df -h {}`)", free >> 10, word(there))
        }
        (false, true) => {
            let (files, there) = (disk.files_available(), word(there));
            format!("has room for {files} more files: remove some that are not nologd's (`df -i {there}`)")
        }
        (false, false) => {
            if free < FEW {
                found.note(format!(
                    "{folder}: its disk has {} MiB free. Below {least} MiB, what admins change is refused",
                    free >> 20
                ));
            }
            return;
        }
    };
    let begun = [config.state_dir.join(config::KEY_FILE), book].iter().all(|file| file.exists());
    let then = if begun {
        "Until then mail goes on with the book as it is, what admins change is refused, and usage is not kept over a stop"
    } else {
        "Until then a first start cannot make its key and its book"
    };
    found.wrong(format!("{folder}: its disk {lacks}. {then}"));
}

fn cut_short(key: &Path, found: &mut Faults) {
    if fs::metadata(key).is_ok_and(|data| data.len() != config::KEY_OCTETS) {
        found.wrong(format!("{}: is cut short (was the disk full?). Remove it; nologd makes another one", key.display()));
    }
}

/// What an earlier start left there, or root in the name of a daemon that is somebody else. One of them is enough to say.
fn within(config: &Config, who: &str, owner: &str, starter: &Starter, found: &mut Faults) {
    let (folder, store) = (&config.state_dir, config::store_folder(config));
    let mut foreign = |inside: &Path, what: &str| {
        found.wrong(format!("{}: {who} may not {what} it: `chown -R {owner} {}`", inside.display(), word(folder)));
    };
    let key = folder.join(config::KEY_FILE);
    if key.exists() && matches!(starter.may_read(&key), Some(Err(_))) {
        return foreign(&key, "read");
    }
    let inside = |folder: &PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    // The book's files are in folders there.
    let first: Vec<PathBuf> = inside(&store).collect();
    let second: Vec<PathBuf> = first.iter().flat_map(inside).collect();
    let mut all = [store].into_iter().chain(first).chain(second).filter(|inside| inside.exists());
    if let Some(inside) = all.find(|inside| matches!(starter.may_write(inside), Some(Err(_)))) {
        foreign(&inside, "read and write");
    }
}
