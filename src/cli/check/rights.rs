//! What is to be changed where the daemon's user may not read a file: the folder that closes the way to it, or the file. And keys that everybody may read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Group};

use super::finding::Faults;
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

    /// The commands after which that user may read `path`; none where it may, where that is not known, or where they were told before.
    pub(super) fn of_file(&mut self, path: &Path) -> Option<String> {
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
        let commands = format!("`{}`", commands.join("; "));
        Some(if is_folder_alone { format!("a folder on the way is closed to it: {commands}") } else { commands })
    }
}

/// What to do where folders on the way to `path` are closed to whom nologd becomes; none where none is.
pub(super) fn closed_way(starter: &Starter, path: &Path) -> Option<String> {
    let user = starter.becomes()?;
    let commands: Vec<_> = starter.closed_folders(path).iter().map(|folder| command(user, folder, 0o1)).collect();
    (!commands.is_empty()).then(|| format!("a folder on the way is closed to it: `{}`", commands.join("; ")))
}

fn command(user: &str, path: &Path, wanted: u32) -> String {
    let shown = path.display();
    let rights: String =
        [(0o4, 'r'), (0o1, 'x')].into_iter().filter(|(bit, _)| wanted & bit != 0).map(|(_, name)| name).collect();
    match group_of(path, wanted) {
        // It is for others too, who are to keep it.
        Some(group) => format!("usermod -aG {group} {user}"),
        None => format!("chgrp {user} {shown}; chmod g+{rights} {shown}"),
    }
}

/// The group that a file is open to already, such as `ssl-cert`; none where that is root's.
fn group_of(path: &Path, wanted: u32) -> Option<String> {
    let data = fs::metadata(path).ok().filter(|data| data.gid() != 0 && data.mode() >> 3 & wanted == wanted)?;
    Some(Group::from_gid(Gid::from_raw(data.gid())).ok().flatten()?.name)
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
        let close = format!("chmod o= {}", real.display());
        // Else it reads by the same right as all.
        let keep = starter.becomes().filter(|_| starter.is_stranger_to(&real)).map(|user| command(user, &real, 0o4) + "; ");
        found.wrong(format!(
            "{}: a private key, and all users of this machine may read it: `{}{close}`",
            key.display(),
            keep.unwrap_or_default()
        ));
    }
}

/// Whether whoever has an account here may read it. What cannot be seen from here is closed to others as well.
fn is_for_all(key: &Path) -> bool {
    let Ok(real) = key.canonicalize() else { return false };
    let lets = |path: &Path, bits: u32| fs::metadata(path).is_ok_and(|data| data.mode() & bits == bits);
    lets(&real, 0o4) && real.ancestors().skip(1).all(|folder| lets(folder, 0o1))
}
