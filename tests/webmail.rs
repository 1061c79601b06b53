//! A real Roundcube in a real browser, behind the listeners for a webmail: a member's whole day works, and leaves no trace of
//! the browser, neither in what is sent nor in what the webmail keeps. Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::hunt;
use crate::support;

use std::fs;
use std::path::{Path, PathBuf};

use hunt::{Marker, files, hunt};
use nologd::demo::{Client, MEMBERS, Webmail};
use support::{Stack, client, mail_files, succeed};

/// What the browser's connections come from, and what a proxy in front of the webmail would say in its headers.
const SOURCE: &str = "127.9.9.77";
const FORWARDED: &str = "198.51.100.77";

#[test]
fn a_day_in_the_webmail_leaves_no_trace_of_the_browser() {
    let stack = Stack::start();
    let webmail = Webmail::start(&stack.place, stack.ports(), stack.place.port().unwrap()).unwrap_or_else(|t| panic!("{t}"));
    nologd(&stack, &["association", "set", "velo", "--storage", "20M"]);
    nologd(&stack, &["mailbox", "set", MEMBERS[0].address, "--storage", "5M"]);
    for (subject, text) in LETTERS {
        send(&stack, subject, text);
    }
    let agent = Marker::new("the browser's name");
    let mut story = client("python3", "python3");
    story
        .arg(here("story.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PLACE", stack.place.folder())
        .env("WEBMAIL", webmail.port().to_string())
        .env("DRIVER", stack.place.port().unwrap().to_string())
        .env("NOLOGD", env!("CARGO_BIN_EXE_nologd"))
        .env("NOLOGD_SOCKET", stack.place.path("admin.sock"))
        .env("SOURCE", SOURCE)
        .env("FORWARDED", FORWARDED)
        .env("AGENT", &agent.value);
    succeed(&mut story);
    what_is_sent_is_clean(&stack);
    what_is_kept_is_clean(&stack, &webmail, &agent);
}

/// As it stands in the mailboxes of Bob, who got it, and of Alice, who kept a copy.
fn what_is_sent_is_clean(stack: &Stack) {
    let draft = only(read(stack.dovecot.maildir("alice@velo.example").join(".Drafts")), "A plan");
    // Drafts are not touched: this is how Roundcube writes by itself, and what there is to take out.
    assert!(draft.contains("x-sender: alice@velo.example") && ZONES.iter().any(|zone| draft.contains(zone)), "{draft}");
    for subject in ["Re: A ride on Sunday", "The map of the ride"] {
        let received = only(read(stack.dovecot.maildir("bob@velo.example")), subject);
        let copy = only(read(stack.dovecot.maildir("alice@velo.example").join(".Sent")), subject);
        for text in [&received, &copy] {
            let left: Vec<_> = TRACES.iter().filter(|trace| text.contains(*trace)).collect();
            assert!(left.is_empty(), "{left:?} in\n{text}");
            assert!(text.contains("+0000"));
        }
        assert_eq!(message_id(&received), message_id(&copy));
        assert!(message_id(&copy).ends_with("@velo.example>"));
    }
    let map = only(read(stack.dovecot.maildir("bob@velo.example")), "The map of the ride");
    assert!(map.contains("filename=map.txt") && map.contains("here is the map."), "{map}");
    let answer = only(read(stack.dovecot.maildir("bob@velo.example")), "Re: A ride on Sunday");
    let asked = only(read(stack.dovecot.maildir("alice@velo.example")), "A ride on Sunday");
    assert!(answer.contains(&format!("in-reply-to: {}", message_id(&asked))), "the thread is torn: {answer}");
}

/// Time zone of the browser, in its two seasons.
const ZONES: [&str; 2] = ["+1345", "+1245"];
/// What Roundcube, or the browser behind it, would have written. In small letters.
const TRACES: &[&str] = &[
    "x-sender",
    "user-agent",
    "roundcube",
    "with http",
    "x-originating",
    "x-forwarded",
    "canaryos",
    "chrom",
    SOURCE,
    FORWARDED,
    "+1345",
    "+1245",
];

/// All that was written while the browser was there: the webmail's database, logs and uploads, and the files of nologd, Postfix and
/// Dovecot. Only the browser's own folder knows it.
fn what_is_kept_is_clean(stack: &Stack, webmail: &Webmail, agent: &Marker) {
    let planted = [Marker::of("the browser's address", SOURCE.into()), Marker::of("the proxy's word", FORWARDED.into())];
    let mut kept = files(stack.place.folder());
    kept.retain(|file| !file.starts_with(stack.place.path("chromium")) && !file.ends_with("chromedriver.out"));
    let database = webmail.folder().join("roundcube.db");
    assert!(kept.contains(&database) && fs::read(&database).unwrap().windows(9).any(|part| part == b"127.0.0.1"));
    assert_eq!(hunt(&kept, &[&planted[0], &planted[1], agent]), Vec::<String>::new());
    let logs = files(&webmail.folder().join("logs"));
    assert!(logs.is_empty(), "{logs:?}");
}

/// The messages of a Maildir folder, in small letters.
fn read(maildir: impl AsRef<Path>) -> Vec<String> {
    mail_files(maildir.as_ref()).iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).to_lowercase()).collect()
}

fn only(messages: Vec<String>, subject: &str) -> String {
    let line = format!("\nsubject: {}\n", subject.to_lowercase());
    let mut found: Vec<_> = messages.into_iter().filter(|text| text.replace("\r\n", "\n").contains(&line)).collect();
    assert_eq!(found.len(), 1, "{subject}");
    found.remove(0)
}

fn message_id(message: &str) -> &str {
    message.lines().find_map(|line| line.strip_prefix("message-id: ")).expect("a Message-ID").trim()
}

/// What Alice finds in her inbox.
const LETTERS: [(&str, &str); 3] = [
    ("A ride on Sunday", "We meet at the bridge at ten."),
    ("The lake", "It is warm enough to swim in."),
    ("Old news", "Nobody needs this any more."),
];

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webmail").join(name)
}

fn nologd(stack: &Stack, arguments: &[&str]) {
    let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    succeed(command.args(arguments).env("NOLOGD_SOCKET", stack.place.path("admin.sock")));
}

/// A letter from Bob to Alice.
fn send(stack: &Stack, subject: &str, text: &str) {
    let mut client = Client::connect(stack.ports().submissions, &[]).unwrap();
    client.log_in_to_submission("bob.example", &MEMBERS[1]).unwrap();
    client.smtp("MAIL FROM:<bob@velo.example>\r\n", "250", "MAIL").unwrap();
    client.smtp("RCPT TO:<alice@velo.example>\r\n", "250", "RCPT").unwrap();
    client.smtp("DATA\r\n", "354", "DATA").unwrap();
    let letter = format!(
        "From: Bob <bob@velo.example>\r\nTo: Alice <alice@velo.example>\r\nSubject: {subject}\r\n\
         Content-Type: text/plain\r\n\r\n{text}\r\n.\r\n"
    );
    client.smtp(&letter, "250", "the message").unwrap();
    client.smtp("QUIT\r\n", "221", "QUIT").unwrap();
}
