//! The client is gone before the answer: what was stored is counted, what was not is given back, and nothing is forgotten.

use std::thread::sleep;
use std::time::Duration;

use super::between::{Fate, between};
use super::stage::{Plan, Stage};
use super::talk::{Talk, letter};
use super::truth;
use crate::wire::Wire;

const ALICE: &str = "alice@velo.example";
const MEGABYTE: usize = 1 << 20;

fn stage() -> Stage {
    Stage::set(&Plan::velo("mailbox_default = \"5M\"\nstorage = \"20M\"", &["alice", "bob"]))
}

/// Eight sessions, each with a whole message, each cut at once: as in every train.
#[test]
fn an_append_whose_session_is_cut_is_paid() {
    let stage = stage();
    for _ in 0..8 {
        let mut session = stage.session(ALICE);
        session.send(format!("APPEND INBOX {{{MEGABYTE}+}}\r\n{}", letter(MEGABYTE)).as_bytes());
    }
    sleep(Duration::from_secs(1));
    stage.not_below(ALICE);
    let stored = stage.settles(ALICE, Duration::from_secs(5));
    assert!(stored.octets <= 5 << 20, "{stored:?}");
}

#[test]
fn a_multiappend_a_copy_and_a_sent_copy_are_paid_after_a_cut() {
    let stage = stage();
    let cut = |command: &str| {
        let mut session = stage.session(ALICE);
        session.ok("SELECT INBOX");
        session.send(command.as_bytes());
        drop(session);
        // In the middle of a MOVE each message has two files.
        if command.contains("MOVE") {
            sleep(Duration::from_millis(500));
        }
        for _ in 0..10 {
            stage.not_below(ALICE);
            sleep(Duration::from_millis(20));
        }
    };
    let (one, two) = (letter(200_000), letter(300_000));
    cut(&format!("APPEND INBOX {{200000+}}\r\n{one} {{300000+}}\r\n{two}"));
    cut("COPY 1:* Drafts");
    cut(&format!("APPEND Sent {{200000+}}\r\n{one}"));
    cut("UID MOVE 1:* Trash");
    // Half of one: nothing is stored, and nothing stays set aside.
    cut(&format!("APPEND INBOX {{400000+}}\r\n{one}"));
    stage.settles(ALICE, Duration::from_secs(5));
}

#[test]
fn a_delivery_whose_relay_is_gone_is_counted() {
    let stage = stage();
    for _ in 0..3 {
        let mut wire = Wire::plain(stage.lmtp);
        wire.line();
        wire.ask("LHLO relay.example\r\n", "250 ");
        wire.ask("MAIL FROM:<ann@elsewhere.example>\r\n", "2");
        wire.ask(&format!("RCPT TO:<{ALICE}>\r\n"), "2");
        wire.ask("DATA\r\n", "3");
        wire.send(format!("{}.\r\n", letter(100_000)).as_bytes());
    }
    sleep(Duration::from_secs(1));
    stage.not_below(ALICE);
    // Its own number is known when somebody could ask: at the end of a session at the latest.
    stage.session(ALICE).ok("LOGOUT");
    let stored = stage.settles(ALICE, Duration::from_secs(3));
    assert_eq!(stored.messages, 3);
}

/// A slow backend, cut in the middle of APPEND and EXPUNGE; another session counts before the backend has done them.
#[test]
fn a_count_that_began_before_the_backend_was_done_settles_nothing() {
    for command in ["EXPUNGE", "APPEND", "COPY"] {
        let late = |line: &str| match line.starts_with("t5 ") {
            true => Fate::Late(Duration::from_millis(1500)),
            false => Fate::Pass,
        };
        let plan = Plan::velo("mailbox_default = \"5M\"", &["alice"]);
        let stage = Stage::set_before(&plan, Some(&|port| between(port, late)));
        let mut session = stage.session(ALICE);
        session.fill("INBOX", 500_000);
        session.ok("SELECT INBOX");
        session.ok("STORE 1 +FLAGS (\\Deleted)");
        let text = match command {
            "APPEND" => format!("APPEND INBOX {{100000+}}\r\n{}", letter(100_000)),
            "COPY" => "COPY 1 Drafts".to_owned(),
            _ => command.to_owned(),
        };
        session.send(text.as_bytes());
        sleep(Duration::from_millis(100));
        drop(session);
        let mut other = Talk::log_in(stage.imap, ALICE);
        other.ok("NOOP");
        for _ in 0..30 {
            stage.not_below(ALICE);
            sleep(Duration::from_millis(100));
        }
        other.ok("NOOP");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// Announced and not sent: nobody's mail bounces for it, and soon it is not even in the way.
#[test]
fn octets_that_are_announced_and_do_not_come_make_nothing_bounce() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"5M\"\nstorage = \"6M\"", &["alice", "bob"]));
    let mut silent: Vec<_> = (0..2).map(|_| stage.session(ALICE)).collect();
    silent.iter_mut().for_each(|session| drop(session.send(b"APPEND INBOX {2500000}")));
    // The third sends a part of it.
    let mut part = stage.session("bob@velo.example");
    part.send(format!("APPEND INBOX {{900000+}}\r\n{}", letter(1000)).as_bytes());
    sleep(Duration::from_millis(300));
    let began = std::time::Instant::now();
    loop {
        let answer = super::talk::deliver(stage.lmtp, &["bob@velo.example"], &letter(900_000)).remove(0);
        assert!(!answer.starts_with('5'), "mail bounces though nothing is stored: {answer}");
        if answer.starts_with('2') {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "still {answer}");
        sleep(Duration::from_millis(500));
    }
    // Whoever goes on after all finds the room that there is.
    let half = silent.remove(0);
    drop(half);
    drop((silent, part));
    sleep(Duration::from_secs(1));
    stage.session("bob@velo.example").ok("LOGOUT");
    assert_eq!(stage.settles("bob@velo.example", Duration::from_secs(3)).messages, 1);
    assert_eq!(truth::told(&stage, ALICE).messages, 0);
}
