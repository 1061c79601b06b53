//! `client_hint`: Dovecot slows one guesser down and nobody else, by an address that is nobody's.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use nologd::demo::{Behind, Dovecot, MEMBERS, Place, Postfix};

use crate::support::{Stack, restart, start_daemon};

/// As Debian has it: the wait is on, for addresses that a trusted proxy tells.
const WAITS: &str =
    "login_trusted_networks = 127.0.0.0/8\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0600\n  }\n}\n";

/// Longer than a login, shorter than the wait after three wrong passwords.
const SOON: Duration = Duration::from_secs(4);

#[test]
fn three_wrong_passwords_of_one_client_do_not_delay_another() {
    let hinted = std::thread::spawn(|| after_three_wrong_passwords("client_hint = \"pseudonym\""));
    let (waited, seen) = after_three_wrong_passwords("");
    assert!(waited > SOON, "without a hint everybody waits, or this test shows nothing: {waited:?}");
    assert!(!seen.is_empty() && seen.iter().all(|address| address == "127.0.0.1"), "{seen:?}");

    let (waited, seen) = hinted.join().unwrap();
    assert!(waited < SOON, "the other client waited for {waited:?}");
    assert!(seen.len() >= 5 && seen.iter().all(|address| address.starts_with("fd") && address.ends_with("::1")), "{seen:?}");
    let (guesser, other) = (&seen[0], &seen[seen.len() - 1]);
    assert!(seen[1..3].iter().all(|address| address == guesser) && guesser != other, "{seen:?}");
}

/// How long a login from 127.0.0.2 takes after three wrong passwords from 127.0.0.1, and whom Dovecot saw in all.
fn after_three_wrong_passwords(setting: &str) -> (Duration, Vec<String>) {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start_with(&place, "dovecot", WAITS).unwrap();
    let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
    let (imap, submission) = (place.port().unwrap(), place.port().unwrap());
    let daemon = start_daemon(&place, &[behind], &[]);
    let mut stack = Stack { daemon, postfix, dovecot, place };
    let listen = |service: &str, port: u16| {
        format!("\n[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n")
    };
    let mut running = restart(&mut stack, |config| {
        config.replace("auth  = \"imap\"\n", &format!("auth  = \"imap\"\n{setting}\n"))
            + &listen("imap", imap)
            + &listen("submission", submission)
    });
    let [alice, bob, ..] = &MEMBERS;
    let mut guesser = Talk::connect([127, 0, 0, 1], imap);
    for number in 1..=3 {
        guesser.say(&format!("a{number} LOGIN {} wrong-password", bob.address), &format!("a{number} NO"));
    }
    // The same network at submission: the same address there.
    let mut sender = Talk::connect([127, 0, 0, 2], submission);
    sender.say("EHLO client.example", "250 ");
    let begin = Instant::now();
    let mut other = Talk::connect([127, 0, 0, 2], imap);
    other.say(&format!("b LOGIN {} {}", alice.address, alice.password), "b OK");
    let waited = begin.elapsed();
    let secret = base64(&format!("\0{}\0{}", alice.address, alice.password));
    sender.say(&format!("AUTH PLAIN {secret}"), "235");
    let log = log_of_five(&stack.dovecot);
    assert!(setting.is_empty() || !log.contains("127.0.0.2"), "{log}");
    let seen = addresses(&log);
    running.signal(nix::sys::signal::Signal::SIGTERM);
    running.wait(Duration::from_secs(60));
    (waited, seen)
}

/// Dovecot's log, once the last of five logins is in it: it writes a moment after it answers.
fn log_of_five(dovecot: &Dovecot) -> String {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let log = fs::read_to_string(dovecot.log()).unwrap();
        if addresses(&log).len() >= 5 || Instant::now() > limit {
            return log;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where Dovecot believes that logins came from. The harness itself said nothing but hello.
fn addresses(log: &str) -> Vec<String> {
    let logins = log.lines().filter(|line| !line.contains("user=<>"));
    logins.filter_map(|line| line.split("rip=").nth(1)?.split(',').next()).map(str::to_owned).collect()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A mail program at this address of loopback, in the clear.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn connect(from: [u8; 4], port: u16) -> Talk {
        let [a, b, c, d] = from;
        let made = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(made.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0)).unwrap();
        connect(made.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
        let mut talk = Talk(BufReader::new(TcpStream::from(made)));
        talk.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        talk.line();
        talk
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Sends a line, and reads up to the answer that begins as told.
    fn say(&mut self, line: &str, answer: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        loop {
            let said = self.line();
            assert!(!said.is_empty(), "closed instead of {answer}");
            if said.starts_with(answer) {
                return;
            }
            assert!(said.starts_with('*') || said.starts_with("250-"), "{said} instead of {answer}");
        }
    }
}
