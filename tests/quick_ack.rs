//! Programs that write a line and its CRLF, or a message and the CRLF behind it, apart and without TCP_NODELAY: nobody waits for
//! the kernel's delayed acknowledgement, which comes after 40 ms.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::support;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use nologd::demo::{Behind, Dovecot, MEMBERS, Place};

/// The kernel's least wait (TCP_DELACK_MIN).
const DELAYED: Duration = Duration::from_millis(40);

#[test]
fn nobody_waits_for_a_delayed_acknowledgement() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: place.port().unwrap() };
    let daemon = support::start_daemon(&place, &[behind], &[]);
    let ports = daemon.ports();

    let mut imap = Apart::connect(ports.webmail_imap);
    imap.fastest("an IMAP command before the login", |imap| imap.tagged(&["a NOOP", "\r\n"]));
    imap.tagged(&[&format!("a LOGIN {} {}\r\n", MEMBERS[0].address, MEMBERS[0].password)]);
    imap.fastest("an IMAP command", |imap| imap.tagged(&["a NOOP", "\r\n"]));
    imap.fastest("the end of an APPEND", |imap| {
        imap.write(&["a APPEND Drafts {12}\r\n"]);
        assert!(imap.line().starts_with('+'));
        imap.tagged(&["Subject: x\r\n", "\r\n"]);
    });
    for (port, hello, what) in
        [(ports.webmail_submission, "EHLO member.example\r\n", "an SMTP command"), (ports.lmtp, "LHLO relay.example\r\n", "LMTP")]
    {
        let mut smtp = Apart::connect(port);
        smtp.write(&[hello]);
        while !smtp.line().starts_with("250 ") {}
        smtp.fastest(what, |smtp| {
            smtp.write(&["NOOP", "\r\n"]);
            assert!(smtp.line().starts_with("250 "));
        });
    }
}

/// A connection as programs have it that ask for nothing.
struct Apart(BufReader<TcpStream>);

impl Apart {
    /// Connects and reads the greeting.
    fn connect(port: u16) -> Apart {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut apart = Apart(BufReader::new(stream));
        apart.line();
        apart
    }

    /// The fastest of the last ten of forty must not have waited: the first acknowledgements of a connection are quick anyhow,
    /// and a busy machine can make any of them slow, but not all.
    fn fastest(&mut self, what: &str, mut once: impl FnMut(&mut Apart)) {
        let times = (0..40).map(|_| {
            let start = Instant::now();
            once(self);
            start.elapsed()
        });
        let fastest = times.skip(30).min().unwrap();
        assert!(fastest < DELAYED / 2, "{what} takes {fastest:?}");
    }

    /// Writes each part by itself, and reads on to the answer of command `a`.
    fn tagged(&mut self, parts: &[&str]) {
        self.write(parts);
        loop {
            let line = self.line();
            if let Some(answer) = line.strip_prefix("a ") {
                assert!(answer.starts_with("OK"), "{line}");
                return;
            }
        }
    }

    fn write(&mut self, parts: &[&str]) {
        for part in parts {
            self.0.get_mut().write_all(part.as_bytes()).unwrap();
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the connection was closed");
        line
    }
}
