//! Members who store at once find exactly the room there is, by IMAP alone and beside incoming mail.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Barrier;
use std::thread::scope;

use nologd::demo::{Dovecot, Place};
use nologd::private::Address;
use nologd::quota::Amount;

use super::lmtp::{Talk, deliver, in_process, message, status};

/// Sessions that write at once, and how often each tries.
const SESSIONS: usize = 10;
const TRIES: usize = 5;

/// What LMTP sets aside for one message beyond its size.
const ON_TOP: usize = 1024;

#[test]
fn fifty_appends_at_once_find_exactly_the_room_there_is() {
    twenty_three_of_fifty(SESSIONS);
}

#[test]
fn fifty_appends_and_deliveries_at_once_find_exactly_the_room_there_is() {
    twenty_three_of_fifty(SESSIONS / 2);
}

/// Five mailboxes of one association with room for 23 messages; the first `members` sessions append, the others deliver.
fn twenty_three_of_fifty(members: usize) {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let mailboxes: Vec<_> = (1..=5).map(|number| format!("m{number}@velo.example")).collect();
    let accounts: String = mailboxes.iter().map(|mailbox| format!("{mailbox}:{{PLAIN}}secret\n")).collect();
    place.write("dovecot/users", accounts.as_bytes()).unwrap();
    let delivered = message("delivered", 20_000);
    // As large as what a delivery sets aside, so that 23 of any mixture fit.
    let appended = format!("{delivered}{}\r\n", "x".repeat(ON_TOP - 2));
    let (imap, lmtp) = (place.port().unwrap(), place.port().unwrap());
    let listeners = [("imap", format!("127.0.0.1:{imap}")), ("lmtp", format!("127.0.0.1:{lmtp}"))];
    let room = 24 * appended.len() - 1;
    let storage = format!("storage = \"{room}\"");
    let (book, _runtime) = in_process(&place, &dovecot, &listeners, &storage);
    let start = Barrier::new(SESSIONS);
    let stored: usize = scope(|threads| {
        let session = |number: usize| {
            let (mailboxes, appended, delivered, start) = (&mailboxes, &appended, &delivered, &start);
            threads.spawn(move || {
                if number < members {
                    let mut session = Imap::log_in(imap, &mailboxes[number % 5]);
                    start.wait();
                    (0..TRIES).filter(|_| session.append(appended)).count()
                } else {
                    let mut session = Talk::connect(lmtp, "LHLO relay.example");
                    start.wait();
                    (0..TRIES).filter(|step| deliver(&mut session, &mailboxes[(number + step) % 5], delivered)).count()
                }
            })
        };
        let running: Vec<_> = (0..SESSIONS).map(session).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // A delivery takes less than is set aside for it: where sessions count, one more may fit.
    assert!(stored == 23 || members > 0 && stored == 24, "{stored}");
    let counted = mailboxes.iter().map(|mailbox| status(&dovecot, mailbox)).fold(Amount::ZERO, Amount::plus);
    assert_eq!(counted.messages, stored as u64);
    assert!(counted.octets <= room as u64, "{} of {room}", counted.octets);
    for mailbox in &mailboxes {
        let stored = status(&dovecot, mailbox).messages;
        assert!(book.mailbox(&Address::parse(mailbox).unwrap()).unwrap().used.messages >= stored);
        // Whoever was counted while others wrote is counted once more: by the next session, where all are gone.
        let _session = Imap::log_in(imap, mailbox);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let look = || (book.mailbox(&Address::parse(mailbox).unwrap()).unwrap(), status(&dovecot, mailbox));
        let (mut view, mut counted) = look();
        while (view.used.messages, view.reserved) != (counted.messages, Amount::ZERO) && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(50));
            (view, counted) = look();
        }
        assert_eq!((view.used.messages, view.reserved), (counted.messages, Amount::ZERO));
        assert!(view.used.octets >= counted.octets, "Dovecot counts {} octets, the book {}", counted.octets, view.used.octets);
    }
}

/// Dovecot without its quota plugin, and without what makes counting easy: the book finds what is there all the same.
#[test]
fn a_backend_that_does_not_count_is_counted() {
    for capabilities in ["IMAP4rev1 LIST-STATUS STATUS=SIZE", "IMAP4rev1 STATUS=SIZE", "IMAP4rev1 UNSELECT", "IMAP4rev1"] {
        let place = Place::new().unwrap();
        let dovecot = Dovecot::start_with(&place, "dovecot", &format!("imap_capability = {capabilities}\n")).unwrap();
        place.write("dovecot/users", b"m1@velo.example:{PLAIN}secret\n").unwrap();
        let port = place.port().unwrap();
        let (book, _runtime) = in_process(&place, &dovecot, &[("imap", format!("127.0.0.1:{port}"))], "storage = \"1M\"");
        let mut around = Imap::log_in(dovecot.imap(), "m1@velo.example");
        assert_eq!(around.ask("b CREATE \"lists/a b\""), "b OK Create completed");
        let mut there = Amount::ZERO;
        for (folder, size) in [("INBOX", 5000), ("INBOX", 700), ("\"lists/a b\"", 30)] {
            let text = message("around", size);
            assert!(around.append_to(folder, &text));
            there = there.plus(Amount::message(text.len() as u64));
        }
        let mut session = Imap::log_in(port, "m1@velo.example");
        let counted = book.mailbox(&Address::parse("m1@velo.example").unwrap()).unwrap();
        assert!(counted.seen && counted.used == there, "{capabilities}: {} octets counted", counted.used.octets);
        // No folder of ours is open, and the session goes on as usual.
        assert!(session.ask("c FETCH 1 UID").starts_with("c BAD"));
        assert!(session.ask("c SELECT INBOX").starts_with("c OK"));
    }
}

/// A mail program on this machine, in the clear.
struct Imap(BufReader<TcpStream>);

impl Imap {
    fn log_in(port: u16, mailbox: &str) -> Imap {
        let mut imap = Imap(BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()));
        assert!(imap.line().starts_with("* OK"));
        imap.send(&format!("a LOGIN {mailbox} secret\r\n"));
        assert!(imap.line().starts_with("a OK"));
        // Answered when the backend has been asked for usage: what is counted while others write is an upper bound only.
        imap.send("c NOOP\r\n");
        assert!(imap.line().starts_with("c OK"));
        imap
    }

    /// The tagged answer to a command.
    fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n"));
        loop {
            let answer = self.line();
            if !answer.starts_with('*') {
                return answer.split(" (").next().unwrap().trim_end_matches(['.', '\r', '\n']).to_owned();
            }
        }
    }

    fn append(&mut self, text: &str) -> bool {
        self.append_to("INBOX", text)
    }

    fn append_to(&mut self, folder: &str, text: &str) -> bool {
        self.send(&format!("b APPEND {folder} {{{}}}\r\n", text.len()));
        let answer = self.line();
        if !answer.starts_with('+') {
            assert!(answer.starts_with("b NO [OVERQUOTA]") && answer.contains("(ASSOCIATION-FULL)"), "{answer}");
            return false;
        }
        self.send(&format!("{text}\r\n"));
        loop {
            let answer = self.line();
            if !answer.starts_with('*') {
                assert!(answer.starts_with("b OK"), "{answer}");
                return true;
            }
        }
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }
}
