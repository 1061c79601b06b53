//! Messages, each in a session of its own, over connections to a real Postfix that rest in between.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nologd::demo::{MEMBERS, Member};

use crate::answered::counted;
use crate::support::{Stack, mail_files};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const CHLOE: &Member = &MEMBERS[2];

/// One message in one session, pipelined; everything that was answered behind the login. Without TLS, as a webmail.
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

/// Everything that can happen to Postfix while members send: its processes die, hang, and read their settings anew.
#[test]
fn a_postfix_that_is_killed_stopped_and_reloaded_gets_each_message_once() {
    let stack = Stack::start();
    // It takes a process that is killed with its first client for one that cannot start, and waits a minute before it starts another.
    postfix(&stack, "postconf", &["-e", "service_throttle_time=1s"]);
    postfix(&stack, "postfix", &["reload"]);
    let told = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (stack, told, is_over) = (&stack, &told, &is_over);
        for (writer, who) in [ALICE, BOB, ALICE, BOB].into_iter().enumerate() {
            scope.spawn(move || {
                for number in 0..100_000 {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let subject = format!("under fire {writer} {number}");
                    let answer = try_to_send(stack, who, &subject);
                    told.lock().unwrap().push((subject, answer));
                    // Within what each may send in an hour.
                    std::thread::sleep(Duration::from_millis(80));
                }
            });
        }
        for round in 0..30 {
            std::thread::sleep(Duration::from_millis(50 + round * 37 % 300));
            let there = smtpds(stack);
            match round % 3 {
                0 => drop(postfix(stack, "postfix", &["reload"])),
                1 => signal(there.get(..1).unwrap_or_default(), Signal::SIGKILL),
                _ => {
                    signal(&there, Signal::SIGSTOP);
                    std::thread::sleep(Duration::from_millis(round * 10));
                    signal(&there, Signal::SIGCONT);
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let told = told.into_inner().unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    let found = loop {
        let found = found(&stack);
        let missing = told.iter().filter(|(subject, answer)| answer.starts_with("250 ") && !found.contains_key(subject)).count();
        if missing == 0 && postfix(&stack, "postqueue", &["-j"]).is_empty() {
            break found;
        }
        assert!(Instant::now() < end, "{missing} of {} did not arrive, or wait", told.len());
        postfix(&stack, "postqueue", &["-f"]);
        std::thread::sleep(Duration::from_millis(500));
    };
    let kinds = counted(&told, |subject| found.get(subject).copied().unwrap_or(0), "a real Postfix");
    let log = fs::read_to_string(stack.postfix.log()).unwrap_or_default();
    assert!(kinds[0] > 50, "{kinds:?}; Postfix wrote:\n{log}");
}

/// To those of them that are still there.
fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        let _ = kill(*pid, signal);
    }
}

/// What the message was answered at last.
fn try_to_send(stack: &Stack, from: &Member, subject: &str) -> String {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, stack.ports().webmail_submission)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut last = String::new();
    let login = STANDARD.encode(format!("\0{}\0{}", from.address, from.password));
    let letter = format!("From: <{}>\r\nSubject: {subject}\r\n\r\nHello.\r\n.", from.address);
    let mail = format!("MAIL FROM:<{}>", from.address);
    let to = format!("RCPT TO:<{}>", CHLOE.address);
    for command in ["", "EHLO webmail.example", &format!("AUTH PLAIN {login}"), &mail, &to, "DATA", &letter] {
        if !command.is_empty() {
            stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        }
        last.clear();
        while last.as_bytes().get(3) != Some(&b' ') {
            last.clear();
            assert!(stream.read_line(&mut last).unwrap() > 0, "it hung up behind {command}");
        }
        if !last.starts_with(['2', '3']) {
            return last;
        }
    }
    last
}

fn postfix(stack: &Stack, program: &str, words: &[&str]) -> String {
    let mut command = Command::new(format!("/usr/sbin/{program}"));
    let done = command.arg("-c").arg(stack.place.path("postfix")).args(words).output().unwrap();
    assert!(done.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// How often each subject is in the mailbox.
fn found(stack: &Stack) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for file in mail_files(&stack.dovecot.maildir(CHLOE.address)) {
        let letter = fs::read_to_string(file).unwrap_or_default();
        if let Some(subject) = letter.lines().find_map(|line| line.strip_prefix("Subject: ")) {
            *found.entry(subject.to_owned()).or_default() += 1;
        }
    }
    found
}
