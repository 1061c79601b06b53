//! The config file (docs/admin/reference.md): read whole, every error told at once with line and key, then assembled.

mod admin;
mod assemble;
mod association;
mod backend;
mod beside;
mod certificates;
mod descriptors;
mod file;
mod groups;
mod held;
mod key;
mod limits;
mod listen;
mod listen_options;
mod policy;
mod pool;
mod reader;
mod rules;
mod sending;
mod share;
mod site;
mod sockets;
mod trouble;
mod web;

use std::path::{Path, PathBuf};

pub use assemble::{Built, build, context, durable, host_of, listeners, state_folder, store_folder};
pub use association::{tell_astray, tell_unread};
pub use beside::{Beside, common_key};
pub use certificates::{certificates, is_example, tell_reload};
pub use descriptors::descriptors;
pub use file::{Config, TlsFiles, read};
pub use held::{ConfigFile, ReloadLimit};
pub use key::{KEY_FILE, KEY_OCTETS};
pub use listen::{Listen, ListenTls};
pub use listen_options::ListenOptions;
pub use rules::{confine, plan};
pub use share::ShareSettings;
pub use site::site;
pub use trouble::StartTrouble;

/// Where the Debian package has the config file.
pub const FILE: &str = "/etc/nologd/nologd.toml";

/// Where the package's unit and config have the socket for admins.
pub const SOCKET: &str = "/run/nologd/admin.sock";

/// The config file that was named; else the package's, where there is one. For commands that do without, with less to say.
pub fn named_or_installed(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| Some(PathBuf::from(FILE)).filter(|file| file.exists()))
}
