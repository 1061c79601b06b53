//! Where the daemon's user may not read a file: the folder that closes the way to it, or the file. And keys that everybody may read. What is to be run then:
//! `mend`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::finding::Faults;
use super::mend::{Mend, RootCommand, command};
use super::shell::word;
use super::starter::Starter;
use crate::config::{self, Config};
use crate::net::certificate_folder::{KEY, folders};

/// What bars the way to files, each thing once: a closed folder is the one thing to change, however many files are in it.
pub(super) struct Mends<'a> {
    starter: &'a Starter,
    user: &'a str,
    told: BTreeSet<PathBuf>,
}

impl<'a> Mends<'a> {
    pub(super) fn of(starter: &'a Starter, user: &'a str) -> Mends<'a> {
        Mends { starter, user, told: BTreeSet::new() }
    }

    /// What to run, after which that user may read `path`; none where it may, where that is not known, or where it was told before.
    pub(super) fn of_file(&mut self, path: &Path) -> Option<Mend> {
        if self.starter.may_read(path) != Some(Err(Errno::EACCES)) {
            return None;
        }
        let folders = self.starter.closed_folders(path);
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let wanted = if real.is_dir() { 0o5 } else { 0o4 };
        // An access list may close what its mode leaves open.
        let is_closed = folders.is_empty() || self.starter.is_open(&real, wanted) == Some(false);
        let told = self.told.len();
        let mut commands = Vec::new();
        for folder in folders {
            if self.told.insert(folder.clone()) {
                commands.push(command(self.user, &folder, 0o1));
            }
        }
        let is_folder_alone = commands.len() == 1 && !is_closed;
        if is_closed && self.told.insert(real.clone()) {
            commands.push(command(self.user, &real, wanted));
        }
        if self.told.len() == told {
            return None;
        }
        let mend = Mend::new(commands);
        Some(if is_folder_alone { mend.of_folders() } else { mend })
    }
}

/// What to do where folders on the way to `path` are closed to whom nologd becomes; none where none is.
pub(super) fn closed_way(starter: &Starter, path: &Path) -> Option<Mend> {
    let user = starter.becomes()?;
    let commands: Vec<_> = starter.closed_folders(path).iter().map(|folder| command(user, folder, 0o1)).collect();
    (!commands.is_empty()).then(|| Mend::new(commands).of_folders())
}

/// Names each key that all users of this machine may read.
pub(super) fn keys(config: &Config, starter: &Starter, found: &mut Faults) {
    let mut keys = vec![config.state_dir.join(config::KEY_FILE)];
    if let Some(files) = &config.tls {
        let own = folders(&files.certificates).into_iter().map(|name| files.certificates.join(&*name));
        // The example's is public anyway, and refused where it would matter.
        keys.extend(own.filter(|folder| !config::is_example(folder)).map(|folder| folder.join(KEY)));
    }
    keys.extend(config.share.as_ref().map(|share| share.key.clone()));
    for key in keys.into_iter().filter(|key| is_for_all(key)) {
        let real = key.canonicalize().unwrap_or_else(|_| key.clone());
        // Else it reads by the same right as all.
        let keep = starter.becomes().filter(|_| starter.is_stranger_to(&real)).map(|user| command(user, &real, 0o4));
        let mend = Mend::new(keep.into_iter().chain([RootCommand::of_mode(format!("chmod o= {}", word(&real)))]).collect());
        found.wrong(format!("{}: a private key, and all users of this machine may read it: {mend}", key.display()));
    }
}

/// Whether whoever has an account here may read it. What cannot be seen from here is closed to others as well.
fn is_for_all(key: &Path) -> bool {
    let Ok(real) = key.canonicalize() else { return false };
    let lets = |path: &Path, bits: u32| fs::metadata(path).is_ok_and(|data| data.mode() & bits == bits);
    lets(&real, 0o4) && real.ancestors().skip(1).all(|folder| lets(folder, 0o1))
}
