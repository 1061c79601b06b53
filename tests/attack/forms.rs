//! Every way to write an APPEND: what is stored is paid and, in Sent, scrubbed; CATENATE is never run (RFC 4469 takes octets from
//! where they are, and nobody could say how many).

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::stage::{Plan, Stage};
use super::talk::{last, letter};
use super::truth;
use crate::support::mail_files;

const ALICE: &str = "alice@velo.example";

fn own() -> String {
    format!(
        "From: <{ALICE}>\r\nX-Mailer: canary\r\nUser-Agent: canary\r\nMessage-ID: <1@canary.local>\r\nSubject: x\r\n\r\nhello\r\n"
    )
}

fn sent(stage: &Stage) -> Vec<String> {
    let files = mail_files(&stage.dovecot.maildir(ALICE).join(".Sent"));
    files.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect()
}

/// A blank more, a name as a literal, flags and dates, several messages: scrubbed or refused, and paid either way.
#[test]
fn every_spelling_of_an_append_to_sent_is_scrubbed() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    let spellings = [
        "APPEND Sent ",
        "APPEND \"Sent\" ",
        "APPEND {4+}\r\nSent ",
        "APPEND  Sent ",
        "APPEND Sent  ",
        "APPEND  {4+}\r\nSent ",
        "APPEND {4+}\r\nSent  ",
        "APPEND Sent (\\Seen) ",
        "APPEND Sent (\\Seen)  ",
        "APPEND \"S\\ent\" ",
        "append sent ",
        "APPEND Sent {12+}\r\nA: b\r\n\r\nabcd ",
        "APPEND Sent () \"01-Jan-2035 10:00:00 +0000\" ",
    ];
    for spelling in spellings {
        let message = own();
        let answer = session.ask(&format!("{spelling}{{{}+}}\r\n{message}", message.len()));
        assert!(last(&answer).starts_with(['O', 'N', 'B']), "{spelling:?}: {answer:?}");
        let unscrubbed = sent(&stage).into_iter().find(|text| text.contains("canary"));
        assert!(unscrubbed.is_none(), "{spelling:?} is answered {:?} and stored as it came", last(&answer));
    }
    session.ok("LOGOUT");
    assert!(stage.settles(ALICE, Duration::from_secs(3)).messages >= 5);
}

/// The scrubber makes a copy longer or shorter than announced: what is stored is what is paid.
#[test]
fn a_scrubbed_copy_is_paid_at_its_own_size() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    let messages =
        [own(), format!("From: <{ALICE}>\r\nSubject: no date, no id\r\n\r\nx\r\n"), own().replace("X-Mailer", "X-Unknown-Field")];
    for message in messages.iter().cycle().take(12) {
        assert!(session.append("Sent", message).starts_with("OK"));
        assert_eq!(stage.used(ALICE), truth::told(&stage, ALICE), "while the session stays open");
    }
}

#[test]
fn catenate_does_not_come_through_by_any_door() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 100_000);
    let doors = [
        "APPEND Drafts CATENATE (URL \"/INBOX/;UID=1\")",
        "APPEND {6+}\r\nDrafts CATENATE (URL \"/INBOX/;UID=1\")",
        "APPEND {6+}\r\nDrafts (\\Seen) CATENATE (URL \"/INBOX/;UID=1\")",
        "APPEND Drafts {1+}\r\nx CATENATE (URL \"/INBOX/;UID=1\")",
        "APPEND Drafts {1+}\r\nx (\\Seen) CATENATE (TEXT {1+}\r\nx URL \"/INBOX/;UID=1\")",
        "APPEND Drafts () \"01-Jan-2035 10:00:00 +0000\" catenate (URL \"/INBOX/;UID=1\")",
    ];
    for door in doors {
        let answer = session.ask(door);
        assert!(!last(&answer).starts_with("OK"), "{door}: {answer}");
        assert!(last(&session.ask("NOOP")).starts_with("OK"), "{door}");
        assert_eq!(
            truth::told(&stage, ALICE),
            truth::told(&stage, ALICE).min_of(&stage.used(ALICE)),
            "{door}: stored and not paid"
        );
    }
}

