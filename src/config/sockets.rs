//! The files of Unix sockets: who may open them, and where the admins' one is.

use std::fs::{OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
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
    open_to(Path::new(path), uid, group, mode)
}

/// Root gives nothing away but the socket: the folder may be that of the daemon's user, who could put a link in its place meanwhile.
fn open_to(path: &Path, uid: Option<u32>, group: Option<u32>, mode: u32) -> io::Result<()> {
    let held = OpenOptions::new().read(true).custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits()).open(path)?;
    if !held.metadata()?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no socket any more"));
    }
    // By its number, as long as it is held.
    let place = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    chown(&place, uid, group)?;
    set_permissions(&place, Permissions::from_mode(mode))
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_link_in_place_of_the_socket_opens_nothing() {
        let folder = std::env::temp_dir().join(format!("nologd-sockets-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (socket, victim) = (folder.join("a.sock"), folder.join("victim"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let bound = UnixListener::bind(&socket).unwrap();
        open_to(&socket, None, None, 0o640).unwrap();
        assert_eq!(mode(&socket), 0o640);
        fs::File::create_new(&victim).unwrap().set_permissions(Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(&socket).unwrap();
        symlink(&victim, &socket).unwrap();
        assert!(open_to(&socket, None, None, 0o666).is_err() && open_to(&victim, None, None, 0o666).is_err());
        assert_eq!(mode(&victim), 0o600);
        drop(bound);
        fs::remove_dir_all(folder).unwrap();
    }
}
