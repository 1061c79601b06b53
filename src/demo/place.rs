//! One temporary folder, and a block of loopback ports, for everything that a demo or a test starts.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use nix::unistd::{Gid, Uid, chown};

use super::Trouble;

/// Below the ports that the kernel gives to outgoing connections, so that none of those can be in the way.
const FIRST_PORT: u16 = 20_000;
const BLOCKS: u16 = 600;
const BLOCK: u16 = 20;

/// A folder that is removed with all its contents when the value is dropped. Declare it after the processes that live in it:
/// fields are dropped in the order of their declaration.
pub struct Place {
    folder: PathBuf,
    next_port: Mutex<u16>,
    /// Held open as long as the place lives: another process that wants the same block finds it taken.
    guard: TcpListener,
}

/// How many names are tried: a process that was killed leaves its own, and another one may have its number by now.
const TRIES: u16 = 100;

/// None: something has this name. So nobody can prepare a link for us.
fn make(number: u16) -> io::Result<Option<PathBuf>> {
    let folder = std::env::temp_dir().join(format!("nologd-{}-{number}", process::id()));
    match DirBuilder::new().mode(0o755).create(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        made => made.map(|()| Some(folder)),
    }
}

impl Place {
    /// Makes the folder under the system's temporary folder. It can be entered by every user: as root, Dovecot's and Postfix's
    /// processes run as their own users.
    pub fn new() -> Result<Place, Trouble> {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let guard = claim_block().ok_or(Trouble::NoPort)?;
        let first = guard.local_addr().map_err(Trouble::Folder)?.port();
        let folder = (0..TRIES).map(|_| make(COUNT.fetch_add(1, Ordering::Relaxed))).find_map(Result::transpose);
        let folder = folder.unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into())).map_err(Trouble::Folder)?;
        Ok(Place { folder, next_port: Mutex::new(first + 1), guard })
    }

    /// The path of `name` in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file that every user may read: nothing in here is secret.
    #[allow(clippy::disallowed_methods)] // the daemon writes nothing but its store; this is not the daemon
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Trouble> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(Trouble::Folder)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(Trouble::Folder)?;
        Ok(path)
    }

    /// Makes a folder, and gives it to `owner` where that is another user.
    pub fn make(&self, name: &str, owner: Owner) -> Result<PathBuf, Trouble> {
        let path = self.path(name);
        DirBuilder::new().mode(0o755).recursive(true).create(&path).map_err(Trouble::Folder)?;
        if Uid::effective().is_root() {
            chown(&path, Some(owner.uid), Some(owner.gid)).map_err(|error| Trouble::Folder(error.into()))?;
        }
        Ok(path)
    }

    /// A port of loopback that nothing listens on.
    pub fn port(&self) -> Result<u16, Trouble> {
        let end = self.guard.local_addr().map_err(Trouble::Folder)?.port() + BLOCK;
        let mut next = self.next_port.lock().map_err(|_| Trouble::NoPort)?;
        let port = (*next..end).find(|port| is_free(*port)).ok_or(Trouble::NoPort)?;
        *next = port + 1;
        Ok(port)
    }

    /// `wanted` if nothing listens there, another one otherwise: people remember 10993 better.
    pub fn port_near(&self, wanted: u16) -> Result<u16, Trouble> {
        if is_free(wanted) { Ok(wanted) } else { self.port() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A server that is still closing its files can make the first try fail.
        for _ in 0..20 {
            match fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
                _ => return,
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

/// Whose a folder is.
#[derive(Clone, Copy)]
pub struct Owner {
    /// The user.
    pub uid: Uid,
    /// The group.
    pub gid: Gid,
}

impl Owner {
    /// The user that runs this process.
    pub fn me() -> Owner {
        Owner { uid: Uid::effective(), gid: Gid::effective() }
    }
}

fn claim_block() -> Option<TcpListener> {
    let start = (process::id() % u32::from(BLOCKS)) as u16;
    (0..BLOCKS).find_map(|step| {
        let block = (start + step) % BLOCKS;
        TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST_PORT + block * BLOCK)).ok()
    })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_places_share_neither_folder_nor_port_and_leave_nothing() {
        let (one, two) = (Place::new().unwrap(), Place::new().unwrap());
        assert_ne!(one.folder(), two.folder());
        let ports = [one.port().unwrap(), one.port().unwrap(), two.port().unwrap()];
        assert!(ports[0] != ports[1] && ports[0] != ports[2] && ports[1] != ports[2]);
        one.write("file", b"x").unwrap();
        let folder = one.folder().to_owned();
        drop(one);
        assert!(!folder.exists() && two.folder().exists());
    }
    #[test]
    fn what_somebody_left_is_in_nobodys_way() {
        // Of numbers that this process is far from.
        let left = make(60_000).unwrap().unwrap();
        assert_eq!(make(60_000).unwrap(), None);
        fs::remove_dir(left).unwrap();
    }
}
