//! The onion listener behind Debian's own Tor: a network of a few relays on loopback, as in Tor's own tests, with an onion service that leads
//! to nologd's sockets, and a client that comes through it.

#![allow(clippy::disallowed_methods)] // writes the configs of other programs
#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::Wire;

/// Who answers for the network, and the relays besides; each of both carries.
const AUTHORITIES: [&str; 3] = ["a1", "a2", "a3"];
const RELAYS: [&str; 4] = ["r1", "r2", "r3", "r4"];
/// From nothing to the first connection through it: some 40 seconds.
const BOOTSTRAP: Duration = Duration::from_secs(150);

/// One round of votes takes ten seconds, and all of them are good for all.
const VOTES: &str = "AuthoritativeDirectory 1\nV3AuthoritativeDirectory 1\nContactInfo authority@test.example\n\
    TestingV3AuthInitialVotingInterval 5\nTestingV3AuthInitialVoteDelay 2\nTestingV3AuthInitialDistDelay 2\n\
    V3AuthVotingInterval 10\nV3AuthVoteDelay 2\nV3AuthDistDelay 2\n\
    TestingDirAuthVoteGuard *\nTestingDirAuthVoteHSDir *\nTestingDirAuthVoteExit *\nTestingMinExitFlagThreshold 0\n";

/// Processes of Tor; they end with the test.
struct Tor {
    folder: PathBuf,
    running: Vec<Child>,
    socks: u16,
}

