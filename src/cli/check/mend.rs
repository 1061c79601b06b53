//! What root is to run, so that the daemon's user may read a file or go through a folder: that right and no other, for that user and nobody else, and nothing
//! taken from who has it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

use super::shell::word;

/// Commands for root, to be run one after the other.
pub(super) struct Mend {
    commands: Vec<RootCommand>,
    is_folder_alone: bool,
}

impl Mend {
    pub(super) fn new(mut commands: Vec<RootCommand>) -> Mend {
        // One group is joined once.
        commands.dedup();
        Mend { commands, is_folder_alone: false }
    }

    /// All that it opens are folders on the way.
    pub(super) fn of_folders(self) -> Mend {
        Mend { is_folder_alone: true, ..self }
    }

    /// What gives `user` these rights to `path`: 4 to read, 1 to go through.
    pub(super) fn of_path(user: &str, path: &Path, wanted: u32) -> Mend {
        Mend::new(vec![command(user, path, wanted)])
    }

    /// Whether an access list is made, which not all that replaces a file keeps.
    pub(super) fn is_by_list(&self) -> bool {
        self.commands.iter().any(|command| matches!(command.by, RootMeans::List))
    }
}

/// For a sentence; the second is done only after the first.
impl fmt::Display for Mend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_folder_alone {
            out.write_str("a folder on the way is closed to it: ")?;
        }
        let lines: Vec<_> = self.commands.iter().map(|command| command.line.as_str()).collect();
        write!(out, "`{}`", lines.join(" && "))?;
        if self.commands.iter().any(|command| matches!(command.by, RootMeans::Membership)) {
            out.write_str(" (and restart nologd: while it runs, it keeps the groups that it had)")?;
        }
        if self.is_by_list() {
            out.write_str(" (package acl)")?;
        }
        Ok(())
    }
}

#[derive(PartialEq, Eq)]
pub(super) struct RootCommand {
    by: RootMeans,
    line: String,
}

impl RootCommand {
    /// One that changes owners and modes alone.
    pub(super) fn of_mode(line: String) -> RootCommand {
        RootCommand { by: RootMeans::Mode, line }
    }
}

#[derive(PartialEq, Eq)]
enum RootMeans {
    Mode,
    Membership,
    List,
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

/// What gives `user` these rights to `path`, as in [`Mend::of_path`].
pub(super) fn command(user: &str, path: &Path, wanted: u32) -> RootCommand {
    command_for(&Grantee::of(user), path, Holder::of(path).as_ref(), wanted)
}

/// It gives that right and no other, to that user and nobody else, and takes none from who has it.
fn command_for(reader: &Grantee, path: &Path, holder: Option<&Holder>, wanted: u32) -> RootCommand {
    let (user, shown) = (word(&reader.name), word(path));
    let rights: String =
        [(0o4, 'r'), (0o1, 'x')].into_iter().filter(|(bit, _)| wanted & bit != 0).map(|(_, name)| name).collect();
    // Others may have this group too, such as `users` or `nogroup`.
    let own_group = reader.group.as_ref().filter(|group| **group == reader.name);
    let list = || RootCommand { by: RootMeans::List, line: format!("setfacl -m u:{user}:{rights} {shown}") };
    let Some(Holder { owner, group, mode }) = holder else { return list() };
    // What the group may do, what others may and it may not, and that what is made in a folder becomes the group's.
    let has_rights = mode & 0o2077 != 0;
    let is_open = mode >> 3 & wanted == wanted;
    match own_group {
        _ if *owner == reader.name => RootCommand::of_mode(format!("chmod u+{rights} {shown}")),
        _ if group == READERS && is_open => {
            RootCommand { by: RootMeans::Membership, line: format!("usermod -aG {READERS} {user}") }
        }
        // What else it has there, a list for it alone would take from it.
        Some(own) if group == own && !is_open => RootCommand::of_mode(format!("chmod g+{rights} {shown}")),
        // Nobody but root is in root's.
        Some(own) if group == "root" || !has_rights => {
            RootCommand::of_mode(format!("chgrp {} {shown} && chmod g={rights} {shown}", word(own)))
        }
        _ => list(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_file(user: &str, primary: &str, holder: &str, mode: u32, wanted: u32) -> String {
        let reader = Grantee { name: user.to_owned(), group: Some(primary.to_owned()) };
        let (owner, group) = holder.split_once(':').unwrap();
        let holder = Holder { owner: owner.to_owned(), group: group.to_owned(), mode };
        command_for(&reader, Path::new("/srv/key"), Some(&holder), wanted).line
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
        assert_eq!(for_file("nologd", "nologd", "root:ssl-cert", 0o640, 0o4), "usermod -aG ssl-cert nologd");
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
        assert_eq!(command_for(&reader, Path::new("/a b;id"), None, 0o4).line, "setfacl -m u:nologd:r '/a b;id'");
        let holder = Holder { owner: "root".to_owned(), group: "root".to_owned(), mode: 0o600 };
        let command = command_for(&reader, Path::new("/it's"), Some(&holder), 0o4);
        assert_eq!(command.line, r"chgrp nologd '/it'\''s' && chmod g=r '/it'\''s'");
    }

    /// What is said of them goes by what they are, whatever a path is called.
    #[test]
    fn the_commands_of_a_mend_are_told_with_what_they_need() {
        let command = |by, line: &str| RootCommand { by, line: line.to_owned() };
        let joins = || command(RootMeans::Membership, "usermod -aG ssl-cert nologd");
        let mend = Mend::new(vec![joins(), joins(), command(RootMeans::Mode, "chmod o= /setfacl")]);
        let said = "`usermod -aG ssl-cert nologd && chmod o= /setfacl` (and restart nologd: while it runs, it keeps the groups that it had)";
        assert_eq!((mend.to_string().as_str(), mend.is_by_list()), (said, false));
        let mend = Mend::new(vec![command(RootMeans::List, "setfacl -m u:nologd:x /usermod")]).of_folders();
        let said = "a folder on the way is closed to it: `setfacl -m u:nologd:x /usermod` (package acl)";
        assert_eq!((mend.to_string().as_str(), mend.is_by_list()), (said, true));
    }
}
