//! nologd in front of one of them: IMAP, submission and POP3 with TLS, LMTP, the webmail's IMAP, and ManageSieve where the server has it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nologd::demo::{Behind, Daemon, MEMBERS, Place, Relay};

use super::servers::Server;
use crate::support::{client, start_daemon, succeed};
use crate::wire::Wire;

/// From where the member connects: it stands in nothing that the server writes.
pub const FROM: [u8; 4] = [127, 0, 77, 7];

/// All of it. Fields are dropped from top to bottom: the place goes last.
pub struct Front {
    pub daemon: Daemon,
    _relay: Relay,
    pub server: Server,
    pub pop3: u16,
    pub sieve: u16,
    pub place: Place,
}

impl Front {
    /// With `velo` limited to 100 KiB and 50 messages.
    pub fn start(start: fn(&Place) -> Server) -> Front {
        let place = Place::new().unwrap();
        let server = start(&place);
        let relay = Relay::start(&place, server.lmtp).unwrap();
        let (pop3, sieve) = (place.port().unwrap(), place.port().unwrap());
        let behind = Behind { name: "store1", imap: server.imap, lmtp: server.lmtp, relay: relay.smtp() };
        let limits = [("velo", "storage = \"100K\""), ("velo", "messages = 50")];
        let mut daemon = start_daemon(&place, &[behind], &limits);
        let mut keys = format!("auth  = \"imap\"\npop3 = \"pop3://127.0.0.1:{}\"", server.pop3);
        let mut listeners = listener("pop3", pop3);
        if let Some(port) = server.sieve {
            keys += &format!("\nsieve = \"sieve://127.0.0.1:{port}\"");
            listeners += &listener("sieve", sieve);
        }
        let started = Instant::now();
        // Before it has said so, SIGTERM ends it at once.
        while !fs::read_to_string(daemon.output()).unwrap().contains("nologd: started") {
            assert!(started.elapsed() < Duration::from_secs(30), "nologd did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let config = fs::read_to_string(daemon.config()).unwrap().replace("auth  = \"imap\"", &keys) + &listeners;
        place.write("nologd.toml", config.as_bytes()).unwrap();
        let restarted = daemon.restart(Path::new(env!("CARGO_BIN_EXE_nologd")));
        restarted.unwrap_or_else(|trouble| panic!("{trouble}\n{}", fs::read_to_string(daemon.output()).unwrap_or_default()));
        Front { daemon, _relay: relay, server, pop3, sieve, place }
    }

    /// A greeted connection of IMAP.
    pub fn imap(&self) -> Wire {
        let mut wire = Wire::from(FROM, self.daemon.ports().imaps).secured();
        assert!(wire.line().starts_with("* OK "));
        wire
    }

    /// Alice's session.
    pub fn logged_in(&self) -> Wire {
        let mut wire = self.imap();
        log_in(&mut wire);
        wire
    }

    /// What is held about a mailbox, as an admin is told it.
    pub fn disclosed(&self, address: &str) -> serde_json::Value {
        let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
        command.args(["disclose", address, "--json"]).env("NOLOGD_SOCKET", self.place.path("admin.sock"));
        let told: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
        told["mailbox"].clone()
    }

    /// A new session's view of what is stored: KiB and messages, as the book tells them.
    pub fn told(&self) -> [u64; 2] {
        told(&mut self.logged_in())
    }
}

/// As the first of the members.
pub fn log_in(wire: &mut Wire) {
    let answer = wire.ask(&format!("a LOGIN {} {}\r\n", MEMBERS[0].address, MEMBERS[0].password), "a ");
    assert!(answer.contains("a OK"), "{answer}");
}

/// Used KiB and messages, of the association's limits in [`Front::start`].
pub fn told(wire: &mut Wire) -> [u64; 2] {
    let answer = wire.ask("q GETQUOTAROOT INBOX\r\n", "q ");
    ["STORAGE", "MESSAGE"].map(|name| {
        let mut numbers = answer.split_once(&format!("{name} ")).unwrap_or_else(|| panic!("{answer}")).1.split([' ', ')']);
        let used = numbers.next().unwrap().parse().unwrap();
        let limit = if name == "STORAGE" { "100" } else { "50" };
        assert_eq!(numbers.next(), Some(limit), "not our limit: {answer}");
        used
    })
}

fn listener(service: &str, port: u16) -> String {
    format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"implicit\"\n")
}

impl Drop for Front {
    /// Whatever the test did: nobody wrote down from where the member came, nor nologd who it was.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.server.log());
            return;
        }
        let said = fs::read_to_string(self.daemon.output()).unwrap();
        assert!(said.lines().all(|line| line.starts_with("nologd: ") && !line.contains(['@', '<', '['])), "{said}");
        let log = self.server.log();
        // It does write, and that it was us.
        assert!(
            log.contains("127.0.0.1") && log.contains(MEMBERS[0].address),
            "nothing was written, so nothing is shown:\n{log}"
        );
        assert!(!log.contains("127.0.77"), "{log}");
    }
}
