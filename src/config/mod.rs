//! The config file (DESIGN section 7): read whole, every error told at once with line and key, then assembled.

mod admin;
mod assemble;
mod association;
mod file;
mod pool;
mod reader;
mod rules;

pub use assemble::{Built, Trouble, build, context, doors, state_folder, store_folder};
pub use file::{Config, Listen, Protection, TlsFiles, read};
pub use rules::{confine, plan};
