//! Who starts nologd and who it becomes, and a look at files with the rights of the latter. What is to be changed where they are not enough: `rights`.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, Gid, Uid, User, faccessat, getgrouplist};

use super::unit::Unit;
use crate::config::Config;
use crate::sandbox;

/// Who starts nologd, and who it becomes.
pub(super) struct Starter {
    user: Option<String>,
    /// Whether it is root who runs this.
    pub(super) root: bool,
    /// Whether it is the systemd unit of this machine that starts it, with this config.
    pub(super) by_unit: bool,
}

impl Starter {
    pub(super) fn new(config: &Config, file: &Path, unit: &Unit) -> Starter {
        let by_unit = unit.starts(file);
        // Whom systemd starts stays who he is.
        let first = if by_unit && unit.user.is_some() { &unit.user } else { &config.user };
        let user = first.clone().or_else(|| unit.user.clone()).filter(|user| user != "root");
        Starter { user, root: Uid::effective().is_root(), by_unit }
    }

    /// The user without rights that the daemon stays. `None`: who starts it.
    pub(super) fn becomes(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Does `work` with the rights of that user. `None`: it cannot be done from here.
    pub(super) fn as_user<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        match &self.user {
            None => Some(work()),
            Some(user) if self.root => sandbox::as_user(user, work).ok(),
            Some(user) => {
                let own = User::from_name(user).ok().flatten().is_some_and(|user| user.uid == Uid::effective());
                own.then(work)
            }
        }
    }

    /// Whether that user may write to a file, or make files in a folder. `None`: that cannot be said from here.
    pub(super) fn may_write(&self, path: &Path) -> Option<Result<(), Errno>> {
        let flags = AccessFlags::W_OK | if path.is_dir() { AccessFlags::X_OK } else { AccessFlags::R_OK };
        let wanted = if path.is_dir() { 0o3 } else { 0o6 };
        // Where the C library looks at owners and modes alone, it does not see that.
        if statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_RDONLY)) {
            return Some(Err(Errno::EROFS));
        }
        self.as_user(|| access(path, flags)).or_else(|| by_mode(self.user.as_deref()?, path, wanted))
    }

    /// Whether that user may read a file. `None`: that cannot be said from here.
    pub(super) fn may_read(&self, file: &Path) -> Option<Result<(), Errno>> {
        self.as_user(|| access(file, AccessFlags::R_OK)).or_else(|| by_mode(self.user.as_deref()?, file, 0o4))
    }

    /// The folders on the way to a file, also on that of a link, into which that user may not go, by owners and modes; where it may not read the file.
    pub(super) fn closed_folders(&self, file: &Path) -> Vec<PathBuf> {
        let Some(user) = self.user.as_deref().and_then(UserGroups::of) else { return Vec::new() };
        let real = file.canonicalize().ok();
        let ways = [Some(file), real.as_deref()].into_iter().flatten().map(|way| way.ancestors().skip(1).collect::<Vec<_>>());
        let mut closed: Vec<PathBuf> = Vec::new();
        for folder in ways.flat_map(|way| way.into_iter().rev()).filter_map(|folder| folder.canonicalize().ok()) {
            if user.may(&folder, 0o1) == Some(false) && !closed.contains(&folder) {
                closed.push(folder);
            }
        }
        closed
    }

    /// Whether that user may do what these bits say with a file that it has come to, by its owner and mode. `None`: that cannot be said from here.
    pub(super) fn is_open(&self, file: &Path, wanted: u32) -> Option<bool> {
        UserGroups::of(self.user.as_deref()?)?.may(file, wanted)
    }

    /// Whether a file is neither that user's nor of one of its groups.
    pub(super) fn is_stranger_to(&self, file: &Path) -> bool {
        let user = self.user.as_deref().and_then(UserGroups::of);
        user.zip(fs::metadata(file).ok()).is_some_and(|(user, data)| user.class(&data) == OTHERS)
    }

    /// For a sentence: `user nologd`, or whoever it is.
    pub(super) fn said(&self) -> String {
        self.user.as_ref().map_or_else(|| "who starts nologd".to_owned(), |user| format!("user {user}"))
    }
}

/// As the kernel says it, which knows of access lists; eaccess(3) looks at owners and modes alone where somebody else asks.
fn access(path: &Path, flags: AccessFlags) -> Result<(), Errno> {
    faccessat(AT_FDCWD, path, flags, AtFlags::AT_EACCESS)
}

/// What owners and modes say, for somebody who can become nobody else. They do not know of access lists.
fn by_mode(user: &str, path: &Path, wanted: u32) -> Option<Result<(), Errno>> {
    let user = UserGroups::of(user)?;
    let real = path.canonicalize().ok()?;
    let mut all = real.ancestors().skip(1).map(|above| user.may(above, 0o1)).chain([user.may(&real, wanted)]);
    all.try_fold(true, |so_far, one| Some(so_far && one?)).map(|may| if may { Ok(()) } else { Err(Errno::EACCES) })
}

struct UserGroups(Uid, Vec<Gid>);

/// See [`UserGroups::class`].
const OTHERS: u32 = 0;

impl UserGroups {
    fn of(name: &str) -> Option<UserGroups> {
        let user = User::from_name(name).ok().flatten()?;
        let groups = getgrouplist(&CString::new(&*user.name).ok()?, user.gid).ok()?;
        Some(UserGroups(user.uid, groups))
    }

    /// What `path` itself lets this user do.
    fn may(&self, path: &Path, wanted: u32) -> Option<bool> {
        let data = fs::metadata(path).ok()?;
        Some(data.mode() >> self.class(&data) & wanted == wanted)
    }

    /// By which bits of its mode: how far to the left they are.
    fn class(&self, data: &fs::Metadata) -> u32 {
        let UserGroups(user, groups) = self;
        match (data.uid() == user.as_raw(), groups.iter().any(|group| group.as_raw() == data.gid())) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => OTHERS,
        }
    }
}
