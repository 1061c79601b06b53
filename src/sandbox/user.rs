//! From root to a user without rights, after the ports are bound.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, getegid, getgroups, getuid, initgroups, setegid, seteuid, setgid, setgroups, setuid};

/// Why the daemon could not become another user. All of them stop the start: running on as root is no fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoUser {
    /// There is no such user.
    Unknown,
    /// The kernel refused.
    Refused,
    /// Started as root without `user = ...` in the config.
    Missing,
}

/// Becomes `name`, with its groups. As a user that is not root already, nothing is to be done. Must be called before any
/// thread is made.
///
/// # Errors
/// See [`NoUser`]. `user = "root"` keeps root, for those who insist.
pub fn become_user(name: Option<&str>) -> Result<(), NoUser> {
    if !getuid().is_root() {
        return Ok(());
    }
    let name = name.ok_or(NoUser::Missing)?;
    if name == "root" {
        return Ok(());
    }
    let user = User::from_name(name).ok().flatten().ok_or(NoUser::Unknown)?;
    let c_name = CString::new(name).map_err(|_| NoUser::Unknown)?;
    drop_to(&c_name, user.uid, user.gid).map_err(|_| NoUser::Refused)
}

/// Does `work` with the rights of `name` and its groups, and comes back. For a look before a start, as root and before any thread.
///
/// # Errors
/// See [`NoUser`]; `Refused` also where there was no way back, which leaves this process as `name`.
pub fn as_user<T>(name: &str, work: impl FnOnce() -> T) -> Result<T, NoUser> {
    let user = User::from_name(name).ok().flatten().ok_or(NoUser::Unknown)?;
    let c_name = CString::new(name).map_err(|_| NoUser::Unknown)?;
    let (group, groups) = (getegid(), getgroups().map_err(|_| NoUser::Refused)?);
    let there = || {
        initgroups(&c_name, user.gid)?;
        setegid(user.gid)?;
        seteuid(user.uid)
    };
    let done = there().map(|()| work());
    let back = seteuid(Uid::from_raw(0)).and_then(|()| setegid(group)).and_then(|()| setgroups(&groups));
    done.and_then(|done| back.map(|()| done)).map_err(|_| NoUser::Refused)
}

fn drop_to(name: &std::ffi::CStr, uid: Uid, gid: Gid) -> nix::Result<()> {
    initgroups(name, gid)?;
    setgid(gid)?;
    setuid(uid)?;
    // If root could be had back, the drop was none.
    if setuid(Uid::from_raw(0)).is_ok() { Err(nix::errno::Errno::EPERM) } else { Ok(()) }
}
