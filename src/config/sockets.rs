//! The files of Unix sockets: who may open them, and where the admins' one is.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::file::Config;
use super::listen::Listen;
use crate::serve::Service;

/// Opens a socket's file to those who may use it, and to nobody else: 0600, or 0660 with a group.
///
/// Between the bind and this the mode is the one of the umask, which lets nobody else write to it; and who comes in to the admins'
/// socket is looked at again.
pub(super) fn restrict(listen: &Listen, config: &Config) -> io::Result<()> {
    let Some(path) = listen.address.strip_prefix("unix:") else { return Ok(()) };
    let admins = matches!(listen.service, Service::Admin | Service::AdminWeb);
    let group = if admins { config.access.group } else { listen.group };
    let mode = match (group, listen.service) {
        (Some(_), _) => 0o660,
        // The mail server runs as another user. As with a port of loopback, everybody on this machine can connect, except
        // where the folder of the socket keeps them out.
        (None, Service::Lmtp | Service::Policy) => 0o666,
        (None, _) => 0o600,
    };
    let user = config.user.as_deref().filter(|_| Uid::effective().is_root());
    let uid = user.and_then(|name| User::from_name(name).ok().flatten()).map(|user| user.uid.as_raw());
    chown(path, uid, group)?;
    set_permissions(path, Permissions::from_mode(mode))
}

fn socket(listen: &Listen) -> Option<&Path> {
    (listen.service == Service::Admin).then(|| listen.address.strip_prefix("unix:").map(Path::new)).flatten()
}

impl Config {
    /// The socket of the first listener for admins.
    pub fn admin_socket(&self) -> Option<PathBuf> {
        self.listens.iter().find_map(socket).map(Path::to_owned)
    }
}
