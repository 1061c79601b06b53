//! A real Thunderbird, headless, for a member without limits and one with two: the inbox fills, new mail comes by IDLE, and the
//! quota bar stands where there is something to tell.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

#[path = "thunderbird/program.rs"]
mod program;
use crate::alone::House;
use crate::pop3::Pop3;
use crate::scripted::{PASSWORD, Scripted};
use crate::support;
use crate::wire;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use nologd::demo::{Behind, Dovecot, MEMBERS, Member, Place};
use program::{Seen, Thunderbird};
use serde_json::json;
use support::{client, mail_files, start_daemon, succeed};

/// Octets of each letter, more or less; two of them would not fit into the limit of the member who has one.
const LETTER: usize = 42_000;

#[test]
fn the_inbox_fills_new_mail_shows_and_the_quota_too() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: place.port().unwrap() };
    let daemon = start_daemon(&place, &[behind], &[]);
    let [alice, _, chloe, _] = &MEMBERS;
    nologd(&place, &["association", "set", "velo", "--storage", "20M", "--messages", "1000"]);
    nologd(&place, &["mailbox", "set", alice.address, "--storage", "50K"]);
    deliver(&dovecot, chloe, "The first beans");
    deliver(&dovecot, alice, "The first ride");
    let mut thunderbird = Thunderbird::start(&place, daemon.ports().imaps);

    // No limit for her: what is told of that must not end the session, as it did once.
    let seen = thunderbird.open(chloe, |seen| !seen.subjects.is_empty());
    assert_eq!(seen, inbox(&["The first beans"]));
    deliver(&dovecot, chloe, "The second beans");
    let seen = thunderbird.watch(chloe, |seen| seen.subjects.len() > 1);
    assert_eq!(seen, inbox(&["The second beans", "The first beans"]));

    let seen = thunderbird.open(alice, |seen| !seen.subjects.is_empty() && !seen.quota.is_empty());
    assert_eq!(seen.subjects, ["The first ride"]);
    let used = used(&seen);
    assert!((LETTER / 1024..50).contains(&used), "{seen:?}");
    let all = [
        format!("mailbox / STORAGE {used} 50"),
        format!("association / STORAGE {used} 20480"),
        "association / MESSAGE 1 1000".to_owned(),
    ];
    assert_eq!(seen.quota, all);
    // It draws the bar when a folder is opened, from what it was told before: of the fullest limit, from three quarters on.
    thunderbird.show(chloe);
    assert_eq!(thunderbird.watch(chloe, |_| true).bar, "");
    thunderbird.show(alice);
    let seen = thunderbird.watch(alice, |seen| !seen.bar.is_empty());
    assert_eq!(seen.bar, format!("{}%", used * 100 / 50));
    deliver(&dovecot, alice, "The second ride");
    let seen = thunderbird.watch(alice, |seen| seen.subjects.len() > 1);
    assert_eq!(seen.subjects, ["The second ride", "The first ride"]);
    thunderbird.quit();
}

/// By POP3: what is left on the server is not fetched twice, and what is not is gone there, once it is here.
#[test]
fn pop3_leaves_on_the_server_or_takes_away() {
    let pop3 = Pop3::start();
    let [alice, bob, ..] = &MEMBERS;
    let there = |member: &Member| mail_files(&pop3.stack.dovecot.maildir(member.address)).len();
    let place = &pop3.stack.place;
    let mut thunderbird = Thunderbird::start(place, pop3.implicit);
    for (member, leaves) in [(alice, true), (bob, false)] {
        deliver(&pop3.stack.dovecot, member, "The first ride");
        thunderbird.open_pop3(member, leaves);
        assert_eq!(thunderbird.fetch(member, 1), ["The first ride"]);
        deliver(&pop3.stack.dovecot, member, "The second ride");
        assert_eq!(thunderbird.fetch(member, 2), ["The first ride", "The second ride"]);
        assert_eq!(thunderbird.fetch(member, 2), ["The first ride", "The second ride"]);
        let (end, left) = (Instant::now() + Duration::from_secs(20), if leaves { 2 } else { 0 });
        while there(member) != left {
            assert!(Instant::now() < end, "{} letters are on the server, and not {left}", there(member));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    thunderbird.quit();
    drop(pop3);
}

/// Its own search for settings, as when somebody types an address into a new Thunderbird. The web is nologd's pages for it, whatever the host is
/// called: so the request is whole, as it would be at `autoconfig.asso.example`.
#[test]
fn it_finds_its_settings_by_itself() {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let [pages, imaps, pop3s, submissions] = [(); 4].map(|()| wire::listen().1);
    let listen = |service: &str, port: u16, tls: &str| {
        format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
    };
    let config = format!(
        "[tls]\ncertificates = \"{}/certs-example\"\ndefault = \"mail.nolog.example\"\n[web]\nurl = \"https://mail.nolog.example\"\n{}\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{imap}\"\npop3 = \"pop3://127.0.0.1:{imap}\"\nrelay = \"smtp://127.0.0.1:{relay}\"\n\
         [[association]]\nname = \"asso\"\ndomains = [\"asso.example\"]\n",
        env!("CARGO_MANIFEST_DIR"),
        listen("web", pages, "none")
            + &listen("imap", imaps, "implicit")
            + &listen("pop3", pop3s, "implicit")
            + &listen("submission", submissions, "implicit"),
        imap = imap.port,
        relay = relay.port,
    );
    let house = House::start(&config);
    let mut thunderbird = Thunderbird::start_with(&house.place, imaps, pages);
    let found = thunderbird.finds("alice@asso.example");
    let (host, user) = ("mail.nolog.example", "alice@asso.example");
    assert_eq!(found["incoming"], json!([["imap", host, imaps, 3, user], ["pop3", host, pop3s, 3, user]]), "{found}");
    assert_eq!(found["outgoing"], json!([host, submissions, 3, user]), "{found}");
    thunderbird.quit();
}

/// An inbox of somebody without a limit.
fn inbox(subjects: &[&str]) -> Seen {
    Seen { subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(), ..Seen::default() }
}

/// KiB of the mailbox.
fn used(seen: &Seen) -> usize {
    let line = seen.quota.iter().find_map(|line| line.strip_prefix("mailbox / STORAGE "));
    line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or_default()
}

fn nologd(place: &Place, arguments: &[&str]) {
    let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    succeed(command.args(arguments).env("NOLOGD_SOCKET", place.path("admin.sock")));
}

/// A letter, straight into the mail server: when this returns, it is there, and nothing but IDLE can tell of it.
fn deliver(dovecot: &Dovecot, to: &Member, subject: &str) {
    let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, dovecot.lmtp())).unwrap());
    let text = "A line of a letter between friends, as long as they are.\r\n".repeat(LETTER / 58);
    let letter = format!("From: friend@elsewhere.example\r\nTo: {}\r\nSubject: {subject}\r\n\r\n{text}.\r\n", to.address);
    let recipient = format!("RCPT TO:<{}>\r\n", to.address);
    let steps = ["", "LHLO relay.example\r\n", "MAIL FROM:<friend@elsewhere.example>\r\n", &recipient, "DATA\r\n", &letter];
    for step in steps {
        stream.get_mut().write_all(step.as_bytes()).unwrap();
        let mut line = String::new();
        while line.as_bytes().get(3) != Some(&b' ') {
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
        assert!(line.starts_with('2') || line.starts_with('3'), "{line}");
    }
}
