//! Deliveries that are cut at every point, over sockets: nothing stays set aside, and nothing that the backend stored is lost for the
//! book.
#![allow(clippy::unwrap_used)] // helpers of tests

use crate::in_process;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nologd::demo::Place;
use nologd::private::Address;
use nologd::quota::{Amount, Book, Day};

const PATIENCE: Duration = Duration::from_secs(10);
/// `x` and its CRLF, and what the backend may write on top.
const STORED: Amount = Amount { octets: 3 + 1024, messages: 1 };

/// nologd within this process, with its one backend played by the test.
struct House {
    book: Arc<Book>,
    relay: Talk,
    backend: Talk,
    _runtime: tokio::runtime::Runtime,
    _place: Place,
}

struct Talk(TcpStream);

impl Talk {
    fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Hears up to `words` and the end of their line.
    fn hear(&mut self, words: &str) {
        let mut heard = Vec::new();
        while !(String::from_utf8_lossy(&heard).contains(words) && heard.ends_with(b"\r\n")) {
            let mut octet = [0];
            let count = self.0.read(&mut octet).unwrap();
            assert!(count > 0, "{words:?} did not come, but {:?}", String::from_utf8_lossy(&heard));
            heard.push(octet[0]);
        }
    }

    /// Everything up to the end of the connection.
    fn rest(&mut self) -> String {
        let mut heard = Vec::new();
        // A reset is an end as well.
        let _ = self.0.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).into_owned()
    }

    fn cut(&self) {
        self.0.shutdown(Shutdown::Both).unwrap();
    }
}

fn alice() -> Address {
    Address::parse("alice@velo.example").unwrap()
}

fn talk(stream: TcpStream) -> Talk {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Talk(stream)
}

impl House {
    /// With one transaction, up to the answer to RCPT.
    fn addressed() -> House {
        let place = Place::new().unwrap();
        let (port, listener) = (place.port().unwrap(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let text = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n\
             {}[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\nlmtp = \"lmtp://127.0.0.1:{}\"\n\
             [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n",
            place.path("book").display(),
            in_process::listen("lmtp", &format!("127.0.0.1:{port}")),
            listener.local_addr().unwrap().port(),
        );
        let (book, runtime) = in_process::in_process(&text);
        book.admit(&alice()).unwrap();
        let mut relay = talk(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
        relay.hear("220 ");
        relay.say("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@velo.example>\r\n");
        let mut backend = talk(listener.accept().unwrap().0);
        backend.say("220 store\r\n");
        for (heard, said) in [("LHLO", "250 store\r\n"), ("MAIL", "250 ok\r\n"), ("RCPT", "250 ok\r\n")] {
            backend.hear(heard);
            backend.say(said);
        }
        relay.hear("250 ok");
        House { book, relay, backend, _runtime: runtime, _place: place }
    }

    /// Up to the 354.
    fn begun() -> House {
        let mut house = House::addressed();
        house.relay.say("DATA\r\n");
        house.backend.hear("DATA");
        house.backend.say("354 go\r\n");
        house.relay.hear("354");
        house
    }

    /// Up to the final dot at the backend.
    fn handed_over() -> House {
        let mut house = House::begun();
        house.relay.say("x\r\n.\r\n");
        house.backend.hear("x\r\n.");
        house
    }

    /// Waits until the book says so.
    fn says(&self, used: Amount, reserved: Amount, doubt: Amount) {
        let end = Instant::now() + PATIENCE;
        loop {
            let view = self.book.mailbox(&alice()).unwrap();
            if (view.used, view.reserved, view.doubt) == (used, reserved, doubt) {
                return;
            }
            assert!(Instant::now() < end, "{:?} {:?} {:?}", view.used, view.reserved, view.doubt);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_relay_that_is_gone_before_the_answer_changes_nothing() {
    for (answer, used) in [("250 stored\r\n", STORED), ("552 5.2.2 no\r\n", Amount::ZERO)] {
        let mut house = House::handed_over();
        house.relay.cut();
        std::thread::sleep(Duration::from_millis(100));
        house.says(Amount::ZERO, STORED, Amount::ZERO);
        house.backend.say(answer);
        house.says(used, Amount::ZERO, Amount::ZERO);
        house.backend.rest();
    }
}

#[test]
fn an_answer_that_never_comes_leaves_a_doubt_until_a_later_count() {
    for relay_is_gone in [false, true] {
        let mut house = House::handed_over();
        let before = house.book.begin_refresh(&alice()).unwrap();
        if relay_is_gone {
            house.relay.cut();
        }
        house.backend.cut();
        house.says(STORED, Amount::ZERO, STORED);
        if !relay_is_gone {
            house.relay.hear("451 4.3.0 ");
        }
        before.finish(Amount::ZERO, Day::from_unix(0));
        house.says(STORED, Amount::ZERO, STORED);
        house.book.begin_refresh(&alice()).unwrap().finish(Amount::message(208), Day::from_unix(0));
        house.says(Amount::message(208), Amount::ZERO, Amount::ZERO);
        assert!(house.book.is_seen(&alice()));
    }
}

/// Before the final dot nothing can be stored: everything is given back, and the backend of a relay that is gone never hears a dot.
#[test]
fn what_is_cut_before_the_dot_is_given_back() {
    let cuts: [fn() -> House; 4] = [
        House::addressed,
        || {
            let mut house = House::addressed();
            house.relay.say("DATA\r\n");
            house.backend.hear("DATA");
            house
        },
        House::begun,
        || {
            let mut house = House::begun();
            house.relay.say("x\r\n.\r");
            house.backend.hear("x\r\n");
            house
        },
    ];
    for (number, cut) in cuts.into_iter().enumerate() {
        for by_relay in [true, false] {
            let mut house = cut();
            if by_relay {
                house.relay.cut();
                if number == 1 {
                    house.backend.say("354 go\r\n");
                }
                assert!(!house.backend.rest().contains('.'), "{number}");
            } else {
                house.backend.cut();
                // Nobody notices before there is something to say.
                house.relay.say(["DATA\r\n", "", "x\r\n.\r\n", "\n"][number]);
                house.relay.hear("451 4.3.0 ");
            }
            // A backend that is gone unnoticed was sent the dot, for all that anybody can know.
            let doubt = if by_relay || number < 2 { Amount::ZERO } else { STORED };
            house.says(doubt, Amount::ZERO, doubt);
        }
    }
}

/// What was deleted behind a full mailbox, and pushed, is room for the next delivery.
#[test]
fn mail_finds_the_room_that_was_made() {
    let mut house = House::handed_over();
    house.book.pushed(&alice(), Some(208), Some(1));
    house.backend.say("250 stored\r\n");
    house.relay.hear("250 stored");
    house.says(Amount::message(208), Amount::ZERO, Amount::ZERO);
    house.book.pushed(&alice(), Some(0), Some(0));
    house.relay.say("RSET\r\nMAIL FROM:<>\r\nRCPT TO:<alice@velo.example>\r\n");
    for heard in ["MAIL", "RCPT"] {
        house.backend.hear(heard);
        house.backend.say("250 ok\r\n");
    }
    house.relay.hear("250 ok");
}
