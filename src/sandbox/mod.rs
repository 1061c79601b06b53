//! What the kernel holds us to. So far: no core dumps, not dumpable, no new privileges, and another user than root.

mod harden;
mod user;

pub use harden::{Unenforced, harden};
pub use user::{NoUser, become_user};
