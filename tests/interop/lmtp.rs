//! Incoming mail: a real Postfix asks the policy service and delivers by LMTP through nologd into a real Dovecot.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::{Behind, Dovecot, MEMBERS, Member, Place, Ports, Postfix};
use nologd::private::Address;
use nologd::quota::{Amount, Book, Day, Refreshed};

use crate::support::{Stack, client, mail_files, start_daemon_at, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const CHLOE: &Member = &MEMBERS[2];

/// Postfix with nologd's LMTP and policy service, in a hurry to try again what was deferred.
fn stack(backend_lmtp: Option<u16>, more: &[(&str, &str)]) -> Stack {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let ports = Ports::any(&place).unwrap();
    let settings = format!(
        "smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{}, permit_mynetworks, reject\n\
         queue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 1s\n\
         lmtp_destination_concurrency_failed_cohort_limit = 0\n",
        ports.policy
    );
    let postfix = Postfix::start_with(&place, ports.lmtp, &settings).unwrap();
    let lmtp = backend_lmtp.unwrap_or(dovecot.lmtp());
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp, relay: postfix.smtp() };
    let daemon = start_daemon_at(&place, ports, &[behind], more);
    Stack { daemon, postfix, dovecot, place }
}

/// SMTP or LMTP in the clear, one answer after the other.
pub struct Talk {
    stream: BufReader<TcpStream>,
    /// What was said last, for whoever reads of a failure.
    said: String,
}

impl Talk {
    pub fn connect(port: u16, hello: &str) -> Talk {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut talk = Talk { stream: BufReader::new(stream), said: String::new() };
        assert!(talk.answer().starts_with("220"));
        assert!(talk.say(hello).contains("SIZE"));
        talk
    }

    pub fn say(&mut self, line: &str) -> String {
        self.said = line.to_owned();
        self.send(&format!("{line}\r\n"));
        self.answer()
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let start = answer.len();
            let read = self.stream.read_line(&mut answer);
            read.unwrap_or_else(|error| panic!("{error} after {answer:?}, waiting for the answer to {:?}", self.said));
            if answer.as_bytes().get(start + 3) != Some(&b'-') {
                return answer;
            }
        }
    }

    /// One message to several recipients by SMTP: the answers to RCPT, and to the message if one was accepted.
    fn mail(&mut self, to: &[&str], message: &str) -> Vec<String> {
        let mail = self.say(&format!("MAIL FROM:<ann@elsewhere.example> SIZE={}", message.len()));
        assert!(mail.starts_with("250"), "{mail}");
        let mut answers: Vec<_> = to.iter().map(|to| self.say(&format!("RCPT TO:<{to}>"))).collect();
        if answers.iter().any(|answer| answer.starts_with("250")) {
            assert!(self.say("DATA").starts_with("354"));
            self.send(message);
            answers.push(self.say("."));
        } else {
            self.say("RSET");
        }
        answers
    }
}

pub fn message(subject: &str, octets: usize) -> String {
    let header = format!("From: <ann@elsewhere.example>\r\nSubject: {subject}\r\n\r\n");
    let mut text = header + &format!("{}\r\n", "x".repeat(74)).repeat(octets / 76);
    text.push_str(&"y".repeat(octets.saturating_sub(text.len() + 2)));
    text + "\r\n"
}

