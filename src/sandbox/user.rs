//! From root to a user without rights, after the ports are bound.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, getuid, initgroups, setgid, setuid};

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

fn drop_to(name: &std::ffi::CStr, uid: Uid, gid: Gid) -> nix::Result<()> {
    initgroups(name, gid)?;
    setgid(gid)?;
    setuid(uid)?;
    // If root could be had back, the drop was none.
    if setuid(Uid::from_raw(0)).is_ok() { Err(nix::errno::Errno::EPERM) } else { Ok(()) }
}
