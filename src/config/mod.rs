//! The config file (docs/admin/reference.md): read whole, every error told at once with line and key, then assembled.

mod admin;
mod assemble;
mod association;
mod descriptors;
mod file;
mod listen;
mod pool;
mod reader;
mod rules;

pub use assemble::{Built, Trouble, build, context, listeners, state_folder, store_folder};
pub use descriptors::descriptors;
pub use file::{Config, TlsFiles, read};
pub use listen::{Listen, Protection};
pub use rules::{confine, plan};