/// The edge refuses what finds no room, with the words of the book; what finds room is delivered, to each of its recipients.
#[test]
fn postfix_refuses_over_quota_at_rcpt_and_delivers_the_rest() {
    let stack = stack(None, &[("velo", "mailbox_default = \"100K\"")]);
    let mut smtp = Talk::connect(stack.postfix.smtp(), "EHLO client.example");
    let answers = smtp.mail(&[ALICE.address], &message("too large", 200_000));
    assert!(answers[0].starts_with("552 5.2.2") && answers[0].contains("(MAILBOX-FULL)"), "{answers:?}");
    // The other association has no limit. A tag is a mailbox's own business, and Dovecot hears it.
    let answers = smtp.mail(&["alice+tag@velo.example", CHLOE.address], &message("for chloe", 200_000));
    assert!(answers[0].starts_with("552") && answers[1].starts_with("250") && answers[2].starts_with("250"), "{answers:?}");
    let answers = smtp.mail(&[ALICE.address, BOB.address, CHLOE.address], &message("for all", 50_000));
    assert!(answers.iter().all(|answer| answer.starts_with("250")), "{answers:?}");
    stack.messages(ALICE, "", 1);
    stack.messages(BOB, "", 1);
    stack.messages(CHLOE, "", 2);
    until_empty(&stack);
    // Alice has 50 of 100 K now: the book knows it without having asked Dovecot, and so it bounces nothing.
    let answers = smtp.mail(&[ALICE.address], &message("no more", 60_000));
    assert!(answers[0].starts_with("452 4.2.2") && answers[0].contains("(MAILBOX-FULL)"), "{answers:?}");
    assert_eq!(subjects(&stack), expected(&[("for all", &[ALICE, BOB, CHLOE]), ("for chloe", &[CHLOE])]));
}

/// nologd is killed while Dovecot has half of a message, and while it has an envelope only. Postfix tries again: every message
/// is there once.
#[test]
fn a_killed_nologd_loses_nothing_and_doubles_nothing() {
    let gate = Gate::open();
    let mut stack = stack(Some(gate.port), &[]);
    gate.target.store(stack.dovecot.lmtp().into(), Ordering::SeqCst);
    let mut smtp = Talk::connect(stack.postfix.smtp(), "EHLO client.example");
    let mut sent = Vec::new();
    for (round, octets) in [40_000, 30, 150, 90_000].into_iter().enumerate() {
        gate.limit.store(octets, Ordering::SeqCst);
        for number in 0..3 {
            let subject = format!("round {round} number {number}");
            let answers = smtp.mail(&[ALICE.address, BOB.address, CHLOE.address], &message(&subject, 100_000));
            assert!(answers.iter().all(|answer| answer.starts_with("250")), "{answers:?}");
            sent.push(subject);
        }
        let end = Instant::now() + Duration::from_secs(30);
        while gate.held.load(Ordering::SeqCst) == 0 {
            assert!(Instant::now() < end, "nothing came to the gate in round {round}");
            std::thread::sleep(Duration::from_millis(20));
        }
        stack.daemon.process().signal(Signal::SIGKILL);
        stack.daemon.process().wait(Duration::from_secs(10));
        gate.limit.store(usize::MAX, Ordering::SeqCst);
        stack.daemon.restart(Path::new(env!("CARGO_BIN_EXE_nologd"))).unwrap();
        // Empty again: the next kill must find nothing between Dovecot's last word and ours, where no server could help.
        until_empty(&stack);
        gate.held.store(0, Ordering::SeqCst);
    }
    let sent: Vec<_> = sent.iter().map(|subject| (subject.as_str(), &[ALICE, BOB, CHLOE][..])).collect();
    assert_eq!(subjects(&stack), expected(&sent));
}

/// A way to Dovecot that can be blocked behind so many octets of each connection.
struct Gate {
    port: u16,
    target: Arc<AtomicUsize>,
    limit: Arc<AtomicUsize>,
    /// Connections that were blocked.
    held: Arc<AtomicUsize>,
}

impl Gate {
    fn open() -> Gate {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let number = |value| Arc::new(AtomicUsize::new(value));
        let gate = Gate { port, target: number(0), limit: number(usize::MAX), held: number(0) };
        let (target, limit, held) = (gate.target.clone(), gate.limit.clone(), gate.held.clone());
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, limit, held) = (near.unwrap(), limit.clone(), held.clone());
                let port = u16::try_from(target.load(Ordering::SeqCst)).unwrap();
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                let (mut back_from, mut back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut back_from, &mut back_to);
                    let _ = back_to.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || pass(near, far, &limit, &held));
            }
        });
        gate
    }
}

