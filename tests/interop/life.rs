//! What happens to sessions when a mail server dies, and when nologd is stopped or told to read its config again.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::{Behind, Client, Dovecot, MEMBERS, Member, Place, Postfix};

use crate::support::{Stack, client, run_any, start_daemon, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const CHLOE: &Member = &MEMBERS[2];

/// A dead mail server is a prompt and clear answer to its own members, and nothing at all to others.
#[test]
fn a_dead_backend_is_told_at_once_and_harms_no_other() {
    let place = Place::new().unwrap();
    let one = Dovecot::start(&place, "dovecot").unwrap();
    let mut two = Dovecot::start(&place, "dovecot2").unwrap();
    let postfix = Postfix::start(&place, one.lmtp()).unwrap();
    let behind = |name, dovecot: &Dovecot| Behind { name, imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
    let daemon = start_daemon(&place, &[behind("one", &one), behind("two", &two)], &[("jardin", "two")]);
    let ports = daemon.ports();
    let open = |member: &Member| {
        let mut client = Client::connect(ports.imaps, &["imap"]).unwrap();
        client.log_in_to_inbox(member).map(|()| client)
    };
    let (mut alice, mut chloe) = (open(ALICE).unwrap(), open(CHLOE).unwrap());
    two.crash();

    let goodbye = String::from_utf8(chloe.line("goodbye").unwrap()).unwrap();
    assert!(goodbye.starts_with("* BYE") && goodbye.contains("(BACKEND-DOWN)"), "{goodbye}");
    let begin = Instant::now();
    let mut late = Client::connect(ports.imaps, &["imap"]).unwrap();
    late.line("greeting").unwrap();
    late.send(format!("a LOGIN {} {}\r\n", CHLOE.address, CHLOE.password).as_bytes(), "LOGIN").unwrap();
    let answer = String::from_utf8(late.line("LOGIN").unwrap()).unwrap();
    assert!(answer.starts_with("a NO [UNAVAILABLE]") && answer.contains("(BACKEND-DOWN)"), "{answer}");
    let mut smtp = Client::connect(ports.submissions, &[]).unwrap();
    smtp.smtp("", "220", "greeting").unwrap();
    smtp.smtp("EHLO x\r\n", "250", "EHLO").unwrap();
    smtp.send(b"AUTH PLAIN AGNobG9lQGphcmRpbi5leGFtcGxlAGJlYW5zLWFuZC1taW50\r\n", "AUTH").unwrap();
    let answer = String::from_utf8(smtp.line("AUTH").unwrap()).unwrap();
    assert!(answer.starts_with('4') && answer.contains("(BACKEND-DOWN)"), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(15), "told after {:?}", begin.elapsed());

    alice.imap("NOOP", "the other association's session").unwrap();
    open(ALICE).unwrap();
    two.restart().unwrap();
    open(CHLOE).unwrap();
}

/// SIGTERM: what was begun is finished, who waits is told, and the process ends well.
#[test]
fn sigterm_finishes_what_was_begun_and_says_goodbye() {
    let mut stack = Stack::start();
    let mut imap = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    imap.log_in_to_inbox(ALICE).unwrap();
    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("x", ALICE).unwrap();
    for (command, code) in
        [("MAIL FROM:<alice@velo.example>\r\n", "250"), ("RCPT TO:<bob@velo.example>\r\n", "250"), ("DATA\r\n", "354")]
    {
        smtp.smtp(command, code, "before the message").unwrap();
    }
    smtp.send(b"From: <alice@velo.example>\r\nSubject: last\r\n\r\nfirst half\r\n", "half a message").unwrap();
    stack.daemon.process().signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(500));
    smtp.smtp("second half\r\n.\r\n", "250", "the message that was begun").unwrap();
    stack.messages(BOB, "", 1);
    let goodbye = String::from_utf8(imap.line("goodbye").unwrap()).unwrap();
    assert!(goodbye.starts_with("* BYE") && goodbye.contains("(STOPPING)"), "{goodbye}");
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true), "ended, and well");
    assert!(Client::connect(stack.ports().imaps, &["imap"]).and_then(|mut client| client.line("greeting")).is_err());
}

/// SIGHUP: a better config is taken over under running sessions, a broken one is refused, and both are said.
#[test]
fn sighup_takes_a_good_config_and_refuses_a_broken_one() {
    let mut stack = Stack::start();
    let mut session = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    session.log_in_to_inbox(ALICE).unwrap();
    let may_log_in = |stack: &Stack| Client::connect(stack.ports().imaps, &["imap"]).unwrap().log_in_to_inbox(ALICE).is_ok();
    let config = fs::read_to_string(stack.daemon.config()).unwrap();
    let rewrite = |stack: &mut Stack, text: &str, said: &str| {
        stack.place.write("nologd.toml", text.as_bytes()).unwrap();
        stack.daemon.process().signal(Signal::SIGHUP);
        until_said(stack, said);
    };
    assert!(may_log_in(&stack));
    let elsewhere = config.lines().map(|line| if line.starts_with("imap ") { "imap = \"imap://127.0.0.1:1\"" } else { line });
    rewrite(&mut stack, &elsewhere.collect::<Vec<_>>().join("\n"), "nologd: reloaded");
    assert!(!may_log_in(&stack), "the new backend is in force, and nobody is there");
    rewrite(&mut stack, "nonsense = true\n", "nologd: reload-refused");
    assert!(!may_log_in(&stack), "the last good config stays in force");
    session.imap("NOOP", "the session from before").unwrap();
}

/// A new certificate is for new connections; one that cannot be used changes nothing. Sessions notice neither.
#[test]
fn a_new_certificate_is_taken_over_and_a_broken_one_is_not() {
    let mut stack = Stack::start();
    let mut session = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    session.log_in_to_inbox(ALICE).unwrap();
    let first = shown(&stack);
    let folder = stack.place.path("certs/mail.nolog.example");
    let mut make = client("openssl", "openssl");
    make.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.nolog.example".split(' '));
    make.args(["-addext", "subjectAltName=DNS:mail.nolog.example"]);
    make.arg("-keyout").arg(folder.join("privkey.pem")).arg("-out").arg(folder.join("fullchain.pem"));
    succeed(&mut make);
    stack.daemon.process().signal(Signal::SIGHUP);
    until_said(&stack, "nologd: certificates-reloaded");
    let second = shown(&stack);
    assert_ne!(first, second);
    stack.place.write("certs/mail.nolog.example/privkey.pem", b"no key at all\n").unwrap();
    stack.daemon.process().signal(Signal::SIGHUP);
    until_said(&stack, "nologd: certificate-broken");
    assert_eq!(shown(&stack), second);
    session.imap("NOOP", "the session from before").unwrap();
}

/// The certificate that a new connection gets.
fn shown(stack: &Stack) -> String {
    let mut command = client("openssl", "openssl");
    let (_, text) = run_any(command.args(["s_client", "-connect", &format!("127.0.0.1:{}", stack.ports().imaps)]));
    let begin = text.find("-----BEGIN CERTIFICATE").expect("a certificate");
    text[begin..].split("-----END").next().unwrap().to_owned()
}

fn until_said(stack: &Stack, words: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let said = fs::read_to_string(stack.daemon.output()).unwrap();
        if said.contains(words) {
            return;
        }
        assert!(Instant::now() < end, "never said {words:?}, but:\n{said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
