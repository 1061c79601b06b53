//! A webmail's messages, each in a session of its own, over connections to a real Postfix that rest in between.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nologd::demo::{MEMBERS, Member};

use crate::support::{Stack, mail_files};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const CHLOE: &Member = &MEMBERS[2];

/// One message in one session, pipelined; everything that was answered behind the login.
fn send(stack: &Stack, from: &Member, to: &[&str], subject: &str) -> String {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, stack.ports().webmail_submission)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut ask = |bytes: &str, last: &str| {
        stream.get_mut().write_all(bytes.as_bytes()).unwrap();
        let mut heard = String::new();
        while !heard.lines().last().is_some_and(|line| line.starts_with(last)) {
            assert!(stream.read_line(&mut heard).unwrap() > 0, "it hung up: {heard}");
        }
        heard
    };
    ask("", "220 ");
    assert!(ask("EHLO webmail.example\r\n", "250 ").contains("PIPELINING"));
    ask(&format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{}\0{}", from.address, from.password))), "235 ");
    let recipients: String = to.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    let heard = ask(&format!("MAIL FROM:<{}>\r\n{recipients}DATA\r\n", from.address), "354 ");
    let letter = format!("From: <{}>\r\nSubject: {subject}\r\n\r\nHello.\r\n.\r\nQUIT\r\n", from.address);
    heard + &ask(&letter, "221 ")
}

/// How often nologd connected, as Postfix wrote it down.
fn connections(stack: &Stack) -> usize {
    fs::read_to_string(stack.postfix.log()).unwrap().matches(": connect from ").count()
}

/// Postfix's processes that hold a conversation.
fn smtpds(stack: &Stack) -> Vec<Pid> {
    let master = stack.postfix.pid();
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
    let is_smtpd = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "smtpd");
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_smtpd).map(Pid::from_raw).collect()
}

fn arrived(stack: &Stack, subjects: &[String]) {
    let read = || {
        let files = mail_files(&stack.dovecot.maildir(CHLOE.address));
        files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect::<Vec<_>>()
    };
    let end = Instant::now() + Duration::from_secs(30);
    while read().len() < subjects.len() {
        assert!(Instant::now() < end, "not all arrived");
        std::thread::sleep(Duration::from_millis(50));
    }
    let letters = read();
    for subject in subjects {
        let line = format!("Subject: {subject}\n");
        assert_eq!(letters.iter().filter(|letter| letter.replace("\r\n", "\n").contains(&line)).count(), 1, "{subject}");
    }
    assert_eq!(letters.len(), subjects.len());
}

#[test]
fn a_webmails_messages_share_connections_to_the_relay() {
    let stack = Stack::start();
    let before = connections(&stack);
    let mut subjects = Vec::new();
    let mut good = |from, subject: &str| {
        subjects.push(subject.to_owned());
        let heard = send(&stack, from, &[CHLOE.address], subject);
        assert_eq!(heard.matches("250 2.").count(), 3, "{heard}");
    };
    for number in 0..6 {
        good(if number % 2 == 0 { ALICE } else { BOB }, &format!("letter {number}"));
    }
    assert_eq!(connections(&stack) - before, 1);

    // Postfix closes it while it rests.
    smtpds(&stack).into_iter().for_each(|pid| kill(pid, Signal::SIGKILL).unwrap());
    good(ALICE, "after a death");
    assert_eq!(connections(&stack) - before, 2);

    // It is there, and silent: nobody waits longer than for any other mail server.
    let frozen = smtpds(&stack);
    frozen.iter().for_each(|pid| kill(*pid, Signal::SIGSTOP).unwrap());
    good(BOB, "after a silence");
    frozen.iter().for_each(|pid| kill(*pid, Signal::SIGCONT).unwrap());

    // What Postfix refused, it counts on that connection: the next message does not have to pay for it.
    let now = connections(&stack);
    let heard = send(&stack, ALICE, &["nobody@velo.example", CHLOE.address], "one is refused");
    assert!(heard.contains("550 5.1.1 ") && heard.matches("250 2.").count() == 3, "{heard}");
    send(&stack, BOB, &[CHLOE.address], "nobody is refused");
    assert_eq!(connections(&stack) - now, 1);
    subjects.extend(["one is refused".to_owned(), "nobody is refused".to_owned()]);
    arrived(&stack, &subjects);
}
