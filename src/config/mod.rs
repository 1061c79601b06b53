//! The config file (DESIGN section 7): read whole, every error told at once with line and key, then assembled.

mod assemble;
mod association;
mod file;
mod reader;

pub use assemble::{Built, Trouble, build, context, doors};
pub use file::{Config, Listen, Protection, TlsFiles, read};
