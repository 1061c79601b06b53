//! How a session ends where the client has nothing more to say, or the mail server: what is due is counted, and last words arrive.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::house::{House, Settings};
use crate::wire::{PATIENCE, Wire, accept, listen};

const ALICE: &str = "AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==";

/// The mail server is asked for its folders; the tag of that.
fn counts(server: &mut Wire) -> String {
    let asked = server.line();
    let (tag, rest) = asked.split_once(' ').unwrap();
    assert_eq!((tag.len(), rest), (17, "LIST \"\" \"*\"\r\n"));
    tag.to_owned()
}

/// A daemon in front of a mail server that the test plays.
fn house() -> (House, TcpListener) {
    let (listener, port) = listen();
    let house = House::start(&Settings::new(port, 1));
    // nologd asks what the mail server takes.
    drop(accept(&listener, PATIENCE).unwrap());
    (house, listener)
}

/// Alice's client, and the mail server's side of her session.
fn session(house: &House, listener: &TcpListener) -> (Wire, Wire) {
    let mut client = Wire::tls(house.ports.imaps);
    client.line();
    client.send(format!("c1 AUTHENTICATE PLAIN {ALICE}\r\n").as_bytes());
    let mut server = accept(listener, PATIENCE).unwrap();
    server.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    server.until("n3 AUTHENTICATE ");
    server.send(b"n3 OK [CAPABILITY IMAP4rev1] in\r\n");
    client.until("c1 OK ");
    (client, server)
}

#[test]
fn what_the_last_count_was_shown_is_counted_within_a_second() {
    let (house, listener) = house();
    let (mut client, mut server) = session(&house, &listener);
    let tag = counts(&mut server);
    server.send(format!("{tag} OK done\r\n").as_bytes());
    client.send(b"c2 EXPUNGE\r\n");
    server.until("c2 EXPUNGE");
    server.send(b"* 1 EXPUNGE\r\nc2 OK done\r\n");
    client.until("c2 OK ");
    client.leave();
    let tag = counts(&mut server);
    let shown = Instant::now();
    server.send(format!("* 1 EXPUNGE\r\n{tag} OK done\r\n").as_bytes());
    let tag = counts(&mut server);
    assert!(shown.elapsed() < Duration::from_secs(2), "{:?}", shown.elapsed());
    server.send(format!("{tag} OK done\r\n").as_bytes());
    assert!(server.ends(PATIENCE) && client.ends(PATIENCE));
}

/// A connection that is closed over unread input is reset, and the last words with it.
#[test]
fn a_mail_server_that_says_bye_while_the_client_speaks_is_heard() {
    let (house, listener) = house();
    for first in [true, false, false, false] {
        let (mut client, mut server) = session(&house, &listener);
        if first {
            let tag = counts(&mut server);
            server.send(format!("{tag} OK done\r\n").as_bytes());
        }
        client.send(format!("c2 APPEND Drafts {{{}+}}\r\n", 8 << 20).as_bytes());
        server.until("c2 APPEND ");
        server.send(b"+ go\r\n* BYE no\r\n");
        server.leave();
        let pieces = 64;
        let taken = (0..pieces).filter(|_| {
            sleep(Duration::from_millis(5));
            client.send(&[b'x'; 64 * 1024])
        });
        let taken = taken.count();
        let line = client.line();
        assert!(line.starts_with("* BYE no") && taken == pieces, "{taken} pieces were taken, and then: {line:?}");
    }
}
