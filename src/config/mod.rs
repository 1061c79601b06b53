//! The config file (docs/admin/reference.md): read whole, every error told at once with line and key, then assembled.

mod admin;
mod assemble;
mod association;
mod certificates;
mod descriptors;
mod file;
mod held;
mod listen;
mod pool;
mod reader;
mod rules;
mod trouble;

pub use assemble::{Built, KEY_FILE, KEY_OCTETS, build, context, listeners, state_folder, store_folder};
pub use association::tell_unread;
pub use certificates::{certificates, tell_reload};
pub use descriptors::descriptors;
pub use file::{Config, TlsFiles, read};
pub use held::{ConfigFile, ReloadLimit};
pub use listen::{Listen, Protection};
pub use rules::{confine, plan};
pub use trouble::Trouble;