fn pass(mut near: TcpStream, mut far: TcpStream, limit: &AtomicUsize, held: &AtomicUsize) {
    let (mut block, mut passed) = (vec![0; 16 * 1024], 0);
    while let Ok(count @ 1..) = near.read(&mut block) {
        // What is above the limit is lost: who sent it is about to be killed.
        let free = limit.load(Ordering::SeqCst).saturating_sub(passed).min(count);
        if free < count {
            held.fetch_add(1, Ordering::SeqCst);
        }
        if far.write_all(&block[..free]).is_err() {
            break;
        }
        passed += count;
    }
    let _ = far.shutdown(Shutdown::Both);
}

/// Ten connections deliver fifty messages at once into five mailboxes of an association with room for 23: 23 are stored.
#[test]
fn fifty_deliveries_at_once_find_exactly_the_room_there_is() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let mailboxes: Vec<_> = (1..=5).map(|number| format!("m{number}@velo.example")).collect();
    let accounts: String = mailboxes.iter().map(|mailbox| format!("{mailbox}:{{PLAIN}}secret\n")).collect();
    place.write("dovecot/users", accounts.as_bytes()).unwrap();
    let text = message("one of fifty", 20_000);
    // What the book sets aside for one: the message, and 1024 octets that the mail server may write on top.
    let (one, port) = (text.len() as u64 + 1024, place.port().unwrap());
    let storage = format!("storage = \"{}\"", 24 * one - 1);
    let (book, _runtime) = in_process(&place, &dovecot, &[("lmtp", format!("127.0.0.1:{port}"))], &storage);
    let start = Barrier::new(10);
    let stored: usize = std::thread::scope(|scope| {
        let deliver = |first: usize| {
            let (mailboxes, text, start) = (&mailboxes, &text, &start);
            scope.spawn(move || {
                let mut lmtp = Talk::connect(port, "LHLO relay.example");
                start.wait();
                (0..5).filter(|step| deliver(&mut lmtp, &mailboxes[(first + step) % 5], text)).count()
            })
        };
        let threads: Vec<_> = (0..10).map(deliver).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(stored, 23);
    let mut all = Amount::ZERO;
    for mailbox in &mailboxes {
        let address = Address::parse(mailbox).unwrap();
        let (counted, view) = (status(&dovecot, mailbox), book.mailbox(&address).unwrap());
        assert_eq!((view.used.messages, view.reserved), (counted.messages, Amount::ZERO));
        assert_eq!(view.used.octets, counted.messages * one);
        assert!(view.used.octets >= counted.octets, "Dovecot counts {} octets, the book {}", counted.octets, view.used.octets);
        assert_eq!(book.begin_refresh(&address).unwrap().finish(counted, Day::from_unix(0)), Refreshed::Exact);
        assert_eq!(book.mailbox(&address).unwrap().used, counted);
        all = all.plus(counted);
    }
    assert_eq!(all.messages, 23);
}

/// Postfix, which runs as another user, asks and delivers over Unix sockets too.
#[test]
fn unix_sockets_carry_both_services() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let socket = |name: &str| format!("unix:{}", place.path(name).display());
    let listeners = [("lmtp", socket("lmtp.sock")), ("policy", socket("policy.sock"))];
    let (book, _runtime) = in_process(&place, &dovecot, &listeners, "mailbox_default = \"100K\"");
    let settings = format!(
        "smtpd_recipient_restrictions = check_policy_service {}, permit_mynetworks, reject\nvirtual_transport = lmtp:{}\n",
        listeners[1].1, listeners[0].1
    );
    let postfix = Postfix::start_with(&place, 1, &settings).unwrap();
    let mut smtp = Talk::connect(postfix.smtp(), "EHLO client.example");
    let answers = smtp.mail(&[ALICE.address], &message("too large", 200_000));
    assert!(answers[0].starts_with("552 5.2.2") && answers[0].contains("(MAILBOX-FULL)"), "{answers:?}");
    let answers = smtp.mail(&[BOB.address], &message("fits", 20_000));
    assert!(answers.iter().all(|answer| answer.starts_with("250")), "{answers:?}");
    let bob = Address::parse(BOB.address).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while book.mailbox(&bob).is_none_or(|view| view.used.messages == 0) {
        assert!(Instant::now() < end, "the message never came");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(mail_files(&dovecot.maildir(BOB.address)).len(), 1);
}

pub fn deliver(lmtp: &mut Talk, mailbox: &str, text: &str) -> bool {
    assert!(lmtp.say(&format!("MAIL FROM:<ann@elsewhere.example> SIZE={}", text.len())).starts_with("250"));
    let answer = lmtp.say(&format!("RCPT TO:<{mailbox}>"));
    if !answer.starts_with("250") {
        // Nothing is bounced while nobody has counted; where sessions of members have, it is.
        let full = answer.starts_with("452 4.2.2") || answer.starts_with("552 5.2.2");
        assert!(full && answer.contains("(ASSOCIATION-FULL)"), "{answer}");
        assert!(lmtp.say("RSET").starts_with("250"));
        return false;
    }
    assert!(lmtp.say("DATA").starts_with("354"));
    lmtp.send(text);
    let verdict = lmtp.say(".");
    assert!(verdict.starts_with("250"), "{verdict}");
    true
}

/// nologd within this process, so that its book can be looked into.
pub fn in_process(
    place: &Place,
    dovecot: &Dovecot,
    listeners: &[(&str, String)],
    association: &str,
) -> (Arc<Book>, tokio::runtime::Runtime) {
    let listen = |(service, address): &(&str, String)| crate::in_process::listen(service, address);
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n{}[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\nlmtp = \"lmtp://127.0.0.1:{}\"\n\
         [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n{association}\n",
        place.path("book").display(),
        listeners.iter().map(listen).collect::<String>(),
        dovecot.imap(),
        dovecot.lmtp(),
    );
    crate::in_process::in_process(&text)
}

/// What Dovecot itself counts in an inbox.
pub fn status(dovecot: &Dovecot, mailbox: &str) -> Amount {
    let mut curl = client("curl", "curl");
    curl.args(["--silent", "--user", &format!("{mailbox}:secret"), "--request", "STATUS INBOX (MESSAGES SIZE)"]);
    let text = succeed(curl.arg(format!("imap://127.0.0.1:{}/", dovecot.imap())));
    let number = |word: &str| {
        let rest = text.split(word).nth(1).unwrap_or_else(|| panic!("{text}")).trim_start();
        rest.split(|char: char| !char.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    Amount { messages: number("MESSAGES"), octets: number("SIZE") }
}

/// Waits until Postfix has nothing left to deliver. It is asked to try again, now and then: a message whose time comes within the
/// second in which it was deferred ("skipped, still being delivered") is otherwise left for minutes.
fn until_empty(stack: &Stack) {
    let end = Instant::now() + Duration::from_secs(60);
    let queue = |what| succeed(Command::new("/usr/sbin/postqueue").arg("-c").arg(stack.place.path("postfix")).arg(what));
    for turn in 0.. {
        let said = queue("-p");
        if said.contains("Mail queue is empty") {
            return;
        }
        assert!(Instant::now() < end, "Postfix still has:\n{said}");
        if turn % 10 == 9 {
            queue("-f");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// How often each subject is in each inbox.
fn subjects(stack: &Stack) -> BTreeMap<(String, &'static str), usize> {
    let mut found = BTreeMap::new();
    for member in &MEMBERS {
        for file in mail_files(&stack.dovecot.maildir(member.address)) {
            let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().trim_end().to_owned();
            *found.entry((subject, member.address)).or_insert(0) += 1;
        }
    }
    found
}

fn expected(sent: &[(&str, &[&'static Member])]) -> BTreeMap<(String, &'static str), usize> {
    let each = sent.iter().flat_map(|(subject, members)| members.iter().map(|member| ((*subject).to_owned(), member.address)));
    each.map(|key| (key, 1)).collect()
}
