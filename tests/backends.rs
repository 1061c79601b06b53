//! Several mail servers behind one nologd, which a reload moves, drops and changes: what is known of one never counts for another.
//! And servers that are full of our own connections.

#![allow(clippy::unwrap_used)]

use crate::alone;
use crate::scripted;
#[path = "backends/store.rs"]
mod store;
use crate::wire;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use alone::House;
use nix::sys::signal::Signal;
use scripted::Scripted;
use store::Store;
use wire::Wire;

/// `a` is the association `asso`'s, and the default one.
struct Servers {
    a: Section,
    b: Section,
}

#[derive(Clone, Copy)]
struct Section {
    imap: u16,
    relay: u16,
}

const A: &str = "a";
const B: &str = "b";

impl Servers {
    fn section(&self, name: &str) -> String {
        let (Section { imap, relay }, default) = if name == A { (self.a, "default = true\n") } else { (self.b, "") };
        format!(
            "[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:{imap}\"\nrelay = \"smtp://127.0.0.1:{relay}\"\n{default}"
        )
    }

    fn sections(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.section(name)).collect()
    }
}

struct World {
    house: House,
    servers: Servers,
    /// What a reload replaces: the associations, which are in the book since the start, and the servers in force.
    replaced: String,
    webmail: u16,
    submission: u16,
}

fn port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

impl World {
    /// With the backends in the order a, b.
    fn start(servers: Servers, more: &str) -> World {
        let (webmail, submission) = (port(), port());
        let listens = [("webmail-imap", webmail), ("webmail-submission", submission)].map(|(service, port)| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n")
        });
        let associations = [("asso", A), ("velo", B)].map(|(name, backend)| {
            format!("[[association]]\nname = \"{name}\"\ndomains = [\"{name}.example\"]\nbackend = \"{backend}\"\n")
        });
        let replaced = associations.concat() + &servers.sections(&[A, B]);
        let house = House::start(&format!("{}{more}{replaced}", listens.concat()));
        World { house, servers, replaced, webmail, submission }
    }

    /// Another order, or others.
    fn reload(&mut self, servers: String) {
        self.house.reload(|config| config.replace(&self.replaced, &servers));
        self.replaced = servers;
    }

    /// The answer to the login of `user`, and the session.
    fn log_in(&self, user: &str) -> (Wire, String) {
        let mut wire = self.begin(user);
        let told = wire.until("l ");
        (wire, told)
    }

    /// The login of `user` is said.
    fn begin(&self, user: &str) -> Wire {
        let mut wire = Wire::plain(self.webmail);
        wire.line();
        wire.send(format!("l LOGIN {user} right\r\n").as_bytes());
        wire
    }

    /// Logs in, looks at the inbox and leaves: whose inbox it was.
    fn click(&self, user: &str) -> String {
        let (mut wire, told) = self.log_in(user);
        assert!(told.contains("l OK"), "{told}");
        let told = wire.ask("s SELECT INBOX\r\n", "s ");
        wire.ask("o LOGOUT\r\n", "o ");
        wire.ends(wire::PATIENCE);
        told.trim_end().rsplit(' ').next().unwrap().to_owned()
    }

    /// What EHLO offers.
    fn offers(&self) -> String {
        let mut wire = Wire::plain(self.submission);
        wire.line();
        wire.ask("EHLO x\r\n", "250 ")
    }

    fn send_mail(&self) {
        let mut wire = Wire::plain(self.submission);
        wire.line();
        wire.ask("EHLO x\r\n", "250 ");
        // alice@asso.example, "right"
        wire.ask("AUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n", "235 ");
        wire.send(b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\nDATA\r\n");
        assert!(wire.until("354 ").contains("354 "));
        wire.send(b"From: alice@asso.example\r\n\r\nhello\r\n.\r\n");
        assert!(wire.line().starts_with("250 "));
    }

    fn events(&self, start: &str) -> Vec<String> {
        let said = self.house.output();
        let events = said.lines().filter_map(|line| line.strip_prefix("nologd: "));
        events.filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    }
}

/// Nobody listens there.
fn nowhere() -> u16 {
    port()
}

