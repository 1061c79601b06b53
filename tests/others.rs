//! Other mail servers than Dovecot behind nologd, Cyrus IMAP and Courier, and another webmail in front of it, SOGo, as Debian packs them.
//! `make test-others` unpacks them first, and runs these. As root.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where
#![allow(clippy::print_stdout, clippy::disallowed_macros)] // what the server told, where a test fails

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

use front::Front;
use servers::Server;

/// It has neither AUTH=PLAIN without TLS nor LITERAL+, UNSELECT, ID and MOVE.
#[test]
#[ignore = "make test-others"]
fn courier_by_imap() {
    let front = Front::start(Server::courier);
    let mut wire = front.logged_in();
    assert!(wire.ask("c CREATE INBOX.Sent\r\n", "c ").contains("c OK"));
    stories::imap(&front, "INBOX.Sent");
    assert_eq!(stories::webmail(&front, " LOGIN, user=alice"), 3, "without UNSELECT none can rest");
}

/// As Debian sets it up, it looks once a minute.
#[test]
#[ignore = "make test-others"]
fn courier_tells_at_the_next_command() {
    stories::idle(&Front::start(Server::courier), false);
}

#[test]
#[ignore = "make test-others"]
fn courier_by_pop3() {
    stories::pop3(&Front::start(Server::courier));
}
