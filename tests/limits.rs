//! Every peer is bounded in bytes, time and number, shown over real sockets: the slow, the endless, the many, the guessers.
//! A refusal has its code word wherever the protocol has room for words.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_macros)] // the figure of memory is for people

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::Wire;

const HOME: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];
const THIRD: [u8; 4] = [127, 0, 0, 3];

/// nologd with these limits. The scripted backends live as long as the test.
fn house(limits: &str) -> House {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let mut settings = Settings::new(imap.port, relay.port);
    settings.limits = limits.to_owned();
    House::start(&settings)
}

fn imap(house: &House, source: [u8; 4]) -> Wire {
    Wire::from(source, house.ports.imaps).secured()
}

fn submission(house: &House, source: [u8; 4]) -> Wire {
    Wire::from(source, house.ports.submissions).secured()
}

/// The answer to a login by IMAP.
fn log_in(client: &mut Wire, user: &str, password: &str) -> String {
    client.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
}

/// The last line of the answer to a login at submission.
fn authenticate(client: &mut Wire, user: &str, password: &str) -> String {
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}@asso.example\0{password}"));
    client.ask("EHLO x\r\n", "250 ");
    client.send(format!("AUTH PLAIN {secret}\r\n").as_bytes());
    client.line()
}

/// Sends one octet at a time until it is told something, and how long that took.
fn trickle(client: &mut Wire, octets: &[u8]) -> (String, Duration) {
    let began = Instant::now();
    for octet in octets.iter().cycle() {
        client.send(&[*octet]);
        if client.hear(Duration::from_millis(100)) || client.ends(Duration::from_millis(1)) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "trickling is borne for ever");
    }
    (client.until("no such line"), began.elapsed())
}

#[test]
fn who_trickles_before_login_is_let_go() {
    let house = house("login_seconds = 2\n");
    let mut client = imap(&house, HOME);
    client.line();
    let (told, took) = trickle(&mut client, b"a");
    assert!(told.starts_with("* BYE ") && told.contains("(TOO-SLOW)"), "{told}");
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_secs(5), "{took:?}");
    // Whole commands buy no time either.
    let mut client = imap(&house, HOME);
    client.line();
    let (told, took) = trickle(&mut client, b"a NOOP\r\n");
    assert!(took < Duration::from_secs(6), "{took:?} {told}");
    let mut client = submission(&house, HOME);
    client.line();
    let (told, took) = trickle(&mut client, b"E");
    assert!(told.starts_with("421 ") && told.contains("(TOO-SLOW)"), "{told}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn who_says_nothing_at_all_is_let_go() {
    let house = house("login_seconds = 1\nidle_seconds = 1\nstall_seconds = 1\n");
    let mut client = imap(&house, HOME);
    client.line();
    assert!(client.until("* BYE").contains("(TOO-SLOW)"));
    let mut client = imap(&house, HOME);
    client.line();
    assert!(log_in(&mut client, "alice", PASSWORD).contains("l OK"));
    assert!(client.until("* BYE").contains("(TOO-SLOW)"), "idle for longer than idle_seconds");
    let mut client = submission(&house, HOME);
    client.line();
    assert!(authenticate(&mut client, "alice", PASSWORD).starts_with("235 "));
    assert!(client.until("421").contains("(TOO-SLOW)"));
}

#[test]
fn a_message_that_trickles_is_refused() {
    let house = house("stall_seconds = 2\nleast_octets_per_second = 1000\n");
    let mut client = submission(&house, HOME);
    client.line();
    assert!(authenticate(&mut client, "alice", PASSWORD).starts_with("235 "));
    client.ask("MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\nDATA\r\n", "354 ");
    client.send(b"From: alice@asso.example\r\n\r\n");
    let (told, took) = trickle(&mut client, b"x");
    assert!(told.starts_with("421 ") && told.contains("(TOO-SLOW)"), "{told}");
    assert!(took < Duration::from_secs(6), "{took:?}");

    let mut client = imap(&house, HOME);
    client.line();
    assert!(log_in(&mut client, "alice", PASSWORD).contains("l OK"));
    client.ask("a APPEND Drafts {1000000}\r\n", "+ ");
    let (told, took) = trickle(&mut client, b"x");
    assert!(told.contains("* BYE ") && told.contains("(TOO-SLOW)"), "{told}");
    assert!(took < Duration::from_secs(6), "{took:?}");
}

