//! A client that has nothing more to say, while its session's last count is shown that somebody else deletes: that is counted as well, and soon.

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

#[test]
fn what_the_last_count_was_shown_is_counted_within_a_second() {
    let (listener, port) = listen();
    let house = House::start(&Settings::new(port, 1));
    // nologd asks what the mail server takes.
    drop(accept(&listener, PATIENCE).unwrap());
    let mut client = Wire::tls(house.ports.imaps);
    client.line();
    client.send(format!("c1 AUTHENTICATE PLAIN {ALICE}\r\n").as_bytes());
    let mut server = accept(&listener, PATIENCE).unwrap();
    server.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    server.until("n3 AUTHENTICATE ");
    server.send(b"n3 OK [CAPABILITY IMAP4rev1] in\r\n");
    client.until("c1 OK ");
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