/// MULTIAPPEND whose later message finds no room: NO for all of it, an intact session, nothing stored that is not paid.
#[test]
fn a_multiappend_without_room_ends_with_no() {
    for (limits, word) in [("mailbox_default = \"100K\"", "MAILBOX-FULL"), ("storage = \"100K\"", "ASSOCIATION-FULL")] {
        let stage = Stage::set(&Plan::velo(limits, &["alice"]));
        let mut session = stage.session(ALICE);
        for (small, large) in [(40, 200_000), (60_000, 60_000), (1_000, 101_500)] {
            let (one, two) = (letter(small), letter(large));
            let answer = session.ask(&format!("APPEND INBOX {{{}+}}\r\n{one} {{{}+}}\r\n{two}", one.len(), two.len()));
            assert!(last(&answer).starts_with("NO [OVERQUOTA]") && answer.contains(word), "{answer}");
            assert!(last(&session.ask("NOOP")).starts_with("OK"), "the session is over");
            assert_eq!(truth::told(&stage, ALICE).octets, 0, "a part of it is stored");
        }
        let one = letter(50_000);
        let tag = session.send(format!("APPEND INBOX {{50000+}}\r\n{one} {{60000}}").as_bytes());
        assert!(last(&session.wire.until(&tag)).starts_with("NO [OVERQUOTA]"));
        assert!(session.append("INBOX", &one).starts_with("OK"));
        session.ok("LOGOUT");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// However an APPEND ends badly behind its literal: it is answered, and nothing stays set aside, in an open session and after it.
#[test]
fn an_append_that_ends_badly_leaves_nothing_set_aside() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let message = letter(1000);
    for (line, end) in [
        ("APPEND Drafts UTF8 (~", ""),
        ("APPEND Drafts UTF8 (~", " x)"),
        ("APPEND Drafts ", ")"),
        ("APPEND Drafts ", " x"),
        ("APPEND Drafts ", " (\\Seen"),
        ("APPEND Sent ", "\""),
        ("APPEND Drafts {3+}\r\nabc ", ")"),
        ("APPEND nosuch ", ""),
    ] {
        let mut session = stage.session(ALICE);
        let answer = session.ask(&format!("{line}{{1000+}}\r\n{message}{end}"));
        assert!(last(&answer).starts_with(['B', 'N', 'O']), "{line:?} .. {end:?}: {answer:?}");
        assert!(last(&session.ask("NOOP")).starts_with("OK"), "{line:?} .. {end:?}");
        stage.settles(ALICE, Duration::from_secs(3));
        session.ok("LOGOUT");
        // The same, and gone at once.
        stage.session(ALICE).send(format!("{line}{{1000+}}\r\n{message}{end}").as_bytes());
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// Programs that write the end of the command apart from the literal, and leave Nagle's algorithm on as Python's imaplib does, wait
/// for nobody's delayed acknowledgement (40 ms).
#[test]
fn an_append_in_two_writes_takes_no_forty_milliseconds() {
    let stage = Stage::set(&Plan::velo("", &["alice"]));
    let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, stage.imap)).unwrap());
    let mut until = |pieces: &[&str], start: &str| {
        pieces.iter().for_each(|piece| stream.get_mut().write_all(piece.as_bytes()).unwrap());
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0);
        }
    };
    until(&[], "* OK");
    until(&[&format!("l LOGIN {ALICE} secret\r\n")], "l OK");
    let message = letter(500);
    let together = format!("{message}\r\n");
    let mut times = [[Duration::ZERO; 15]; 2];
    for number in 0..15 {
        // In one write there is nothing to wait for: that is what a busy machine takes.
        for (pieces, time) in [&[together.as_str()][..], &[&message, "\r\n"]].into_iter().zip(&mut times) {
            let began = Instant::now();
            until(&["a APPEND INBOX {500}\r\n"], "+");
            until(pieces, "a OK");
            time[number] = began.elapsed();
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    assert!(times[1][7] < times[0][7] + Duration::from_millis(20), "{times:?}");
}
