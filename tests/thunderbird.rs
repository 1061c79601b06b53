//! A real Thunderbird, headless, for a member without limits and one with two: the inbox fills, new mail comes by IDLE, and the
//! quota bar stands where there is something to tell. Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

#[path = "thunderbird/program.rs"]
mod program;
mod support;

use nologd::demo::{Client, MEMBERS, Member};
use program::{Seen, Thunderbird};
use support::{Stack, client, succeed};

/// Octets of each letter, more or less; two of them would not fit into the limit of the member who has one.
const LETTER: usize = 42_000;

#[test]
fn the_inbox_fills_new_mail_shows_and_the_quota_too() {
    let stack = Stack::start();
    let [alice, bob, chloe, david] = &MEMBERS;
    nologd(&stack, &["association", "set", "velo", "--storage", "20M", "--messages", "1000"]);
    nologd(&stack, &["mailbox", "set", alice.address, "--storage", "50K"]);
    send(&stack, david, chloe, "The first beans");
    send(&stack, bob, alice, "The first ride");
    let mut thunderbird = Thunderbird::start(&stack);

    // No limit for her: what is told of that must not end the session, as it did once.
    let seen = thunderbird.open(chloe, |seen| !seen.subjects.is_empty());
    assert_eq!(seen, inbox(&["The first beans"]));
    send(&stack, david, chloe, "The second beans");
    let seen = thunderbird.watch(chloe, |seen| seen.subjects.len() > 1);
    assert_eq!(seen, inbox(&["The second beans", "The first beans"]));

    let seen = thunderbird.open(alice, |seen| !seen.subjects.is_empty() && !seen.quota.is_empty());
    assert_eq!(seen.subjects, ["The first ride"]);
    let used = used(&seen);
    assert!((LETTER / 1024..50).contains(&used), "{seen:?}");
    let all = [
        format!("association / STORAGE {used} 20480"),
        "association / MESSAGE 1 1000".to_owned(),
        format!("mailbox / STORAGE {used} 50"),
    ];
    assert_eq!(seen.quota, all);
    // It draws the bar when a folder is opened, from what it was told before: of the fullest limit, from three quarters on.
    thunderbird.show(chloe);
    assert_eq!(thunderbird.watch(chloe, |_| true).bar, "");
    thunderbird.show(alice);
    let seen = thunderbird.watch(alice, |seen| !seen.bar.is_empty());
    assert_eq!(seen.bar, format!("{}%", used * 100 / 50));
    // Around nologd, as Postfix delivers here: IDLE tells it all the same.
    send(&stack, bob, alice, "The second ride");
    // She may find a notice of nologd's beside it: her mailbox is more than four fifths full.
    thunderbird.watch(alice, |seen| seen.subjects.iter().any(|subject| subject == "The second ride"));
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

fn nologd(stack: &Stack, arguments: &[&str]) {
    let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    succeed(command.args(arguments).env("NOLOGD_SOCKET", stack.place.path("admin.sock")));
}

/// A letter from one member to another, and the wait for its arrival.
fn send(stack: &Stack, from: &Member, to: &Member, subject: &str) {
    let before = support::mail_files(&stack.dovecot.maildir(to.address)).len();
    let mut client = Client::connect(stack.ports().submissions, &[]).unwrap();
    client.log_in_to_submission("member.example", from).unwrap();
    client.smtp(&format!("MAIL FROM:<{}>\r\n", from.address), "250", "MAIL").unwrap();
    client.smtp(&format!("RCPT TO:<{}>\r\n", to.address), "250", "RCPT").unwrap();
    client.smtp("DATA\r\n", "354", "DATA").unwrap();
    let text = "A line of a letter between friends, as long as they are.\r\n".repeat(LETTER / 58);
    let letter = format!("From: {}\r\nTo: {}\r\nSubject: {subject}\r\n\r\n{text}\r\n.\r\n", from.address, to.address);
    client.smtp(&letter, "250", "the message").unwrap();
    client.smtp("QUIT\r\n", "221", "QUIT").unwrap();
    stack.messages(to, "", before + 1);
}