impl Drop for Tor {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn port() -> u16 {
    wire::listen().1
}

fn folder(path: PathBuf) -> PathBuf {
    fs::create_dir_all(&path).unwrap();
    // Tor takes no other.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|_| panic!("apt install tor"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The line that all of the network know an authority by, and its ports.
fn authority(folder: &Path, name: &str) -> (String, [u16; 2]) {
    let data = self::folder(folder.join(name));
    let keys = self::folder(data.join("keys"));
    let [or, dir] = [port(), port()];
    let mut gencert = Command::new("tor-gencert")
        .args(["--create-identity-key", "--passphrase-fd", "0", "-m", "12"])
        .args(["-a", &format!("127.0.0.1:{dir}")])
        .current_dir(&keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|_| panic!("apt install tor"));
    gencert.stdin.take().unwrap().write_all(b"passphrase\n").unwrap();
    assert!(gencert.wait().unwrap().success());
    let certificate = fs::read_to_string(keys.join("authority_certificate")).unwrap();
    let identity = certificate.lines().find_map(|line| line.strip_prefix("fingerprint ")).unwrap().to_owned();
    let empty = folder.join("empty");
    fs::write(&empty, "").unwrap();
    let somebody = format!("x 127.0.0.1:1 {}", "f".repeat(40));
    let mut list = Command::new("tor");
    list.args(["--quiet", "--list-fingerprint", "--orport", "1", "--nickname", name, "--dirauthority", &somebody, "-f"]);
    let told = String::from_utf8(run(list.arg(empty).arg("--datadirectory").arg(&data)).stdout).unwrap();
    let fingerprint = told.trim().strip_prefix(name).unwrap().replace(' ', "");
    (format!("DirAuthority {name} orport={or} no-v2 v3ident={identity} 127.0.0.1:{dir} {fingerprint}\n"), [or, dir])
}

impl Tor {
    /// The network, an onion service for each `(name, lines)`, and a client.
    fn start(folder: &Path, services: &[(&str, String)]) -> Tor {
        let made: Vec<_> = AUTHORITIES.iter().map(|name| authority(folder, name)).collect();
        let lines: String = made.iter().map(|(line, _)| line.as_str()).collect();
        let socks = port();
        let mut tor = Tor { folder: folder.to_owned(), running: Vec::new(), socks };
        for (name, (_, [or, dir])) in AUTHORITIES.iter().zip(&made) {
            tor.run(
                name,
                &format!("{lines}{VOTES}AssumeReachable 1\nAddress 127.0.0.1\nOrPort {or}\nDirPort {dir}\nSocksPort 0\n"),
            );
        }
        for name in RELAYS {
            tor.run(name, &format!("{lines}AssumeReachable 1\nAddress 127.0.0.1\nOrPort {}\nSocksPort 0\n", port()));
        }
        let served = services.iter().map(|(name, lines)| {
            format!("HiddenServiceDir {}\n{lines}", self::folder(folder.join("services")).join(name).display())
        });
        let served: String = served.collect();
        tor.run("services", &format!("{lines}SocksPort 0\n{served}"));
        tor.run("client", &format!("{lines}SocksPort 127.0.0.1:{socks}\n"));
        tor
    }

    fn run(&mut self, name: &str, lines: &str) {
        let data = folder(self.folder.join(name));
        let file = self.folder.join(format!("{name}.rc"));
        let text = format!(
            "TestingTorNetwork 1\nDataDirectory {}\nNickname {name}\nShutdownWaitLength 0\nLog notice file {}\n{lines}",
            data.display(),
            self.folder.join(format!("{name}.log")).display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("tor");
        command.arg("--quiet").arg("-f").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.push(command.spawn().unwrap());
    }

    /// A connection to the service `name`, on a circuit that it shares with the same `user`'s others alone. `None`: not yet.
    fn connect(&self, name: &str, user: &str) -> Option<Wire> {
        let host = fs::read_to_string(self.folder.join("services").join(name).join("hostname")).ok()?;
        let host = host.trim();
        let mut stream = TcpStream::connect(("127.0.0.1", self.socks)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let length = |text: &str| u8::try_from(text.len()).unwrap();
        // RFC 1928 3, RFC 1929 2, RFC 1928 4.
        stream.write_all(&[5, 1, 2]).ok()?;
        stream.read_exact(&mut [0; 2]).ok()?;
        stream.write_all(&[&[1, length(user)], user.as_bytes(), &[1, b'x']].concat()).ok()?;
        stream.read_exact(&mut [0; 2]).ok()?;
        stream.write_all(&[&[5, 1, 0, 3, length(host)], host.as_bytes(), &993u16.to_be_bytes()].concat()).ok()?;
        let mut answer = [0; 10];
        stream.read_exact(&mut answer).ok()?;
        (answer[1] == 0).then(|| Wire::new(stream))
    }

    fn first(&self, name: &str) -> Wire {
        let end = Instant::now() + BOOTSTRAP;
        loop {
            if let Some(wire) = self.connect(name, "first") {
                return wire;
            }
            let told = || fs::read_to_string(self.folder.join("client.log")).unwrap_or_default();
            assert!(Instant::now() < end, "Tor's network does not come up:\n{}", told());
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn log_in(wire: &mut Wire, user: &str, password: &str) -> String {
    wire.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
}

#[test]
fn members_come_through_tor_and_a_stranger_keeps_none_of_them_out() {
    let (backend, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let mut settings = Settings::new(backend.port, relay.port);
    let place = nologd::demo::Place::new().unwrap();
    let socket = |name: &str| place.path(&format!("{name}.sock")).display().to_string();
    let listen = |name: &str, more: &str| {
        format!(
            "[[listen]]\nservice = \"imap\"\naddress = \"unix:{}\"\ntls = \"none\"\nnetwork = \"onion\"\n{more}\n",
            socket(name)
        )
    };
    settings.listens = listen("plain", "") + &listen("circuit", "proxy_protocol = [\"unix\"]");
    settings.limits = "wrong_passwords_per_account = 2\nsessions_per_network = 3\n".to_owned();
    let mut house = House::start(&settings);
    // The second as docs/admin/doors.md has it.
    let service = |name: &str, more: &str| format!("HiddenServicePort 993 unix:{}\n{more}", socket(name));
    let services = [("plain", service("plain", "")), ("circuit", service("circuit", "HiddenServiceExportCircuitID haproxy\n"))];
    let tor = Tor::start(&folder(place.path("tor")), &services);

    let mut alice = tor.first("plain");
    assert!(alice.line().starts_with("* OK") && log_in(&mut alice, "alice", PASSWORD).contains("l OK"));
    // Where circuits are not told, whoever guesses keeps one account out, and no other.
    let mut stranger = tor.first("plain");
    stranger.line();
    let told: Vec<_> = (0..4).map(|n| log_in(&mut stranger, "bob", &format!("wrong{n}"))).collect();
    assert!(told[3].contains("(TOO-MANY-TRIES)"), "{told:?}");
    let mut bob = tor.first("plain");
    bob.line();
    assert!(log_in(&mut bob, "bob", PASSWORD).contains("(TOO-MANY-TRIES)"));
    assert!(log_in(&mut bob, "carol", PASSWORD).contains("l OK"));

    // Where they are, a circuit on which nothing was wrong gets in, and each has its own number of sessions.
    tor.first("circuit");
    let on = |user: &str| tor.connect("circuit", user).unwrap();
    let mut stranger = on("stranger");
    assert!(stranger.line().starts_with("* OK"));
    let told: Vec<_> = (0..4).map(|n| log_in(&mut stranger, "dave", &format!("wrong{n}"))).collect();
    assert!(told[3].contains("(TOO-MANY-TRIES)"), "{told:?}");
    let mut dave = on("dave");
    dave.line();
    assert!(log_in(&mut dave, "dave", PASSWORD).contains("l OK"));
    let mut crowd: Vec<_> = (0..4).map(|_| on("stranger")).collect();
    let greeted: Vec<_> = crowd.iter_mut().map(|wire| wire.line().starts_with("* OK")).collect();
    assert_eq!(greeted, [true, true, false, false], "three of one circuit");
    assert!(on("another").line().starts_with("* OK"));

    // Nothing of it went on to the mail server, and nothing was said of it.
    let heard = String::from_utf8_lossy(&backend.heard()).to_lowercase();
    assert!(!heard.contains("fc00:") && !heard.contains("proxy ") && !heard.contains("onion"));
    house.process.signal(Signal::SIGTERM);
    house.wait_for("nologd: stopped ");
    assert!(!house.said().contains("proxy-header"), "{}", house.said());
    drop((alice, dave));
}
