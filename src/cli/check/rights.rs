//! What is to be changed where the daemon's user may not read a file: the folder that closes the way to it, or the file. And keys that everybody may read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User};

use super::finding::Faults;
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
        commands.dedup();
        let commands = said(&commands);
        Some(if is_folder_alone { format!("a folder on the way is closed to it: {commands}") } else { commands })
    }
}

/// What to do where folders on the way to `path` are closed to whom nologd becomes; none where none is.
pub(super) fn closed_way(starter: &Starter, path: &Path) -> Option<String> {
    let user = starter.becomes()?;
    let mut commands: Vec<_> = starter.closed_folders(path).iter().map(|folder| command(user, folder, 0o1)).collect();
    commands.dedup();
    (!commands.is_empty()).then(|| format!("a folder on the way is closed to it: {}", said(&commands)))
}

/// The group whose purpose it is that daemons read keys. Each other one, such as `shadow` or `adm`, lets its members do more.
const READERS: &str = "ssl-cert";

/// Who is to have a right. The group is the one of its passwd entry.
struct Grantee {
    name: String,
    group: Option<String>,
}

impl Grantee {
    fn of(name: &str) -> Grantee {
        let group = User::from_name(name).ok().flatten().map(|user| name_of(user.gid));
        Grantee { name: name.to_owned(), group }
    }
}

/// Whose a file is, and what may be done with it.
struct Holder {
    owner: String,
    group: String,
    mode: u32,
}

impl Holder {
    fn of(path: &Path) -> Option<Holder> {
        let data = fs::metadata(path).ok()?;
        let owner =
            User::from_uid(Uid::from_raw(data.uid())).ok().flatten().map_or_else(|| data.uid().to_string(), |user| user.name);
        Some(Holder { owner, group: name_of(Gid::from_raw(data.gid())), mode: data.mode() })
    }
}

fn name_of(group: Gid) -> String {
    Group::from_gid(group).ok().flatten().map_or_else(|| group.to_string(), |group| group.name)
}

/// What root is to run, after which that user has these rights to it: 4 to read, 1 to go through.
pub(super) fn command(user: &str, path: &Path, wanted: u32) -> String {
    command_for(&Grantee::of(user), path, Holder::of(path).as_ref(), wanted)
}

/// It gives that right and no other, to that user and nobody else, and takes none from who has it.
fn command_for(reader: &Grantee, path: &Path, holder: Option<&Holder>, wanted: u32) -> String {
    let (user, shown) = (word(&reader.name), word(path));
    let rights: String =
        [(0o4, 'r'), (0o1, 'x')].into_iter().filter(|(bit, _)| wanted & bit != 0).map(|(_, name)| name).collect();
    // Others may have this group too, such as `users` or `nogroup`.
    let own_group = reader.group.as_ref().filter(|group| **group == reader.name);
    let list = format!("setfacl -m u:{user}:{rights} {shown}");
    let Some(Holder { owner, group, mode }) = holder else { return list };
    // What the group may do, what others may and it may not, and that what is made in a folder becomes the group's.
    let has_rights = mode & 0o2077 != 0;
    let is_open = mode >> 3 & wanted == wanted;
    match own_group {
        _ if *owner == reader.name => format!("chmod u+{rights} {shown}"),
        _ if group == READERS && is_open => format!("usermod -aG {READERS} {user}"),
        // What else it has there, a list for it alone would take from it.
        Some(own) if group == own && !is_open => format!("chmod g+{rights} {shown}"),
        // Nobody but root is in root's.
        Some(own) if group == "root" || !has_rights => format!("chgrp {} {shown} && chmod g={rights} {shown}", word(own)),
        _ => list,
    }
}

/// For a sentence; the second is done only after the first.
pub(super) fn said(commands: &[String]) -> String {
    let joined = commands.join(" && ");
    let is_member_then = commands.iter().any(|command| command.starts_with("usermod"));
    let then = if is_member_then { " (and restart nologd: while it runs, it keeps the groups that it had)" } else { "" };
    let list = if joined.contains("setfacl") { " (package acl)" } else { "" };
    format!("`{joined}`{then}{list}")
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
        let commands: Vec<_> = keep.into_iter().chain([format!("chmod o= {}", word(&real))]).collect();
        found.wrong(format!("{}: a private key, and all users of this machine may read it: {}", key.display(), said(&commands)));
    }
}

