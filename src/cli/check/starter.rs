//! Who starts nologd and who it becomes, and a look at files with the rights of the latter.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, Uid, User, eaccess, getgrouplist};

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
        // For another user than who asks, the C library looks at owners and modes alone.
        if statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_RDONLY)) {
            return Some(Err(Errno::EROFS));
        }
        self.as_user(|| eaccess(path, flags)).or_else(|| by_mode(self.user.as_deref()?, path, wanted))
    }

    /// Whether that user may read a file. `None`: that cannot be said from here.
    pub(super) fn may_read(&self, file: &Path) -> Option<Result<(), Errno>> {
        self.as_user(|| eaccess(file, AccessFlags::R_OK)).or_else(|| by_mode(self.user.as_deref()?, file, 0o4))
    }

    /// For a sentence: `user nologd`, or whoever it is.
    pub(super) fn said(&self) -> String {
        self.user.as_ref().map_or_else(|| "who starts nologd".to_owned(), |user| format!("user {user}"))
    }
}

/// What owners and modes say, for somebody who can become nobody else. They do not know of access lists.
fn by_mode(user: &str, path: &Path, wanted: u32) -> Option<Result<(), Errno>> {
    let user = User::from_name(user).ok().flatten()?;
    let groups = getgrouplist(&CString::new(&*user.name).ok()?, user.gid).ok()?;
    let allowed = |path: &Path, wanted: u32| {
        let data = fs::metadata(path).ok()?;
        let class = match (data.uid() == user.uid.as_raw(), groups.iter().any(|group| group.as_raw() == data.gid())) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        Some(data.mode() >> class & wanted == wanted)
    };
    let real = path.canonicalize().ok()?;
    let mut all = real.ancestors().skip(1).map(|above| allowed(above, 0o1)).chain([allowed(&real, wanted)]);
    all.try_fold(true, |so_far, one| Some(so_far && one?)).map(|may| if may { Ok(()) } else { Err(Errno::EACCES) })
}
