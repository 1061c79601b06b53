//! Layer 6: a host's panel, read for `nologd sync` (docs/admin/panels.md). A process of its own: the daemon reads no panel.
//!
//! ```text
//! csv ──────────────────────────────┐
//! alternc postfixadmin modoboa ─────┼─▶ PanelList ─┐
//!   mailcow  (Tables: a dump,       │              ├─▶ difference ─▶ brakes ─▶ a batch for the daemon
//!   MariaDB, PostgreSQL)            │   the book ──┤
//! postfix (its maps) ───────────────┘   SyncState ─┘
//! ```
//!
//! To add a panel: a file that fills a [`PanelList`](list::PanelList), and a word in [`PanelKind`](settings::PanelKind). The difference and the brakes are pure.
//!
//! Absent on purpose: passwords and their hashes, which nobody here reads; usage, which the mail server knows; anything about a person on
//! standard output, which goes to the journal.

pub mod alternc;
mod bounds;
pub mod brakes;
pub mod code;
pub mod csv;
pub mod difference;
pub mod dump;
mod leads;
pub mod list;
pub mod mailcow;
pub mod mapping;
mod missing;
pub mod modoboa;
pub mod odd;
pub mod postfix;
pub mod postfixadmin;
pub mod settings;
pub mod source;
#[cfg(feature = "sql")]
pub mod sql;
mod sql_reader;
pub mod state;
pub mod tables;
