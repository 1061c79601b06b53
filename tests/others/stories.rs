//! What a member does with IMAP and POP3, the same in front of each server.

use nologd::demo::MEMBERS;

use super::front::{FROM, Front, log_in, told};
use crate::support::fetch_by_mpop;
use crate::wire::{self, Wire};

/// A message of `len` octets.
pub fn message(subject: &str, len: usize) -> String {
    let head = format!("From: {}\r\nSubject: {subject}\r\n\r\n", MEMBERS[0].address);
    let mut text = head + &"0123456789abcde\r\n".repeat(len / 17);
    text.truncate(len - 2);
    text + "\r\n"
}

/// Stores it; the answer to the command.
pub fn append(wire: &mut Wire, folder: &str, message: &str) -> String {
    wire.send(format!("p APPEND {folder} {{{}+}}\r\n{message}\r\n", message.len()).as_bytes());
    wire.until("p ")
}

/// That this is in the answer.
pub fn said(answer: String, what: &str) {
    assert!(answer.contains(what), "{what:?} is not in: {answer}");
}

/// A whole day with IMAP. `sent` is the folder for copies, and is there.
pub fn imap(front: &Front, sent: &str) {
    let mut wire = front.imap();
    let refused = wire.ask("a LOGIN alice@velo.example wrong\r\n", "a ");
    assert!(refused.starts_with("a NO ") && refused.contains("(WRONG-PASSWORD)"), "{refused}");
    log_in(&mut wire);
    let capabilities = wire.ask("c CAPABILITY\r\n", "c ");
    for word in ["X-QUOTA", "XMOVE", "URLAUTH", "CATENATE", "COMPRESS", "LOGINDISABLED", "REFERRALS", "AUTH="] {
        assert!(!capabilities.contains(word), "{word} is told: {capabilities}");
    }
    assert!(capabilities.contains(" QUOTA=RES-STORAGE "), "{capabilities}");
    assert_eq!(told(&mut wire), [0, 0]);

    // Within the limit, above it by one message, above it in sum; and an expunge makes room.
    assert!(append(&mut wire, "INBOX", &message("first", 60_000)).contains("p OK"));
    let refused = append(&mut wire, "INBOX", &message("too large", 200_000));
    assert!(refused.contains("p NO [OVERQUOTA]"), "{refused}");
    let refused = append(&mut wire, "INBOX", &message("second", 60_000));
    assert!(refused.contains("p NO [OVERQUOTA]"), "{refused}");
    assert_eq!(told(&mut wire), [59, 1]);
    said(wire.ask("s SELECT INBOX\r\n", "s "), "* 1 EXISTS");
    let fetched = wire.ask("f FETCH 1 (RFC822.SIZE BODY.PEEK[TEXT])\r\n", "f ");
    assert!(fetched.contains("RFC822.SIZE 60000") && fetched.contains("0123456789abcde\r\n"), "{fetched}");
    said(wire.ask("t STORE 1 +FLAGS (\\Deleted)\r\n", "t "), "t OK");
    said(wire.ask("e EXPUNGE\r\n", "e "), "* 1 EXPUNGE");
    // Without STATUS (SIZE) nothing can be counted while the member has a folder open: then what was there stays counted.
    assert_eq!(told(&mut wire), if capabilities.contains(" STATUS=SIZE ") { [0, 0] } else { [59, 1] });
    said(wire.ask("x CLOSE\r\n", "x "), "x OK");
    assert_eq!(told(&mut wire), [0, 0]);
    assert!(append(&mut wire, "INBOX", &message("second", 60_000)).contains("p OK"));

    // The copy of what was sent says no more than the letter did.
    let copy = "Date: Fri, 27 Nov 2026 03:00:00 +0100\r\nFrom: alice@velo.example\r\nMessage-ID: <canary@laptop.lan>\r\nSubject: sent\r\n\
                User-Agent: canary-program\r\nX-Originating-IP: [192.0.2.7]\r\n\r\nbody\r\n";
    let answer = append(&mut wire, sent, copy);
    assert!(answer.contains("p OK"), "{answer}");
    said(wire.ask(&format!("s SELECT {sent}\r\n"), "s "), "* 1 EXISTS");
    let fetched = wire.ask("f FETCH 1 (BODY.PEEK[])\r\n", "f ");
    assert!(fetched.contains("Subject: sent\r\n") && fetched.contains("\r\nbody\r\n"), "{fetched}");
    assert!(fetched.contains("Date: Fri, 27 Nov 2026 02:00:00 +0000\r\n"), "{fetched}");
    assert!(!fetched.contains("canary") && !fetched.contains("192.0.2.7"), "{fetched}");
    said(wire.ask("l LOGOUT\r\n", "l "), "l OK");
    assert_eq!(front.told()[1], 2);
}

/// Whether IDLE tells at once what comes. If not, the next command does.
pub fn idle(front: &Front, at_once: bool) {
    let mut idle = front.logged_in();
    said(idle.ask("s SELECT INBOX\r\n", "s "), "* 0 EXISTS");
    idle.ask("i IDLE\r\n", "+");
    let mut wire = front.logged_in();
    said(append(&mut wire, "INBOX", &message("knock", 300)), "p OK");
    if at_once {
        said(idle.until("* 1 EXISTS"), "* 1 EXISTS");
    }
    idle.send(b"DONE\r\n");
    let mut told = idle.until("i ");
    told += &idle.ask("n NOOP\r\n", "n ");
    assert_eq!(told.contains("* 1 EXISTS"), !at_once, "{told}");
}

