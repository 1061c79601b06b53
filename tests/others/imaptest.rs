//! Dovecot's own load program, imaptest, in turns direct and through nologd: how many logins, with all that they do, end in ten seconds.
//! nologd counts, sets aside and judges as always. The mailbox server does most of the work, so what nologd asks of it is what can cost.
//!
//! Debian has no package of imaptest: `IMAPTEST` names the program, built from its sources, with the libraries that it needs in reach.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nologd::demo::{Behind, CERTIFICATE, Daemon, Dovecot, MEMBERS, Owner, Place};

use super::servers::Server;
use crate::dialect;
use crate::support::succeed;
use crate::wire::KEY;

/// Turns of each side. The median of their ratios is told.
const ROUNDS: usize = 5;

/// What nologd must leave of the direct rate (docs/testing.md).
const BAR: f64 = 0.9;

#[test]
#[ignore = "make imaptest"]
fn imaptest_behind_cyrus() {
    let place = Place::new().unwrap();
    let server = Server::cyrus(&place);
    let front = Front::start(&place, server.imap, false);
    front.holds(&place, "Cyrus", server.imap);
}

#[test]
#[ignore = "make imaptest"]
fn imaptest_behind_dovecot() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let front = Front::start(&place, dovecot.imap(), false);
    front.holds(&place, "Dovecot", dovecot.imap());
}

/// With TLS towards the client on both sides.
#[test]
#[ignore = "make imaptest"]
fn imaptest_behind_dovecot_with_tls() {
    let place = Place::new().unwrap();
    let port = place.port().unwrap();
    place.make("certificate", Owner::me()).unwrap();
    let certificate = place.write("certificate/chain.pem", CERTIFICATE).unwrap();
    let key = place.write("certificate/key.pem", KEY).unwrap();
    let lines = format!(
        "ssl = yes\nssl_cert = <{}\nssl_key = <{}\nservice imap-login {{\n  inet_listener imaps {{\n    address = 127.0.0.1\n    port = {port}\n    ssl = yes\n  }}\n}}\n",
        certificate.display(),
        key.display()
    );
    let dovecot = Dovecot::start_with(&place, "dovecot", &dialect::spoken(&lines)).unwrap();
    let front = Front::start(&place, dovecot.imap(), true);
    front.holds(&place, "Dovecot, TLS", port);
}

/// nologd before one mailbox server, with limits that nobody reaches.
struct Front {
    _daemon: Daemon,
    port: u16,
    tls: bool,
}

impl Front {
    fn start(place: &Place, imap: u16, tls: bool) -> Front {
        let behind = Behind { name: "store1", imap, lmtp: place.port().unwrap(), relay: place.port().unwrap() };
        let storage = [("velo", "storage = \"100G\""), ("jardin", "storage = \"100G\"")];
        let program = std::env::var_os("NOLOGD").map_or_else(|| env!("CARGO_BIN_EXE_nologd").into(), PathBuf::from);
        let ports = nologd::demo::Ports::any(place).unwrap();
        let mut daemon = Daemon::start(place, &program, ports, &[behind], &storage).unwrap();
        let (clear, word) = (place.port().unwrap(), if tls { "implicit" } else { "none" });
        let limits = "[limits]\nsessions_before_login = 1000\nsessions_per_network = 100000\nconnections_per_minute = 1000000\n";
        let config = fs::read_to_string(daemon.config()).unwrap()
            + limits
            + &format!("[[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:{clear}\"\ntls = \"{word}\"\n");
        place.write("nologd.toml", config.as_bytes()).unwrap();
        daemon.restart(&program).unwrap();
        Front { _daemon: daemon, port: clear, tls }
    }

    /// Both in turns; who begins changes, as the mailboxes change too.
    fn holds(&self, place: &Place, name: &str, direct: u16) {
        let lines: String = MEMBERS.iter().map(|member| format!("{}:{}\n", member.address, member.password)).collect();
        let users = place.write("imaptest-users", lines.as_bytes()).unwrap();
        let mut ratios = Vec::new();
        for round in 0..=ROUNDS {
            let rate = |port| logins(&users, port, self.tls, round);
            let (through, without) = if round % 2 == 0 {
                let through = rate(self.port);
                (through, rate(direct))
            } else {
                let without = rate(direct);
                (rate(self.port), without)
            };
            println!("{name}: {through} logins in ten seconds, {without} direct");
            // The first one finds empty mailboxes.
            if round > 0 {
                ratios.push(f64::from(through) / f64::from(without));
            }
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ROUNDS / 2];
        println!("{name}: {median:.2} x direct, the median of {ROUNDS}");
        assert!(median >= BAR, "{median:.2} x direct");
    }
}

/// How often its clients logged in, in ten seconds.
fn logins(users: &Path, port: u16, tls: bool, seed: usize) -> u32 {
    let program = PathBuf::from(std::env::var_os("IMAPTEST").expect("IMAPTEST names the program"));
    let mut command = Command::new(&program);
    command.args(["host=127.0.0.1", "clients=20", "secs=10"]).args(tls.then_some("ssl=any-cert"));
    // It wants the name of somebody, and takes those of the file.
    command.arg(format!("user={}", MEMBERS[0].address));
    command.arg(format!("port={port}")).arg(format!("seed={seed}")).arg(format!("userfile={}", users.display()));
    command.arg(format!("mbox={}", program.parent().unwrap().join("tests/default.mbox").display()));
    let told = succeed(&mut command);
    // The last line has the sums, in the order of the first: logins are the first of them.
    let logins = told.lines().last().and_then(|line| line.split_whitespace().next()?.parse().ok());
    logins.unwrap_or_else(|| panic!("imaptest has told no sums:\n{told}"))
}
