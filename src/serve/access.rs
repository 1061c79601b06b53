//! Who is an admin on a Unix socket: by the credentials that the kernel gives of the peer (SO_PEERCRED).

use tokio::net::UnixStream;

/// Who may use the socket, besides root and the daemon's own user.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A group, by its number.
    pub group: Option<u32>,
    /// Its members as they were at the start, by their numbers: the kernel tells a peer's first group only.
    pub members: Vec<u32>,
}

impl Access {
    /// Whether the kernel says that the peer is an admin.
    pub(super) fn admits(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| self.allows(peer.uid(), peer.gid()))
    }

    /// Whether a peer of this user and first group is an admin.
    fn allows(&self, uid: u32, gid: u32) -> bool {
        let own = nix::unistd::geteuid().as_raw();
        uid == 0 || uid == own || self.group == Some(gid) || self.members.contains(&uid)
    }
}
