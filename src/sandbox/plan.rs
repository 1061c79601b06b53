//! What the policy comes to on this machine.

use std::path::PathBuf;

use crate::policy::sandbox::{Socket, SocketOption};
use crate::policy::syscalls::Call;

/// What the policy comes to on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// May be written and read, with all below.
    pub write: Vec<PathBuf>,
    /// May be read, with all below. What does not exist is left out.
    pub read: Vec<PathBuf>,
    /// What is in these may be removed, with all below.
    pub remove: Vec<PathBuf>,
    /// May be connected to; `None`: all.
    pub ports: Option<Vec<u16>>,
    /// Unix sockets below these may be connected to; `None`: all.
    pub unix: Option<Vec<PathBuf>>,
    /// May be made.
    pub sockets: Vec<Socket>,
    /// May be set on sockets.
    pub options: Vec<SocketOption>,
    /// Refused.
    pub deny: Vec<Call>,
}
