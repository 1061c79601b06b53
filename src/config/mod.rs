//! The config file (DESIGN section 7): read whole, every error told at once with line and key, then assembled.

mod admin;
mod assemble;
mod association;
mod file;
mod pool;
mod reader;

pub use assemble::{Built, Trouble, build, context, doors, store_folder};
pub use file::{Config, Listen, Protection, TlsFiles, read};
