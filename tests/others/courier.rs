//! Courier by its two listeners, and what the book knows of deletions there: no EXPUNGE comes for what CLOSE deletes, and nothing can be counted while
//! the member has a folder open.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nologd::demo::MEMBERS;

use super::front::Front;
use super::servers::Server;
use super::stories::{self, append, message, said};
use crate::support::mail_files;
use crate::wire::Wire;

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

/// Octets of each message.
const SIZE: u64 = 20_000;

/// What the book has, and whether that is sure; nobody counts because it is asked.
fn held(front: &Front) -> (u64, u64, bool) {
    let mailbox = front.disclosed(MEMBERS[0].address);
    let number = |name: &str| mailbox[name].as_u64().unwrap();
    (number("octets"), number("messages"), mailbox["counted"].as_bool().unwrap())
}

/// Until the book is sure, and then it has `count` messages. Before that it is never below what is there.
fn comes_to(front: &Front, count: usize) {
    let end = Instant::now() + Duration::from_secs(20);
    let inbox = front.server.folder.join(format!("mail/{}/Maildir", MEMBERS[0].address));
    loop {
        let before = mail_files(&inbox);
        let (octets, messages, counted) = held(front);
        let after = mail_files(&inbox);
        // A flag that is set gives the file another name.
        let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().split(':').next().unwrap().to_owned();
        let there = before.iter().filter(|file| after.iter().any(|other| name(other) == name(file))).count() as u64;
        assert!(messages >= there && octets >= there * SIZE, "the book has {messages} messages, {octets} octets of {there}");
        if counted && (octets, messages) == (count as u64 * SIZE, count as u64) {
            assert_eq!(after.len(), count, "what is there");
            return;
        }
        assert!(Instant::now() < end, "{octets} octets, {messages} messages, counted: {counted}; and not {count} messages");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A session that has the inbox open, with all of its messages to be deleted.
fn marked(front: &Front, there: usize) -> Wire {
    let mut wire = front.logged_in();
    said(wire.ask("s SELECT INBOX\r\n", "s "), &format!("* {there} EXISTS"));
    said(wire.ask("t STORE 1:* +FLAGS.SILENT (\\Deleted)\r\n", "t "), "t OK");
    wire
}

/// In each way out of the folder, the number stays until it is counted, and then it is right, without anybody who asks for it.
#[test]
#[ignore = "make test-others"]
fn courier_tells_nothing_of_what_close_deletes() {
    let front = Front::start(Server::courier);
    let fill = |count: usize| {
        let mut wire = front.logged_in();
        (0..count).for_each(|_| said(append(&mut wire, "INBOX", &message("kept", SIZE as usize)), "p OK"));
        said(wire.ask("l LOGOUT\r\n", "l "), "l OK");
    };
    fill(3);
    comes_to(&front, 3);

    // CLOSE, and the session goes on: it counts when it rests.
    let mut wire = marked(&front, 3);
    let told = wire.ask("x CLOSE\r\n", "x ");
    assert!(told.contains("x OK") && !told.contains("EXPUNGE"), "{told}");
    comes_to(&front, 0);
    // The room is there at once for whoever asks for it.
    assert!(append(&mut wire, "INBOX", &message("large", 90_000)).contains("p OK"));
    said(wire.ask("s SELECT INBOX\r\n", "s "), "* 1 EXISTS");
    said(wire.ask("t STORE 1 +FLAGS (\\Deleted)\r\n", "t "), "t OK");
    said(wire.ask("x CLOSE\r\n", "x "), "x OK");
    assert!(append(&mut wire, "INBOX", &message("large", 90_000)).contains("p OK"), "a count before the refusal");
    let mut other = marked(&front, 1);
    said(other.ask("x CLOSE\r\n", "x "), "x OK");
    drop((wire, other));
    comes_to(&front, 0);

    // CLOSE, and nobody waits for its answer.
    fill(2);
    let mut wire = marked(&front, 2);
    wire.send(b"x CLOSE\r\n");
    drop(wire);
    comes_to(&front, 0);

    // Another folder in its place deletes nothing (RFC 9051 6.3.2), and neither does LOGOUT, nor a connection that is cut.
    fill(2);
    let mut wire = marked(&front, 2);
    said(wire.ask("y EXAMINE INBOX\r\n", "y "), "* 2 EXISTS");
    said(wire.ask("x CLOSE\r\n", "x "), "x OK");
    comes_to(&front, 2);
    let mut wire = marked(&front, 2);
    said(wire.ask("l LOGOUT\r\n", "l "), "l OK");
    drop(marked(&front, 2));
    comes_to(&front, 2);

    // One closes, another still has the folder open, and cannot count.
    let mut open = front.logged_in();
    said(open.ask("s SELECT INBOX\r\n", "s "), "* 2 EXISTS");
    let mut wire = marked(&front, 2);
    said(wire.ask("x CLOSE\r\n", "x "), "x OK");
    comes_to(&front, 0);
    // It hears of the deletions, and leaves the count to its own CLOSE: the number is right meanwhile.
    said(open.ask("n NOOP\r\n", "n "), "n OK");
    let (octets, messages, _) = held(&front);
    assert_eq!((octets, messages), (0, 0));
    said(open.ask("x CLOSE\r\n", "x "), "x OK");
    comes_to(&front, 0);
}