#[test]
fn what_a_relay_could_not_do_is_forgotten_with_it() {
    let (store, relay) = (Store::start(A, 20), Scripted::smtp());
    let a = Section { imap: store.port, relay: relay.port };
    let b = Section { imap: store.port, relay: nowhere() };
    let mut world = World::start(Servers { a, b }, "");
    assert!(world.offers().contains("250-DSN\r\n"));
    world.send_mail();
    assert!(!world.offers().contains("DSN") && world.offers().contains("SMTPUTF8"), "{}", world.offers());
    // It is still there, at another place.
    world.reload(world.servers.sections(&[B, A]));
    assert!(!world.offers().contains("DSN"), "it was moved, not changed: {}", world.offers());
    world.reload(world.servers.section(B));
    assert!(world.offers().contains("250-DSN\r\n"), "a relay that is gone still counts: {}", world.offers());
}

#[test]
fn a_server_that_was_down_is_not_mistaken_for_another() {
    let up = Store::start(B, 20);
    let a = Section { imap: nowhere(), relay: nowhere() };
    let b = Section { imap: up.port, relay: nowhere() };
    let mut world = World::start(Servers { a, b }, "");
    assert!(world.log_in("alice@asso.example").1.contains("(BACKEND-DOWN)"));
    assert_eq!(world.events("backend-"), [format!("backend-down backend=0 service=imap name={A}")]);
    world.reload(world.servers.sections(&[B, A]));
    assert_eq!(world.click("bob@velo.example"), B);
    assert!(world.log_in("alice@asso.example").1.contains("(BACKEND-DOWN)"));
    assert_eq!(
        world.events("backend-"),
        [format!("backend-down backend=0 service=imap name={A}")],
        "said of the other one, or said again"
    );
    // The first is there again: it is the second now.
    let listener = TcpListener::bind(("127.0.0.1", a.imap)).unwrap();
    std::thread::spawn(move || {
        listener.incoming().map_while(Result::ok).for_each(|mut met| met.write_all(b"* OK here\r\n").unwrap())
    });
    world.log_in("alice@asso.example");
    // What changes again within minutes is told later, or at the end.
    world.house.down(Signal::SIGTERM);
    assert_eq!(
        world.events("backend-"),
        [format!("backend-down backend=0 service=imap name={A}"), format!("backend-up backend=1 service=imap name={A}")]
    );
}

#[test]
fn a_parked_connection_stays_with_its_server() {
    let (one, two) = (Store::start("one", 20), Store::start("two", 20));
    let a = Section { imap: one.port, relay: nowhere() };
    let b = Section { imap: two.port, relay: nowhere() };
    let mut world = World::start(Servers { a, b }, "");
    let who = "alice@asso.example";
    assert_eq!((world.click(who), world.click(who), one.logins()), ("one".into(), "one".into(), 1));
    world.reload(world.servers.sections(&[B, A]));
    assert_eq!((world.click(who), two.logins()), ("one".into(), 0), "the other server got the login");
    // The names stay and the servers change places: what rests at the old one is not for the new one.
    world.servers = Servers { a: b, b: a };
    world.reload(world.servers.sections(&[A, B]));
    assert_eq!((world.click(who), two.logins()), ("two".into(), 1));
    assert_eq!(world.click("bob@velo.example"), "one");
}

