//! A member's password is stolen, and spam goes out with it: from the limit that stops it to the thief who is locked out, with the
//! commands of `docs/admin/hacked-account.md` in their order.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::{Client, MEMBERS, Member};

use crate::support::{Stack, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const NEW: Member = Member { address: "alice@velo.example", password: "another-one-by-telephone" };

#[test]
fn spam_is_stopped_told_and_the_thief_is_locked_out() {
    let mut stack = Stack::start();
    let socket = stack.place.path("admin.sock");
    let nologd = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(line.split(' ')).arg("--socket").arg(&socket);
        succeed(&mut command)
    };
    nologd("association set velo --mailbox-send-per-hour 2 --contact bob@velo.example");
    // The thief reads along, sends, and has a connection that rests for the webmail.
    let mut open = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    open.log_in_to_inbox(ALICE).unwrap();
    assert!(webmail(&stack, ALICE).starts_with("a OK"));
    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("x", ALICE).unwrap();
    let mut sent = Vec::new();
    while sent.len() < 4 {
        sent.push(spam(&mut smtp));
    }
    assert!(sent[..2].iter().all(|reply| reply.starts_with("250")), "{sent:?}");
    assert!(sent[2..].iter().all(|reply| reply.starts_with("450") && reply.contains("(TOO-MANY-MESSAGES)")), "{sent:?}");

    // Owner and contact hear of it once.
    let told = stack.messages(ALICE, "", 1);
    assert!(text(&told[0]).contains("sent as much as it may"), "{}", text(&told[0]));
    let of_bob = stack.messages(BOB, "", 3);
    let notice = of_bob.iter().map(|mail| text(mail)).find(|mail| mail.contains("Subject: A mailbox of velo")).unwrap();
    assert!(notice.replace("=\r\n", "").replace("=\n", "").contains("alice@velo.example"), "{notice}");

    // The password is changed at the mail server, then everything that the old one opened is ended.
    let users = fs::read_to_string(stack.place.path("dovecot/users")).unwrap();
    stack.place.write("dovecot/users", users.replacen(ALICE.password, NEW.password, 1).as_bytes()).unwrap();
    // Dovecot reads its file again when it finds that it was changed.
    let begin = Instant::now();
    while !login(stack.dovecot.imap(), ALICE).starts_with("a NO") {
        assert!(begin.elapsed() < Duration::from_secs(60), "the mail server does not know of the new password");
        std::thread::sleep(Duration::from_millis(500));
    }
    nologd("mailbox set alice@velo.example --sending off");
    let kicked = nologd("mailbox kick alice@velo.example");
    // The one that sent may have ended by itself.
    let told = ["1 session was", "2 sessions were"].map(|told| format!("alice@velo.example: {told} told to end."));
    assert!(told.iter().any(|told| kicked.starts_with(told)), "{kicked}");
    let begin = Instant::now();
    let goodbye = text(&open.line("goodbye").unwrap());
    assert!(goodbye.starts_with("* BYE") && begin.elapsed() < Duration::from_secs(10), "{goodbye}");
    let again = webmail(&stack, ALICE);
    assert!(again.starts_with("a NO"), "what was parked for the webmail let the old password in: {again}");
    assert!(Client::connect(stack.ports().imaps, &["imap"]).unwrap().log_in_to_inbox(ALICE).is_err());
    assert!(Client::connect(stack.ports().submissions, &[]).unwrap().log_in_to_submission("x", ALICE).is_err());

    // The owner is back, and writes again.
    assert!(webmail(&stack, &NEW).starts_with("a OK"));
    Client::connect(stack.ports().imaps, &["imap"]).unwrap().log_in_to_inbox(&NEW).unwrap();
    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("x", &NEW).unwrap();
    let off = spam(&mut smtp);
    assert!(off.contains("(SENDING-OFF)"), "{off}");
    nologd("mailbox set alice@velo.example --sending on");
    nologd("association set velo --mailbox-send-per-hour 100");
    assert!(spam(&mut smtp).starts_with("250"));
    drop(smtp);

    // Whoever watches the events sees a number, later, and no name.
    stack.daemon.process().signal(Signal::SIGTERM);
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true));
    let said = fs::read_to_string(stack.daemon.output()).unwrap();
    assert!(said.contains("nologd: sending-stopped times=10\n"), "{said}");
}

/// A session as a webmail has it: from the login to the goodbye. What the login was answered.
fn webmail(stack: &Stack, member: &Member) -> String {
    login(stack.ports().webmail_imap, member)
}

fn login(port: u16, member: &Member) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut ask = |command: String, tag: &str| {
        stream.write_all(command.as_bytes()).unwrap();
        lines.by_ref().find(|line| line.starts_with(tag)).unwrap_or_default()
    };
    ask(String::new(), "* OK");
    let answer = ask(format!("a LOGIN {} {}\r\n", member.address, member.password), "a ");
    ask("b LOGOUT\r\n".to_owned(), "b ");
    answer
}

/// One message more, and what became of it.
fn spam(smtp: &mut Client) -> String {
    smtp.smtp("MAIL FROM:<alice@velo.example>\r\n", "250", "MAIL").unwrap();
    smtp.smtp("RCPT TO:<bob@velo.example>\r\n", "250", "RCPT").unwrap();
    smtp.send(b"DATA\r\n", "DATA").unwrap();
    let mut reply = text(&smtp.line("DATA").unwrap());
    if reply.starts_with("354") {
        smtp.send(b"From: <alice@velo.example>\r\nSubject: a prize\r\n\r\nclick\r\n.\r\n", "the message").unwrap();
        reply = text(&smtp.line("the message").unwrap());
    }
    smtp.smtp("RSET\r\n", "250", "RSET").unwrap();
    reply
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
