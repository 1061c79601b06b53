//! What the kernel, the disk and the network do: traced, killed, confined, filled and flooded. Some of it as root.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

// Shared by several.
#[path = "../support/house.rs"]
mod house;
#[path = "../web/http.rs"]
mod http;
#[path = "../support/hunt.rs"]
mod hunt;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/root.rs"]
mod root;
#[path = "../support/scripted.rs"]
mod scripted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/wire.rs"]
mod wire;

// A file of tests/ is a line here: tests/layers.rs looks.
#[path = "../full_disk.rs"]
mod full_disk;
#[path = "../limits.rs"]
mod limits;
#[path = "../lock_out.rs"]
mod lock_out;
#[path = "../no_log.rs"]
mod no_log;
#[path = "../pair.rs"]
mod pair;
#[path = "../sandbox.rs"]
mod sandbox;
#[path = "../seized_disk.rs"]
mod seized_disk;
#[path = "../store_damage.rs"]
mod store_damage;
#[path = "../store_kill.rs"]
mod store_kill;
#[path = "../strace.rs"]
mod strace;
#[path = "../strace_web.rs"]
mod strace_web;
