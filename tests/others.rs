//! Other mail servers than Dovecot behind nologd, Cyrus IMAP and Courier, and another webmail in front of it, SOGo, as Debian packs them.
//! `make test-others` unpacks them first, and runs these. As root.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where
#![allow(clippy::print_stdout, clippy::disallowed_macros)] // what the server told, where a test fails

#[path = "others/courier.rs"]
mod courier;
#[path = "others/cyrus.rs"]
mod cyrus;
#[path = "others/front.rs"]
mod front;
#[path = "others/servers.rs"]
mod servers;
#[path = "others/sogo.rs"]
mod sogo;
#[path = "others/stories.rs"]
mod stories;