/// Three clicks of a webmail. Returns how often the server saw a login meanwhile, which it tells by a line with `login`.
pub fn webmail(front: &Front, login: &str) -> usize {
    let logins = || front.server.log().matches(login).count();
    let before = logins();
    for _ in 0..3 {
        let mut wire = Wire::plain(front.daemon.ports().webmail_imap);
        assert!(wire.line().starts_with("* OK "));
        log_in(&mut wire);
        said(wire.ask("s SELECT INBOX\r\n", "s "), "s OK");
        said(wire.ask("l LOGOUT\r\n", "l "), "l OK");
        assert!(wire.ends(wire::PATIENCE));
    }
    logins() - before
}

/// A session by hand, then a real program; the book afterwards.
pub fn pop3(front: &Front) {
    let mut wire = front.logged_in();
    let one = "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n";
    for message in [one, &message("second", 40_000), &message("third", 300)] {
        said(append(&mut wire, "INBOX", message), "p OK");
    }
    said(wire.ask("l LOGOUT\r\n", "l "), "l OK");
    let mut wire = Wire::from(FROM, front.pop3).secured();
    assert!(wire.line().starts_with("+OK"));
    assert!(wire.ask("USER alice@velo.example\r\n", "+OK").starts_with("+OK"));
    let refused = wire.ask("PASS wrong\r\n", "-ERR");
    assert!(refused.contains("[AUTH]") && refused.contains("(WRONG-PASSWORD)"), "{refused}");
    assert!(wire.ask("USER alice@velo.example\r\n", "+OK").starts_with("+OK"));
    assert!(wire.ask("PASS bell-and-basket\r\n", "+OK").starts_with("+OK"));
    let capabilities = wire.ask("CAPA\r\n", ".");
    assert!(capabilities.contains("UIDL\r\n") && !capabilities.contains("IMPLEMENTATION"), "{capabilities}");
    assert_eq!(wire.ask("STAT\r\n", "+OK").split_whitespace().nth(1), Some("3"));
    assert_eq!(wire.ask("LIST\r\n", ".").lines().count(), 5);
    assert_eq!(wire.ask("UIDL\r\n", ".").lines().count(), 5);
    wire.send(b"RETR 1\r\n");
    assert!(wire.line().starts_with("+OK"));
    let told: Vec<_> = std::iter::repeat_with(|| wire.line()).take_while(|line| line != ".\r\n").collect();
    let told: String = told.iter().map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
    assert!(told.ends_with(one), "{told}");
    said(wire.ask("TOP 2 1\r\n", ".\r\n"), "Subject: second\r\n");
    assert!(wire.ask("RETR 9\r\n", "-ERR").starts_with("-ERR"));
    assert!(wire.ask("DELE 2\r\n", "+OK").starts_with("+OK"));
    assert!(wire.ask("QUIT\r\n", "+OK").starts_with("+OK") && wire.ends(wire::PATIENCE));
    assert_eq!(front.told(), [1, 2]);

    // What was marked is left where no QUIT came; where one came, and nobody waits for its answer, it is gone, and counted.
    let open = || {
        let mut wire = Wire::from(FROM, front.pop3).secured();
        wire.line();
        wire.ask("USER alice@velo.example\r\n", "+OK");
        assert!(wire.ask("PASS bell-and-basket\r\n", "+OK").starts_with("+OK"));
        wire
    };
    let mut wire = open();
    assert!(wire.ask("DELE 1\r\n", "+OK").starts_with("+OK"));
    drop(wire);
    assert_eq!(front.told()[1], 2);
    let mut fill = front.logged_in();
    said(append(&mut fill, "INBOX", &message("fourth", 40_000)), "p OK");
    said(fill.ask("l LOGOUT\r\n", "l "), "l OK");
    let end = std::time::Instant::now() + wire::PATIENCE;
    let mut wire = open();
    while !wire.ask("DELE 3\r\n", "").starts_with("+OK") {
        // The one that was cut may still have the mailbox to itself.
        assert!(std::time::Instant::now() < end, "DELE is not taken");
        std::thread::sleep(std::time::Duration::from_millis(100));
        wire = open();
    }
    wire.send(b"QUIT\r\n");
    drop(wire);
    while front.told() != [1, 2] {
        assert!(std::time::Instant::now() < end, "{:?}", front.told());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    let fetched = |keep: &str| mpop(front, keep);
    assert_eq!([fetched("on"), fetched("on")], [2, 2], "what is left is not fetched twice");
    assert_eq!(front.told()[1], 2);
    assert_eq!([fetched("off"), front.told()[1] as usize], [2, 0]);
}

/// What is in its folder when mpop has been there.
fn mpop(front: &Front, keep: &str) -> usize {
    let certificate = front.place.path("certs/mail.nolog.example/fullchain.pem");
    fetch_by_mpop(&front.place, front.pop3, &certificate, keep)
}
