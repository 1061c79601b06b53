//! Large messages pass without being held: the daemon's memory does not grow with them.

use std::fs;

use nologd::demo::{Client, MEMBERS, Member};

use crate::support::Stack;

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const LINE: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n";
const HEADER: &str = "From: <alice@velo.example>\r\nUser-Agent: gone\r\nSubject: large\r\n\r\n";
/// What the process may grow by, in KiB: TLS and copy buffers, never the message.
const ROOM: u64 = 6 * 1024;

#[test]
fn fifty_megabytes_into_sent_leave_memory_as_it_was() {
    let mut stack = Stack::start();
    let mut imap = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    imap.log_in_to_inbox(ALICE).unwrap();
    imap.imap("APPEND Sent {11+}\r\nA: b\r\n\r\nc\r\n", "a small message").unwrap();
    let before = peak(&mut stack);
    let lines = (50 << 20) / LINE.len();
    imap.send(format!("a APPEND Sent {{{}+}}\r\n{HEADER}", HEADER.len() + lines * LINE.len()).as_bytes(), "APPEND").unwrap();
    body(&mut imap, lines);
    let mut answer = imap.line("APPEND").unwrap();
    while answer.starts_with(b"* ") {
        answer = imap.line("APPEND").unwrap();
    }
    assert!(answer.starts_with(b"a OK"), "{}", String::from_utf8_lossy(&answer));
    let grown = peak(&mut stack) - before;
    assert!(grown < ROOM, "grown by {grown} KiB");
    let sizes: Vec<_> = stack.messages(ALICE, "Sent", 2).iter().map(Vec::len).collect();
    assert!(sizes.iter().any(|size| *size > lines * (LINE.len() - 1)), "{sizes:?}");
}

#[test]
fn twenty_five_megabytes_by_submission_leave_memory_as_it_was() {
    let mut stack = Stack::start();
    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("x", ALICE).unwrap();
    let begin = |smtp: &mut Client| {
        for (command, code) in
            [("MAIL FROM:<alice@velo.example>\r\n", "250"), ("RCPT TO:<bob@velo.example>\r\n", "250"), ("DATA\r\n", "354")]
        {
            smtp.smtp(command, code, "before the message").unwrap();
        }
        smtp.send(HEADER.as_bytes(), "header").unwrap();
    };
    begin(&mut smtp);
    smtp.smtp("small\r\n.\r\n", "250", "a small message").unwrap();
    let before = peak(&mut stack);
    begin(&mut smtp);
    let lines = (25 << 20) / LINE.len();
    body(&mut smtp, lines - 1);
    smtp.smtp(".\r\n", "250", "a large message").unwrap();
    let grown = peak(&mut stack) - before;
    assert!(grown < ROOM, "grown by {grown} KiB");
    stack.messages(BOB, "", 2);
}

/// `lines` lines and what ends a command, in pieces of about 64 KiB.
fn body(client: &mut Client, lines: usize) {
    let piece = LINE.repeat(800);
    for _ in 0..lines / 800 {
        client.send(&piece, "body").unwrap();
    }
    client.send(&LINE.repeat(lines % 800), "body").unwrap();
    client.send(b"\r\n", "end").unwrap();
}

/// The most memory that nologd has ever had in use, in KiB.
fn peak(stack: &mut Stack) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", stack.daemon.process().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