/// Sends `piece` again and again until the other end does not take it any more, at most 64 MB. What was told, and how many
/// octets were taken.
fn endless(client: &mut Wire, piece: &[u8]) -> (String, usize) {
    let mut sent = 0;
    while sent < 64 << 20 && client.send(piece) {
        sent += piece.len();
        if client.hear(Duration::from_millis(1)) && client.ends(Duration::from_millis(1)) {
            break;
        }
    }
    (String::from_utf8_lossy(&client.heard).into_owned(), sent)
}

#[test]
fn lines_and_literals_without_end_are_bounded() {
    let house = house("login_seconds = 20\n");
    let before = house.memory();
    let mut client = imap(&house, HOME);
    client.line();
    let (told, sent) = endless(&mut client, &[b'a'; 4096]);
    assert!(told.starts_with("* BYE ") && told.contains("(LINE-TOO-LONG)"), "{told}");
    assert!(sent < 4 << 20, "{sent} octets of a line were taken");

    for announced in ["{4000000000}", "{99999999999999999999}", "{40000+}"] {
        let mut client = imap(&house, HOME);
        client.line();
        let told = client.ask(&format!("a LOGIN {announced}\r\n"), "* BYE");
        assert!(told.contains("* BYE ") && told.contains('('), "{told}");
    }
    // Many small literals are one command too.
    let mut client = imap(&house, HOME);
    client.line();
    client.send(b"a LOGIN");
    let (told, sent) = endless(&mut client, &[&b" {1000+}\r\n"[..], &[b'a'; 1000]].concat());
    assert!(told.contains("* BYE ") && told.contains("(LINE-TOO-LONG)"), "{told}");
    assert!(sent < 4 << 20, "{sent} octets of literals were taken");

    // Submission swallows a long line and goes on behind it; one that does not end is given up.
    let mut client = submission(&house, HOME);
    client.line();
    let (told, sent) = endless(&mut client, &[b'a'; 4096]);
    assert!(told.starts_with("421 ") && told.contains("(LINE-TOO-LONG)"), "{told}");
    assert!(sent < 4 << 20, "{sent} octets of a line were taken");

    let mut client = imap(&house, HOME);
    client.line();
    assert!(log_in(&mut client, "alice", PASSWORD).contains("l OK"));
    client.send(b"a X ");
    let (told, sent) = endless(&mut client, &[b'a'; 4096]);
    assert!(told.contains("* BYE ") && told.contains("(LINE-TOO-LONG)"), "{told}");
    assert!(sent < 4 << 20, "{sent} octets of a line were taken");
    let grown = house.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more than before");
}

#[test]
fn two_thousand_that_only_sit_there_cost_little() {
    const MANY: u64 = 2000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).unwrap();
    let house = house("login_seconds = 600\nsessions_per_network = 5000\nconnections_per_minute = 100000\n");
    let greeted = || {
        let mut client = imap(&house, HOME);
        assert!(client.line().starts_with("* OK"));
        client
    };
    // What is there once for all: buffers of the threads, tables.
    let mut clients: Vec<_> = (0..100).map(|_| greeted()).collect();
    let before = house.memory();
    clients.extend((0..MANY).map(|_| greeted()));
    let each = house.memory().saturating_sub(before) as f64 / MANY as f64;
    println!("{each:.1} KiB for each of {MANY} sessions before login, in a build for tests");
    assert!(each < 40.0, "{each:.1} KiB for each session");
    // Nobody is in the way of somebody who works.
    let mut client = imap(&house, ELSEWHERE);
    client.line();
    assert!(log_in(&mut client, "alice", PASSWORD).contains("l OK"));
}