#[test]
fn a_connection_that_rests_at_a_relay_is_for_that_relay_and_leaves_with_it() {
    let (store, one, two) = (Store::start(A, 20), Scripted::smtp(), Scripted::smtp());
    let a = Section { imap: store.port, relay: one.port };
    let b = Section { imap: nowhere(), relay: two.port };
    let mut world = World::start(Servers { a, b }, "");
    let times = |relay: &Scripted, word: &str| String::from_utf8_lossy(&relay.heard()).matches(word).count();
    world.send_mail();
    world.send_mail();
    assert_eq!((times(&one, "EHLO "), times(&one, "MAIL "), times(&one, "QUIT")), (1, 2, 0));
    // Moved within the file, it is the same.
    world.reload(world.servers.sections(&[B, A]));
    world.send_mail();
    assert_eq!((times(&one, "EHLO "), times(&one, "MAIL "), times(&one, "QUIT")), (1, 3, 0));
    world.servers.a.relay = two.port;
    world.reload(world.servers.sections(&[A, B]));
    world.send_mail();
    assert_eq!((times(&one, "MAIL "), times(&two, "MAIL ")), (3, 1));
    let end = Instant::now() + Duration::from_secs(5);
    while times(&one, "QUIT") == 0 {
        assert!(Instant::now() < end, "it was left without a word");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Cyrus with a `maxchild` of two.
#[test]
fn who_finds_all_seats_taken_by_parked_connections_gets_the_oldest_ones() {
    let (few, other) = (Store::start("few", 2), Store::start("other", 20));
    let a = Section { imap: few.port, relay: nowhere() };
    let b = Section { imap: other.port, relay: nowhere() };
    let world = World::start(Servers { a, b }, "");
    for who in ["bob@velo.example", "alice@asso.example", "chloe@asso.example"] {
        world.click(who);
        // It is parked a moment behind the goodbye: so that the older one is.
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((few.logins(), other.logins()), (2, 1));
    let began = Instant::now();
    let (dora, told) = world.log_in("dora@asso.example");
    let took = began.elapsed();
    assert!(told.contains("l OK"), "{told}");
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    // Alice's was the older one; Chloe's and the one at the other server are still there.
    assert_eq!((world.click("chloe@asso.example").as_str(), few.logins()), ("few", 3));
    assert_eq!((world.click("bob@velo.example").as_str(), other.logins()), ("other", 1));
    // Several at once: both seats go to them, one after the other.
    let (eve, fred) = (world.begin("eve@asso.example"), world.begin("fred@asso.example"));
    drop(dora);
    for mut client in [eve, fred] {
        assert!(client.until("l ").contains("l OK"));
    }
}

/// Nobody is parked there: the wait is as long as it was.
#[test]
fn a_server_that_greets_nobody_is_given_up_in_time() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let a = Section { imap: silent.local_addr().unwrap().port(), relay: nowhere() };
    let world = World::start(Servers { a, b: a }, "[limits]\nbackend_seconds = 3\n");
    let began = Instant::now();
    assert!(world.log_in("alice@asso.example").1.contains("(BACKEND-DOWN)"));
    assert!(began.elapsed() > Duration::from_millis(2900) && began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    // The kernel took the connection; the server did not.
    assert_eq!(standing(&world.house, "imap"), "down");
}

/// As `status` has it.
fn standing(house: &House, service: &str) -> String {
    let servers = house.json("status")["servers"].as_array().unwrap().clone();
    servers.iter().find(|server| server["service"] == service).unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_store_is_up_when_it_has_greeted_and_not_before() {
    let store = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (port, door) = (store.local_addr().unwrap().port(), nowhere());
    let house = House::start(&format!(
        "[limits]\nbackend_seconds = 2\n[[listen]]\nservice = \"lmtp\"\naddress = \"127.0.0.1:{door}\"\ntls = \"none\"\n\
         [[backend]]\nname = \"a\"\nimap = \"imap://127.0.0.1:1\"\nlmtp = \"lmtp://127.0.0.1:{port}\"\n"
    ));
    house.done("association add velo --domain velo.example");
    house.done("mailbox set alice@velo.example --storage 1G");
    assert_eq!(standing(&house, "lmtp"), "untried");
    let ask = || {
        let mut wire = Wire::plain(door);
        wire.until("220 ");
        wire.ask("LHLO mx.example\r\n", "250 ");
        wire.ask("MAIL FROM:<x@elsewhere.example>\r\n", "250 ");
        wire.send(b"RCPT TO:<alice@velo.example>\r\n");
        wire.line();
    };
    std::thread::scope(|scope| {
        let asked = scope.spawn(ask);
        let (silent, _) = store.accept().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(standing(&house, "lmtp"), "untried", "a connection alone says nothing");
        asked.join().unwrap();
        drop(silent);
    });
    assert_eq!(standing(&house, "lmtp"), "down");
    let talk = |stream: TcpStream| {
        let mut out = stream.try_clone().unwrap();
        let _ = out.write_all(b"220 here\r\n");
        for _ in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = out.write_all(b"250 2.0.0 fine\r\n");
        }
    };
    std::thread::spawn(move || store.incoming().flatten().for_each(talk));
    ask();
    assert_eq!(standing(&house, "lmtp"), "up");
}
