//! What unit tests of commands share, and those that are about all of them.

mod looks;
pub(super) mod stage;
mod taking;
