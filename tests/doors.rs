//! Who stands in front: load balancers that say where their clients are, the onion listener, and several services behind one port.
//! Played here by the test itself, as they should be and as they should not; the real ones are in `balancers.rs` and `onion.rs`.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::{PATIENCE, Wire};

const BALANCER: [u8; 4] = [127, 0, 0, 1];
const STRANGER: [u8; 4] = [127, 0, 0, 2];

/// Listeners of the house's own are numbers 0 to 3; the first of these is number 4.
fn house(limits: &str, listens: &str) -> House {
    let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
    let mut settings = Settings::new(imap.port, relay.port);
    (settings.limits, settings.listens) = (limits.to_owned(), listens.to_owned());
    settings.backend = format!("pop3 = \"pop3://127.0.0.1:{}\"\n", imap.port);
    House::start(&settings)
}

fn port() -> u16 {
    wire::listen().1
}

fn listener(port: u16, tls: &str, more: &str) -> String {
    format!("[[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n{more}\n")
}

const NAMED: &str = "proxy_protocol = [\"127.0.0.1\"]";

/// Version 2 of the header, from IPv4 or IPv6.
fn binary(client: &str) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match client.parse::<std::net::IpAddr>().unwrap() {
        std::net::IpAddr::V4(v4) => {
            header.extend([0x11, 0, 12 + 5]);
            header.extend(v4.octets());
            header.extend([10, 0, 0, 1]);
        }
        std::net::IpAddr::V6(v6) => {
            header.extend([0x21, 0, 36 + 5]);
            header.extend(v6.octets());
            header.extend([0; 16]);
        }
    }
    header.extend([0x80, 0, 3, 225]);
    // Something behind the addresses: no more than noise.
    header.extend([4, 0, 2, 0, 0]);
    header
}

fn text(client: &str) -> Vec<u8> {
    let family = if client.contains(':') { "TCP6" } else { "TCP4" };
    let server = if client.contains(':') { "2001:db8::1" } else { "10.0.0.1" };
    format!("PROXY {family} {client} {server} 32768 993\r\n").into_bytes()
}

/// By the balancer, with this header.
fn behind(port: u16, header: &[u8]) -> Wire {
    let mut wire = Wire::from(BALANCER, port);
    wire.send(header);
    wire
}

fn log_in(wire: &mut Wire, user: &str, password: &str) -> String {
    wire.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
}

/// Stops it, and what it told of counted events then.
fn stopped(mut house: House) -> String {
    house.process.signal(Signal::SIGTERM);
    house.wait_for("nologd: stopped ");
    house.said()
}

#[test]
fn each_client_behind_a_balancer_has_a_budget_of_its_own() {
    let (implicit, upgraded) = (port(), port());
    let house = house(
        "sessions_per_network = 2\nwrong_passwords_per_network = 3\n",
        &[listener(implicit, "implicit", NAMED), listener(upgraded, "starttls", NAMED)].concat(),
    );
    let mut open = Vec::new();
    for header in [text as fn(&str) -> Vec<u8>, binary] {
        for client in ["192.0.2.1", "192.0.2.2", "2001:db8:1::1", "2001:db8:2::1"] {
            let mut wire = behind(implicit, &header(client)).secured();
            assert!(wire.line().starts_with("* OK"), "{client}");
            assert!(log_in(&mut wire, "alice", PASSWORD).contains("l OK"));
            open.push(wire);
        }
    }
    // Two of each are open, by one version and the other.
    assert!(behind(implicit, &text("192.0.2.1")).secured().ends(PATIENCE));
    assert!(behind(upgraded, &binary("2001:db8:1::2")).line().contains("(TOO-MANY-CONNECTIONS)"));
    assert!(behind(upgraded, &binary("192.0.2.3")).line().starts_with("* OK"));
    // The balancer itself is nobody's network, and a guesser behind it hinders nobody beside him.
    let mut guesser = behind(implicit, &text("192.0.2.9")).secured();
    guesser.line();
    for number in 0..4 {
        log_in(&mut guesser, &format!("user{number}"), &format!("wrong{number}"));
    }
    assert!(log_in(&mut guesser, "alice", PASSWORD).contains("(TOO-MANY-TRIES)"));
    let mut other = behind(implicit, &text("192.0.2.10")).secured();
    other.line();
    assert!(log_in(&mut other, "bob", PASSWORD).contains("l OK"));
    let said = stopped(house);
    assert!(!said.contains("proxy-header"), "{said}");
}