/// Whether whoever has an account here may read it. What cannot be seen from here is closed to others as well.
fn is_for_all(key: &Path) -> bool {
    let Ok(real) = key.canonicalize() else { return false };
    let lets = |path: &Path, bits: u32| fs::metadata(path).is_ok_and(|data| data.mode() & bits == bits);
    lets(&real, 0o4) && real.ancestors().skip(1).all(|folder| lets(folder, 0o1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_file(user: &str, primary: &str, holder: &str, mode: u32, wanted: u32) -> String {
        let reader = Grantee { name: user.to_owned(), group: Some(primary.to_owned()) };
        let (owner, group) = holder.split_once(':').unwrap();
        let holder = Holder { owner: owner.to_owned(), group: group.to_owned(), mode };
        command_for(&reader, Path::new("/srv/key"), Some(&holder), wanted)
    }

    #[test]
    fn its_own_group_gets_that_right_alone() {
        let by_group = |rights| format!("chgrp nologd /srv/key && chmod g={rights} /srv/key");
        for (holder, mode) in [("root:root", 0o600), ("root:root", 0o660), ("root:root", 0o770), ("root:users", 0o600)] {
            assert_eq!(for_file("nologd", "nologd", holder, mode, 0o4), by_group("r"));
            assert_eq!(for_file("nologd", "nologd", holder, mode, 0o1), by_group("x"));
            assert_eq!(for_file("nologd", "nologd", holder, mode, 0o5), by_group("rx"));
        }
    }

    #[test]
    fn a_group_of_several_gets_nothing() {
        for (primary, mode) in [("nogroup", 0o600), ("users", 0o660)] {
            assert_eq!(for_file("nologd", primary, "root:root", mode, 0o4), "setfacl -m u:nologd:r /srv/key");
        }
    }

    #[test]
    fn a_group_keeps_what_it_has() {
        let cases = [
            ("root:users", 0o2760),
            ("root:mail", 0o640),
            ("root:mail", 0o620),
            ("root:shadow", 0o640),
            ("root:users", 0o2700),
            ("root:users", 0o604),
        ];
        for (holder, mode) in cases {
            assert_eq!(for_file("nologd", "nologd", holder, mode, 0o4), "setfacl -m u:nologd:r /srv/key");
            assert_eq!(for_file("nologd", "nologd", holder, mode, 0o5), "setfacl -m u:nologd:rx /srv/key");
        }
    }

    #[test]
    fn a_group_for_readers_of_keys_is_joined_and_no_other() {
        let command = for_file("nologd", "nologd", "root:ssl-cert", 0o640, 0o4);
        assert_eq!(command, "usermod -aG ssl-cert nologd");
        assert!(said(&[command]).contains("restart nologd"));
        for group in ["sudo", "adm", "shadow", "disk"] {
            assert!(for_file("nologd", "nologd", &format!("root:{group}"), 0o640, 0o4).starts_with("setfacl"));
        }
        // To be in it would not be enough.
        assert!(for_file("nologd", "nologd", "root:ssl-cert", 0o710, 0o5).starts_with("setfacl"));
    }

    #[test]
    fn what_is_its_own_is_opened_where_it_is() {
        assert_eq!(for_file("nologd", "nologd", "root:nologd", 0o2740, 0o5), "chmod g+rx /srv/key");
        assert_eq!(for_file("nologd", "nologd", "nologd:mail", 0o040, 0o4), "chmod u+r /srv/key");
    }

    #[test]
    fn what_cannot_be_seen_is_taken_from_nobody_and_paths_are_one_word() {
        let reader = Grantee { name: "nologd".to_owned(), group: Some("nologd".to_owned()) };
        assert_eq!(command_for(&reader, Path::new("/a b;id"), None, 0o4), "setfacl -m u:nologd:r '/a b;id'");
        let holder = Holder { owner: "root".to_owned(), group: "root".to_owned(), mode: 0o600 };
        let command = command_for(&reader, Path::new("/it's"), Some(&holder), 0o4);
        assert_eq!(command, r"chgrp nologd '/it'\''s' && chmod g=r '/it'\''s'");
    }
}
