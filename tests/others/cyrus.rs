//! Cyrus by all its listeners: IMAP, POP3, incoming mail, a letter that is sent, and filters.

use super::front::{FROM, Front};
use super::servers::Server;
use super::stories::{self, append, message, said};
use crate::wire::Wire;

#[test]
#[ignore = "make test-others"]
fn cyrus_by_imap() {
    let front = Front::start(Server::cyrus);
    stories::imap(&front, "Sent");
    assert_eq!(stories::webmail(&front, " login: localhost "), 1, "no connection rested");
}

#[test]
#[ignore = "make test-others"]
fn cyrus_tells_at_once() {
    stories::idle(&Front::start(Server::cyrus), true);
}

#[test]
#[ignore = "make test-others"]
fn cyrus_by_pop3() {
    stories::pop3(&Front::start(Server::cyrus));
}

/// Incoming mail: taken, filed by the member's script, and refused before it is stored where there is no room.
#[test]
#[ignore = "make test-others"]
fn cyrus_by_lmtp() {
    let front = Front::start(Server::cyrus);
    // Who was never there is not known: Cyrus makes the mailbox when its owner first looks at it.
    let mut member = front.logged_in();
    said(member.ask("s SELECT INBOX\r\n", "s "), "* 0 EXISTS");
    let deliver = |message: &str, size: usize| {
        let mut wire = Wire::plain(front.daemon.ports().lmtp);
        wire.line();
        wire.ask("LHLO relay.example\r\n", "250 ");
        wire.ask(&format!("MAIL FROM:<x@elsewhere.example> SIZE={size}\r\n"), "250");
        let answer = wire.ask("RCPT TO:<Alice@velo.example>\r\n", "");
        if !answer.starts_with("250") {
            return answer;
        }
        wire.ask("DATA\r\n", "354");
        wire.ask(&format!("{message}.\r\n"), "")
    };
    let answer = deliver(&message("incoming", 2_000), 2_000);
    assert!(answer.starts_with("250"), "{answer}");
    assert!(member.ask("s SELECT INBOX\r\n", "s ").contains("* 1 EXISTS"));
    let answer = deliver(&message("too large", 200_000), 200_000);
    assert!(answer.starts_with("552 5.2.2"), "{answer}");
    assert!(append(&mut member, "INBOX", &message("most", 90_000)).contains("p OK"));
    let answer = deliver(&message("no room", 20_000), 20_000);
    assert!(answer.starts_with("552 5.2.2") && answer.contains("-FULL)"), "{answer}");
    assert!(member.ask("n NOOP\r\n", "n ").contains("n OK"));
    assert_eq!(front.told()[1], 2);
}

/// A letter from a member to another: judged by Cyrus' IMAP, scrubbed, delivered.
#[test]
#[ignore = "make test-others"]
fn a_letter_between_members_of_cyrus() {
    let front = Front::start(Server::cyrus);
    let bob = |wire: &mut Wire| {
        assert!(wire.ask("a LOGIN bob@velo.example spokes-and-chain\r\n", "a ").contains("a OK"));
        wire.ask("s SELECT INBOX\r\n", "s ")
    };
    assert!(bob(&mut front.imap()).contains("* 0 EXISTS"));
    let mut wire = Wire::from(FROM, front.daemon.ports().submissions).secured();
    wire.until("220 ");
    wire.ask("EHLO canary.laptop.lan\r\n", "250 ");
    let wrong = wire.ask(&format!("AUTH PLAIN {WRONG}\r\n"), "535");
    assert!(wrong.contains("WRONG-PASSWORD"), "{wrong}");
    let accepted = wire.ask(&format!("AUTH PLAIN {ALICE}\r\n"), "");
    assert!(accepted.starts_with("235"), "{accepted}");
    wire.ask("MAIL FROM:<alice@velo.example>\r\n", "250");
    wire.ask("RCPT TO:<bob@velo.example>\r\n", "250");
    wire.ask("DATA\r\n", "354");
    wire.send(b"From: alice@velo.example\r\nSubject: hello\r\nUser-Agent: canary-program\r\nMessage-ID: <1@canary.lan>\r\n\r\nbody\r\n.\r\n");
    assert!(wire.until("250").starts_with("250"));
    let mut wire = front.imap();
    assert!(bob(&mut wire).contains("* 1 EXISTS"));
    let letter = wire.ask("f FETCH 1 (BODY.PEEK[])\r\n", "f ");
    assert!(letter.contains("Subject: hello\r\n") && !letter.contains("canary") && !letter.contains("127.0.77"), "{letter}");
}

/// A member's filter, and what it does with the next letter.
#[test]
#[ignore = "make test-others"]
fn cyrus_by_managesieve() {
    let front = Front::start(Server::cyrus);
    let mut member = front.logged_in();
    assert!(member.ask("s SELECT INBOX\r\n", "s ").contains("s OK"));
    assert!(member.ask("c CREATE Lists\r\n", "c ").contains("c OK"));
    let script = "require \"fileinto\";\r\nfileinto \"Lists\"; # {5+}\r\n";
    let mut wire = Wire::from(FROM, front.sieve).secured();
    wire.until("OK");
    assert!(wire.ask(&format!("AUTHENTICATE \"PLAIN\" \"{WRONG}\"\r\n"), "NO").contains("(WRONG-PASSWORD)"));
    assert!(wire.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "OK").starts_with("OK"));
    let told = wire.ask("CAPABILITY\r\n", "OK");
    assert!(told.contains(" fileinto ") && !told.contains("Cyrus") && !told.contains("UNAUTHENTICATE"), "{told}");
    let put = format!("PUTSCRIPT \"filter\" {{{}+}}\r\n{script}\r\n", script.len());
    assert!(wire.ask(&put, "OK").starts_with("OK"));
    assert!(wire.ask("PUTSCRIPT \"broken\" {4+}\r\nkee;\r\n", "NO").starts_with("NO"));
    wire.until("\"\r\n");
    assert!(wire.ask("SETACTIVE \"filter\"\r\n", "OK").starts_with("OK"));
    assert_eq!(wire.ask("LISTSCRIPTS\r\n", "OK").lines().next(), Some("\"filter\" ACTIVE"));
    assert!(wire.ask("GETSCRIPT \"filter\"\r\n", "OK").contains(script));
    assert!(wire.ask("HAVESPACE \"more\" 9999999\r\n", "NO").starts_with("NO (QUOTA"));
    let mut lmtp = Wire::plain(front.daemon.ports().lmtp);
    for (line, start) in [
        ("LHLO relay.example", "250 "),
        ("MAIL FROM:<x@elsewhere.example>", "250"),
        ("RCPT TO:<alice@velo.example>", "250"),
        ("DATA", "354"),
        ("Subject: to a list\r\n\r\nbody\r\n.", "250"),
    ] {
        lmtp.ask(&format!("{line}\r\n"), start);
    }
    assert!(member.ask("s SELECT Lists\r\n", "s ").contains("* 1 EXISTS"), "the filter was not asked");
    assert!(wire.ask("SETACTIVE \"\"\r\n", "OK").starts_with("OK"));
    assert!(wire.ask("DELETESCRIPT \"filter\"\r\n", "OK").starts_with("OK"));
    assert!(wire.ask("LOGOUT\r\n", "OK").starts_with("OK"));
}

/// `alice@velo.example` with her password, and with another one, as PLAIN.
const ALICE: &str = "AGFsaWNlQHZlbG8uZXhhbXBsZQBiZWxsLWFuZC1iYXNrZXQ=";
const WRONG: &str = "AGFsaWNlQHZlbG8uZXhhbXBsZQB3cm9uZw==";
