//! Who is kicked, suspended or removed sends no more, within seconds and with a word for it; and no message is lost or there twice by that.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::Wire;

const SOON: Duration = Duration::from_secs(4);

fn house(imap: &Scripted, relay: u16) -> House {
    let mut settings = Settings::new(imap.port, relay);
    settings.admin = true;
    House::start(&settings)
}

fn logged_in(house: &House, user: &str) -> Wire {
    let mut client = Wire::from([127, 0, 0, 1], house.ports.submissions).secured();
    client.until("220 ");
    client.ask("EHLO x\r\n", "250 ");
    let secret = STANDARD.encode(format!("\0{user}@asso.example\0{PASSWORD}"));
    client.ask(&format!("AUTH PLAIN {secret}\r\n"), "235 ");
    client
}

fn envelope(client: &mut Wire, user: &str) {
    client.ask(&format!("MAIL FROM:<{user}@asso.example>\r\n"), "250");
    client.ask("RCPT TO:<bob@there.example>\r\n", "250");
}

/// What is told within `patience`, and that the connection ends.
fn told(client: &mut Wire, patience: Duration) -> String {
    let begin = Instant::now();
    let line = client.line();
    assert!(client.ends(patience) && begin.elapsed() < patience, "{line}");
    line
}

fn times(relay: &Scripted, text: &str) -> usize {
    String::from_utf8_lossy(&relay.heard()).matches(text).count()
}

#[test]
fn a_kick_ends_every_session_of_a_sender_and_nobody_elses() {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let house = house(&imap, relay.port);
    let mut bob = logged_in(&house, "bob");
    let (mut idle, mut named, mut writes) = (logged_in(&house, "alice"), logged_in(&house, "alice"), logged_in(&house, "alice"));
    envelope(&mut named, "alice");
    envelope(&mut writes, "alice");
    writes.ask("DATA\r\n", "354");
    writes.send(b"From: alice@asso.example\r\nSubject: whole\r\n\r\nfirst\r\n");
    assert_eq!(house.ask("mailbox kick alice@asso.example"), "alice@asso.example: 3 sessions were told to end.\n");
    for client in [&mut idle, &mut named] {
        let line = told(client, SOON);
        assert!(line.starts_with("421 ") && line.contains("(SESSION-ENDED)"), "{line}");
    }
    // The message that was coming in comes to its end, and nothing after it.
    writes.send(b"second\r\n.\r\nMAIL FROM:<alice@asso.example>\r\n");
    assert!(writes.line().starts_with("250 "));
    let line = told(&mut writes, SOON);
    assert!(line.starts_with("421 ") && line.contains("(SESSION-ENDED)"), "{line}");
    assert_eq!((times(&relay, "second\r\n.\r\n"), times(&relay, "MAIL FROM:<alice")), (1, 2));
    // With the same password they can come back.
    envelope(&mut logged_in(&house, "alice"), "alice");
    bob.ask("NOOP\r\n", "250 ");
}

#[test]
fn who_goes_on_writing_is_cut_off_and_the_message_with_it() {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let house = house(&imap, relay.port);
    let mut client = logged_in(&house, "alice");
    envelope(&mut client, "alice");
    client.ask("DATA\r\n", "354");
    client.send(b"From: alice@asso.example\r\nSubject: endless\r\n\r\n");
    house.ask("mailbox kick alice@asso.example");
    let begin = Instant::now();
    while !client.hear(Duration::from_millis(300)) {
        assert!(client.send(b"still writing\r\n") && begin.elapsed() < Duration::from_secs(15));
    }
    let line = client.line();
    assert!(line.starts_with("421 ") && line.contains("(SESSION-ENDED)"), "{line}");
    client.send(b".\r\n");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(times(&relay, "\r\n.\r\n"), 0);
}

/// Octets of the client wait all the time there, so that no read of them is ever late.
#[test]
fn who_goes_on_writing_behind_a_slow_relay_is_cut_off_as_soon() {
    let imap = Scripted::imap(PASSWORD);
    let (listener, port) = wire::listen();
    let house = house(&imap, port);
    let relay = thread::spawn(move || slow_relay(&listener));
    let mut client = logged_in(&house, "alice");
    envelope(&mut client, "alice");
    client.ask("DATA\r\n", "354");
    client.send(b"From: alice@asso.example\r\nSubject: endless\r\n\r\n");
    house.ask("mailbox kick alice@asso.example");
    let (begin, lines) = (Instant::now(), [&[b'z'; 900][..], b"\r\n"].concat().repeat(100));
    while client.send(&lines) && !client.hear(Duration::ZERO) {
        assert!(begin.elapsed() < Duration::from_secs(15), "it goes on");
    }
    assert!(!relay.join().unwrap(), "the relay has it whole");
}

/// Takes 400 kB in a second of a message; whether it came to its end.
fn slow_relay(listener: &TcpListener) -> bool {
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"220 relay.example ESMTP\r\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 && !line.starts_with("DATA") {
        stream.write_all(if line.starts_with("EHLO") { b"250 relay.example\r\n" } else { b"250 ok\r\n" }).unwrap();
        line.clear();
    }
    stream.write_all(b"354 go\r\n").unwrap();
    let (mut all, mut piece) = (lines.buffer().to_vec(), [0; 8 * 1024]);
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
        thread::sleep(Duration::from_millis(20));
    }
    all.windows(5).any(|five| five == b"\r\n.\r\n")
}

#[test]
fn a_message_that_the_relay_has_whole_is_answered() {
    let imap = Scripted::imap(PASSWORD);
    let (listener, port) = wire::listen();
    let house = house(&imap, port);
    // A relay that takes its time with the last answer.
    let relay = thread::spawn(move || {
        let mut wire = wire::accept(&listener, wire::PATIENCE).unwrap();
        wire.send(b"220 relay.example ESMTP\r\n");
        let mut asked = |start: &str, answer: &[u8]| {
            wire.until(start);
            wire.send(answer);
        };
        asked("EHLO", b"250-relay.example\r\n250 PIPELINING\r\n");
        asked("MAIL", b"250 ok\r\n");
        asked("RCPT", b"250 ok\r\n");
        asked("DATA", b"354 go\r\n");
        wire.until(".\r\n");
        thread::sleep(Duration::from_secs(2));
        wire.send(b"250 2.0.0 queued\r\n");
        wire.until("no such line");
    });
    let mut client = logged_in(&house, "alice");
    envelope(&mut client, "alice");
    client.ask("DATA\r\n", "354");
    client.send(b"From: alice@asso.example\r\n\r\nhello\r\n.\r\n");
    thread::sleep(Duration::from_millis(500));
    house.ask("mailbox kick alice@asso.example");
    let line = client.line();
    assert!(line.starts_with("250 "), "{line}");
    let line = told(&mut client, SOON);
    assert!(line.starts_with("421 ") && line.contains("(SESSION-ENDED)"), "{line}");
    relay.join().unwrap();
}

#[test]
fn who_is_suspended_or_removed_does_not_go_on_sending() {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let house = house(&imap, relay.port);
    let mut removed = logged_in(&house, "alice");
    house.ask("mailbox remove alice@asso.example");
    let line = told(&mut removed, SOON);
    assert!(line.starts_with("421 ") && line.contains("(UNKNOWN-MAILBOX)"), "{line}");
    let mut suspended = logged_in(&house, "bob");
    house.ask("association set asso --state suspended");
    let line = told(&mut suspended, SOON);
    assert!(line.starts_with("421 ") && line.contains("(SUSPENDED)"), "{line}");
}