#[test]
fn a_header_may_come_in_pieces_and_takes_nothing_of_what_follows() {
    let port = port();
    let _house = house("", &listener(port, "implicit", NAMED));
    for header in [text("192.0.2.1"), binary("2001:db8::1"), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut wire = Wire::from(BALANCER, port);
        for octet in &header {
            wire.send(&[*octet]);
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut wire = wire.secured();
        assert!(wire.line().starts_with("* OK"));
        assert!(log_in(&mut wire, "alice", PASSWORD).contains("l OK"));
    }
}

#[test]
fn who_is_named_must_say_it_and_others_may_not() {
    let (implicit, plain, own) = (port(), port(), port());
    let listens = [listener(implicit, "implicit", NAMED), listener(plain, "starttls", NAMED), listener(own, "starttls", "")];
    let house = house("", &listens.concat());
    // A stranger without one is a client like any other.
    assert!(Wire::from(STRANGER, implicit).secured().line().starts_with("* OK"));
    assert!(Wire::from(STRANGER, plain).line().starts_with("* OK"));
    // An empty line is answered, and no start of anything.
    let mut typing = Wire::from(STRANGER, plain);
    typing.line();
    assert!(typing.send(b"\r\n") && typing.hear(PATIENCE));
    // With one it is closed, and what the header said was for nothing.
    for header in [text("192.0.2.1"), binary("192.0.2.1"), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut liar = Wire::from(STRANGER, implicit);
        liar.send(&header);
        assert!(liar.secured().ends(PATIENCE));
        for port in [plain, own] {
            let mut liar = Wire::from(STRANGER, port);
            assert!(liar.line().starts_with("* OK"));
            liar.send(&header[..9]);
            std::thread::sleep(Duration::from_millis(20));
            liar.send(&header[9..]);
            assert!(liar.ends(PATIENCE) && liar.heard.is_empty());
        }
    }
    // The balancer without one: TLS at once, a command, something else, a second header behind the first.
    assert!(Wire::from(BALANCER, implicit).secured().ends(PATIENCE));
    let mut bare = behind(plain, b"a LOGIN alice@asso.example right\r\n");
    assert!(bare.ends(PATIENCE) && bare.heard.is_empty());
    for wrong in [
        &b"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n"[..],
        b"PROXY TCP4 ::1 ::1 1 1\r\n",
        &[b'P'; 200],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd",
    ] {
        let mut wire = behind(plain, wrong);
        assert!(wire.ends(PATIENCE) && wire.heard.is_empty());
    }
    let mut twice = behind(plain, &[text("192.0.2.1"), text("192.0.2.2")].concat());
    assert!(twice.ends(PATIENCE));
    assert!(behind(implicit, &[binary("192.0.2.1"), binary("192.0.2.2")].concat()).secured().ends(PATIENCE));
    // Inside TLS it is a line like any other.
    let mut inside = behind(implicit, &text("192.0.2.1")).secured();
    inside.line();
    assert!(inside.ask("PROXY TCP4 192.0.2.9 10.0.0.1 1 1\r\n", "PROXY ").contains("BAD"));
    let said = stopped(house);
    for told in [
        "proxy-header-foreign listener=4 times=10",
        "proxy-header-foreign listener=5 times=10",
        "proxy-header-foreign listener=6 times=10",
        "proxy-header-missing listener=4 times=10",
        "proxy-header-missing listener=5 times=10",
    ] {
        assert!(said.contains(told), "{told}:\n{said}");
    }
}

/// A balancer looks each second whether we are there, in one of these ways.
#[test]
fn health_checks_are_silent() {
    let (implicit, plain) = (port(), port());
    let house = house("", &[listener(implicit, "implicit", NAMED), listener(plain, "starttls", NAMED)].concat());
    for _ in 0..20 {
        drop(Wire::from(BALANCER, plain));
        drop(Wire::from(BALANCER, implicit));
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
        assert!(behind(plain, local).line().starts_with("* OK"));
        assert!(behind(plain, b"PROXY UNKNOWN\r\n").line().starts_with("* OK"));
        drop(behind(implicit, local));
    }
    let said = stopped(house);
    assert!(!said.contains("times="), "{said}");
}

#[test]
fn a_slow_header_is_not_waited_for() {
    let port = port();
    let house = house("", &listener(port, "implicit", NAMED));
    let mut silent = Wire::from(BALANCER, port);
    // Whatever the length says, and whatever would be eaten of TLS by it.
    let mut greedy = behind(port, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x07\xf0").secured();
    let mut trickling = Wire::from(BALANCER, port);
    let began = Instant::now();
    for octet in text("192.0.2.1") {
        trickling.send(&[octet]);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(trickling.ends(PATIENCE) && silent.ends(PATIENCE) && greedy.ends(PATIENCE));
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert!(stopped(house).contains("proxy-header-missing listener=4 times=10"));
}

/// Connections that never say a word, of the balancer and of a stranger: both are bounded, and neither keeps anybody out.
#[test]
fn many_without_a_header_keep_nobody_out() {
    let port = port();
    let house = house("sessions_before_login = 300\nsessions_per_network = 100\n", &listener(port, "starttls", NAMED));
    let before = house.memory();
    let mut crowd = Vec::new();
    for number in 0..700 {
        crowd.push(Wire::from(BALANCER, port));
        if number % 2 == 0 {
            crowd.push(Wire::from(STRANGER, port));
        }
    }
    let mut member = behind(port, &text("192.0.2.1"));
    assert!(member.line().starts_with("* OK"));
    let mut direct = Wire::from([127, 0, 0, 3], port);
    assert!(direct.line().starts_with("* OK"));
    // Among those of the balancer the ones that wait longest left for the last.
    assert!(crowd[0].ends(PATIENCE), "the first of the balancer");
    assert!(house.memory() < before + 8 * 1024, "{} KiB", house.memory() - before);
    assert!(stopped(house).contains("crowded times=1000"));
}

#[test]
fn a_unix_socket_can_have_clients_with_addresses() {
    let port = port();
    let folder = std::env::temp_dir();
    let path = folder.join(format!("nologd-doors-{}-{port}.sock", std::process::id()));
    let listen = format!(
        "[[listen]]\nservice = \"imap\"\naddress = \"unix:{}\"\ntls = \"none\"\nproxy_protocol = [\"unix\"]\n",
        path.display()
    );
    let house = house("sessions_per_network = 1\n", &listen);
    let connect = |header: &[u8]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Whoever begins otherwise is closed before all of it is there.
        let _ = header.iter().try_for_each(|octet| stream.write_all(&[*octet]));
        let mut greeting = [0; 200];
        let count = stream.read(&mut greeting).unwrap_or(0);
        (stream, String::from_utf8_lossy(&greeting[..count]).into_owned())
    };
    let one = connect(&text("192.0.2.1"));
    let two = connect(&binary("2001:db8::1"));
    assert!(one.1.starts_with("* OK") && two.1.starts_with("* OK"), "{} {}", one.1, two.1);
    assert!(connect(&binary("192.0.2.1")).1.contains("(TOO-MANY-CONNECTIONS)"));
    assert_eq!(connect(b"a NOOP\r\n").1, "");
    let gone = UnixStream::connect(&path).unwrap();
    gone.shutdown(Shutdown::Both).unwrap();
    let said = stopped(house);
    assert!(said.contains("proxy-header-missing listener=4 times=10"), "{said}");
    let _ = std::fs::remove_file(path);
}

#[test]
fn at_the_onion_door_an_account_counts_and_an_address_does_not() {
    let (onion, circuits) = (port(), port());
    let door = "network = \"onion\"";
    let listens = [listener(onion, "none", door), listener(circuits, "none", &format!("{door}\n{NAMED}"))];
    let house =
        house("sessions_per_network = 2\nconnections_per_minute = 3\nwrong_passwords_per_account = 2\n", &listens.concat());
    // All come from one address, more than one network may.
    let mut open: Vec<_> = (0..10).map(|_| Wire::from(BALANCER, onion)).collect();
    assert!(open.iter_mut().all(|wire| wire.line().starts_with("* OK")));
    let told: Vec<_> = open.iter_mut().take(3).map(|wire| log_in(wire, "alice", PASSWORD)).collect();
    assert!(told[0].contains("l OK") && told[1].contains("l OK") && told[2].contains("(TOO-MANY-CONNECTIONS)"), "{told:?}");
    for number in 0..3 {
        log_in(&mut open[4], "bob", &format!("wrong{number}"));
    }
    assert!(log_in(&mut open[5], "bob", PASSWORD).contains("(TOO-MANY-TRIES)"));
    assert!(log_in(&mut open[6], "carol", PASSWORD).contains("l OK"));
    // Bob gets in by the ordinary listener.
    let mut direct = Wire::tls(house.ports.imaps);
    direct.line();
    assert!(log_in(&mut direct, "bob", PASSWORD).contains("l OK"));
    // As Tor writes the number of a circuit.
    let circuit =
        |number: u16| behind(circuits, format!("PROXY TCP6 fc00:dead:beef:4dad::ffff:{number:x} ::1 7 993\r\n").as_bytes());
    let mut one: Vec<_> = (0..4).map(|_| circuit(1)).collect();
    let greeted: Vec<_> = one.iter_mut().map(|wire| wire.line().starts_with("* OK")).collect();
    // In any order: each has a task of its own.
    assert_eq!(greeted.iter().filter(|greeted| **greeted).count(), 2);
    let mut two = circuit(2);
    assert!(
        two.line().starts_with("* OK") && log_in(&mut two, "bob", PASSWORD).contains("l OK"),
        "a first try, by a fresh circuit"
    );
    let said = stopped(house);
    assert!(!said.contains("proxy-header"), "{said}");
}

#[test]
fn the_client_names_its_service_in_tls() {
    let port = port();
    let listen = format!(
        "[[listen]]\nby_alpn = [\"web\", \"imap\", \"pop3\", \"submission\"]\naddress = \"127.0.0.1:{port}\"\ntls = \"implicit\"\n{NAMED}\n"
    );
    let house = house("sessions_per_network = 2\n", &listen);
    let s_client = |alpn: Option<&str>| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_quiet", "-connect", &format!("127.0.0.1:{port}"), "-bind", "127.0.0.5:0"]);
        command.args(alpn.iter().flat_map(|names| ["-alpn", names]));
        let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It listens until we close: one of these says goodbye.
        let _ = client.stdin.take().unwrap().write_all(b"QUIT\r\nq LOGOUT\r\n");
        let output = client.wait_with_output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for (names, greeting) in
        [("imap", "* OK"), ("pop3", "+OK"), ("submission", "220 "), ("smtp", "220 "), ("xmpp-client,pop3,imap", "+OK")]
    {
        let said = s_client(Some(names));
        assert!(said.contains(greeting), "{names}: {said}");
    }
    for names in [None, Some("h2"), Some("imaps"), Some("managesieve")] {
        let said = s_client(names);
        assert!(said.contains("alert no application protocol") || said.contains("alert number 120"), "{names:?}: {said}");
    }
    // A client with another library, a header in front, and the limits of the service.
    let one = || behind(port, &text("192.0.2.1")).secured_for("imap");
    let mut open = vec![one(), one()];
    for wire in &mut open {
        assert!(wire.line().starts_with("* OK") && log_in(wire, "alice", PASSWORD).contains("l OK"));
    }
    assert!(one().ends(PATIENCE), "the third of one network");
    // A browser reads pages by limits of its own, and is no session of its network.
    let mut reader = behind(port, &text("192.0.2.2")).secured_for("http/1.1");
    let page = reader.ask("GET /help HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n", "HTTP/1.1 ");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for _ in 0..2 {
        let mut wire = behind(port, &text("192.0.2.2")).secured_for("imap");
        let (line, said) = (wire.line(), log_in(&mut wire, "bob", PASSWORD));
        assert!(line.starts_with("* OK") && said.contains("l OK"), "{line}{said}");
        open.push(wire);
    }
    let page = reader.ask("GET /help HTTP/1.1\r\nHost: mail.nolog.example\r\nConnection: close\r\n\r\n", "</html>");
    assert!(page.contains("HTTP/1.1 200 OK\r\n"), "{page}");
    let mut liar = Wire::plain(house.ports.imaps);
    liar.send(&text("192.0.2.1"));
    assert!(liar.ends(PATIENCE));
    let said = stopped(house);
    assert!(said.contains("proxy-header-foreign listener=0 times=10"), "{said}");
}