#[test]
fn guessers_are_stopped_and_nobody_else_is() {
    let house =
        house("wrong_passwords_per_account = 3\nwrong_passwords_per_network = 6\nwrong_password_forgiven_seconds = 600\n");
    let attempt = |source, user: &str, password: &str| {
        let mut client = imap(&house, source);
        client.line();
        log_in(&mut client, user, password)
    };
    let by_submission = |source, user: &str, password: &str| {
        let mut client = submission(&house, source);
        client.line();
        authenticate(&mut client, user, password)
    };
    // One account: by then even the right password is not tried any more, from there.
    for number in 0..4 {
        assert!(attempt(HOME, "alice", &format!("wrong{number}")).contains("(WRONG-PASSWORD)"));
    }
    let answer = attempt(HOME, "alice", PASSWORD);
    assert!(answer.contains("l NO [LIMIT] ") && answer.contains("(TOO-MANY-TRIES)"), "{answer}");
    assert!(by_submission(HOME, "alice", PASSWORD).contains("(TOO-MANY-TRIES)"));
    // Others are not concerned, there or here.
    assert!(attempt(ELSEWHERE, "bob", PASSWORD).contains("l OK"));
    assert!(attempt(HOME, "bob", PASSWORD).contains("l OK"));
    // One network, with many accounts, that exist or not: the next is not even tried.
    for user in ["carol", "dave", "erin"] {
        assert!(by_submission(HOME, user, "wrong").contains("(WRONG-PASSWORD)"), "{user}");
    }
    assert!(attempt(HOME, "carol", PASSWORD).contains("(TOO-MANY-TRIES)"));
    assert!(by_submission(HOME, "frank", PASSWORD).contains("(TOO-MANY-TRIES)"));
    assert!(attempt(HOME, "bob", PASSWORD).contains("l OK"), "who was right there before is no stranger");
    for user in ["bob", "carol"] {
        assert!(attempt(THIRD, user, PASSWORD).contains("l OK"), "{user}");
        assert!(by_submission(THIRD, user, PASSWORD).starts_with("235 "), "{user}");
    }
}

#[test]
fn a_network_gets_so_many_sessions_and_no_more() {
    let house = house("sessions_per_network = 3\n");
    let mut seated: Vec<_> = (0..3).map(|_| imap(&house, HOME)).collect();
    for client in &mut seated {
        assert!(client.line().starts_with("* OK"));
    }
    // Behind TLS there is no word without a handshake, which a flood must not get.
    assert_eq!(imap(&house, HOME).line(), "");
    assert_eq!(submission(&house, HOME).line(), "");
    let told = Wire::from(HOME, house.ports.imap).line();
    assert!(told.starts_with("* BYE [LIMIT] ") && told.contains("(TOO-MANY-CONNECTIONS)"), "{told}");
    let told = Wire::from(HOME, house.ports.submission).line();
    assert!(told.starts_with("421 4.7.0 ") && told.contains("(TOO-MANY-CONNECTIONS)"), "{told}");
    assert!(imap(&house, ELSEWHERE).line().starts_with("* OK"));
    // Who leaves makes room.
    seated.pop();
    let end = Instant::now() + wire::PATIENCE;
    while !imap(&house, HOME).line().starts_with("* OK") {
        assert!(Instant::now() < end, "no room again");
    }
}

#[test]
fn a_network_may_come_so_often_and_no_more() {
    let house = house("connections_per_minute = 5\n");
    for _ in 0..5 {
        assert!(imap(&house, HOME).line().starts_with("* OK"));
    }
    assert_eq!(imap(&house, HOME).line(), "");
    let told = Wire::from(HOME, house.ports.imap).line();
    assert!(told.starts_with("* BYE [LIMIT] ") && told.contains("(TOO-MANY-TRIES)"), "{told}");
    assert!(submission(&house, ELSEWHERE).line().starts_with("220 "));
}
