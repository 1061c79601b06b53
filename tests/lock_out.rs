//! Nobody can lock a member out, and nobody can starve the house: over real sockets, with strangers who try.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

use nologd::demo::Place;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::Wire;

const HOME: [u8; 4] = [127, 0, 0, 1];
const STRANGER: [u8; 4] = [127, 0, 0, 31];

/// Ports of the house's own listeners.
struct Own {
    lmtp: u16,
    policy: u16,
    webmail: u16,
}

/// nologd with these limits, a socket for admins, and the house's own listeners.
fn house(limits: &str) -> (House, Own, Scripted) {
    house_with(limits, None)
}

fn house_with(limits: &str, files: Option<u64>) -> (House, Own, Scripted) {
    let (imap, relay, place) = (Scripted::imap(PASSWORD), Scripted::smtp(), Place::new().unwrap());
    let mut settings = Settings::new(imap.port, relay.port);
    let own = Own { lmtp: place.port().unwrap(), policy: place.port().unwrap(), webmail: place.port().unwrap() };
    let listen = |service: &str, port: u16| {
        format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n")
    };
    let listeners = [listen("lmtp", own.lmtp), listen("policy", own.policy), listen("webmail-imap", own.webmail)];
    settings.limits = format!("{limits}\n{}", listeners.concat());
    // One key more of the backend: its LMTP, which nobody has to answer.
    settings.relay.push_str("\"\nlmtp = \"lmtp://127.0.0.1:9");
    (settings.admin, settings.files) = (true, files);
    (House::start(&settings), own, imap)
}

fn imap(house: &House, source: [u8; 4], user: &str, password: &str) -> String {
    let mut client = Wire::from(source, house.ports.imaps).secured();
    client.line();
    client.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
}

fn submission(house: &House, source: [u8; 4], user: &str, password: &str) -> String {
    use base64::Engine as _;
    let mut client = Wire::from(source, house.ports.submissions).secured();
    client.line();
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}@asso.example\0{password}"));
    client.ask("EHLO x\r\n", "250 ");
    client.send(format!("AUTH PLAIN {secret}\r\n").as_bytes());
    client.line()
}

fn webmail(own: &Own, user: &str, password: &str) -> String {
    let mut client = Wire::plain(own.webmail);
    client.line();
    client.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
}

#[test]
fn strangers_do_not_lock_the_owner_out() {
    let (house, own, _backend) = house("wrong_password_forgiven_seconds = 600");
    assert!(imap(&house, HOME, "bob", PASSWORD).contains("l OK"));
    let tried = (0..30).map(|number| imap(&house, STRANGER, "bob", &format!("guess{number}")));
    let judged = tried.filter(|answer| answer.contains("(WRONG-PASSWORD)")).count();
    assert_eq!(judged, 11, "ten, and the one that used them up");
    assert!(imap(&house, STRANGER, "bob", PASSWORD).contains("(TOO-MANY-TRIES)"), "nor has a guesser another guess");
    // At home, at the webmail, and from a place where nothing was wrong.
    for source in [HOME, [127, 0, 0, 32], [127, 0, 0, 33]] {
        assert!(imap(&house, source, "bob", PASSWORD).contains("l OK"), "{source:?}");
        assert!(submission(&house, source, "bob", PASSWORD).starts_with("235 "), "{source:?}");
    }
    assert!(webmail(&own, "bob", PASSWORD).contains("l OK"));
    // Nor do those on other accounts from the same address: 31 shut everybody out behind it.
    for number in 0..40 {
        imap(&house, HOME, &format!("nobody{number}"), "guess");
    }
    assert!(imap(&house, HOME, "carol", PASSWORD).contains("(TOO-MANY-TRIES)"), "a stranger there");
    assert!(imap(&house, HOME, "bob", PASSWORD).contains("l OK"), "and none");
}

#[test]
fn another_spelling_of_an_account_is_no_further_guess() {
    let (house, _own, _backend) = house("wrong_password_forgiven_seconds = 600");
    let tried = (0..24).map(|number| imap(&house, STRANGER, &format!("bob+{number}"), &format!("guess{number}")));
    let judged = tried.filter(|answer| answer.contains("(WRONG-PASSWORD)")).count();
    assert_eq!(judged, 11, "ten, and the one that used them up");
    assert!(imap(&house, STRANGER, "BOB", PASSWORD).contains("(TOO-MANY-TRIES)"));
}

#[test]
fn a_right_password_ends_the_row_and_an_old_phone_hurts_nobody() {
    let (house, _own, _backend) = house("wrong_password_forgiven_seconds = 600");
    for round in 0..20 {
        assert!(imap(&house, HOME, "carl", &format!("old{round}")).contains("(WRONG-PASSWORD)"), "round {round}");
        assert!(imap(&house, HOME, "carl", PASSWORD).contains("l OK"), "round {round}");
    }
    // The same wrong one again and again, with nothing right in between: an eighth each.
    for round in 0..60 {
        assert!(imap(&house, HOME, "carl", "forgotten").contains("(WRONG-PASSWORD)"), "round {round}");
    }
    assert!(imap(&house, HOME, "carl", PASSWORD).contains("l OK"));
}

#[test]
fn an_empty_password_is_wrong_and_no_backend_is_asked() {
    let (house, _own, backend) = house("");
    let answer = imap(&house, HOME, "alice", "\"\"");
    assert!(answer.contains("l NO [AUTHENTICATIONFAILED] ") && answer.contains("(WRONG-PASSWORD)"), "{answer}");
    let answer = submission(&house, HOME, "alice", "");
    assert!(answer.starts_with("535 5.7.8 ") && answer.contains("(WRONG-PASSWORD)"), "{answer}");
    // What it takes is asked at the start; nothing else was said to it.
    assert!([&b""[..], b"n5 LOGOUT\r\n"].contains(&&*backend.heard()), "{}", backend.heard().escape_ascii());
    for _ in 0..40 {
        imap(&house, HOME, "alice", "\"\"");
    }
    assert!(imap(&house, HOME, "alice", PASSWORD).contains("l OK"), "and it counts as no guess");
}

#[test]
fn admins_see_which_account_is_slowed_and_lift_it() {
    let (house, _own, _backend) = house("wrong_password_forgiven_seconds = 600");
    assert_eq!(house.ask("blocks list"), "No account is slowed.\nNo network is slowed.\n");
    assert!(imap(&house, HOME, "bob", PASSWORD).contains("l OK"), "now it is in the book");
    for number in 0..12 {
        imap(&house, STRANGER, "bob", &format!("guess{number}"));
        imap(&house, STRANGER, "who-is-this", &format!("guess{number}"));
    }
    assert_eq!(house.ask("blocks list"), "bob@asso.example\n1 more names that are no mailbox here\nNo network is slowed.\n");
    assert!(house.ask("blocks lift bob@asso.example").contains("can be tried again"));
    assert!(imap(&house, STRANGER, "bob", PASSWORD).contains("l OK"));
    for number in 0..40 {
        imap(&house, [127, 0, 0, 34], &format!("name{number}"), "guess");
    }
    let json: serde_json::Value = serde_json::from_str(&house.ask("blocks list --json")).unwrap();
    assert_eq!(json, serde_json::json!({ "networks": 1, "others": 1, "accounts": [] }));
    house.ask("blocks lift --all");
    assert_eq!(house.ask("blocks list"), "No account is slowed.\nNo network is slowed.\n");
    assert!(!house.said().contains("bob") && !house.said().contains("127."), "{}", house.said());
}

/// Silent connections take places only from each other: the oldest goes.
fn the_house_lives_beside(house: &House, own: &Own, silent: &mut [Wire]) {
    assert!(silent.first_mut().unwrap().ends(wire::PATIENCE), "the oldest is still there");
    assert!(imap(house, HOME, "alice", PASSWORD).contains("l OK"), "a member");
    assert!(submission(house, HOME, "alice", PASSWORD).starts_with("235 "));
    assert!(webmail(own, "alice", PASSWORD).contains("l OK"));
    assert!(Wire::plain(own.lmtp).line().starts_with("220 "));
    let mut policy = Wire::plain(own.policy);
    policy.send(b"request=smtpd_access_policy\nrecipient=alice@asso.example\nsize=1\n\n");
    assert!(policy.line().starts_with("action="));
    let began = Instant::now();
    assert!(house.ask("status").contains("asso"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn silent_connections_starve_nobody() {
    let (house, own, _backend) = house("sessions_before_login = 50\nsessions_per_network = 40");
    let mut seated = Wire::from(HOME, house.ports.imaps).secured();
    seated.line();
    assert!(seated.ask(&format!("l LOGIN alice@asso.example {PASSWORD}\r\n"), "l ").contains("l OK"));
    let mut silent: Vec<_> = (0..80).map(|n| Wire::from([127, 0, 1, n % 4], house.ports.imaps)).collect();
    the_house_lives_beside(&house, &own, &mut silent);
    assert!(seated.ask("n NOOP\r\n", "n ").contains("n OK"), "who is logged in stays");
    assert!(house.said().matches("crowded").count() <= 4, "{}", house.said());
}

/// What is not enough is told beforehand too.
#[test]
fn check_tells_of_few_files() {
    let place = Place::new().unwrap();
    place.make("state", nologd::demo::Owner::me()).unwrap();
    let config = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\nuser = \"nobody\"\n[[listen]]\nservice = \"imap\"\n\
         address = \"127.0.0.1:1143\"\ntls = \"none\"\n[[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:10143\"\n",
        place.path("state").display()
    );
    let file = place.write("nologd.toml", config.as_bytes()).unwrap();
    let mut command = Command::new("prlimit");
    command.arg("--nofile=200:200").arg(env!("CARGO_BIN_EXE_nologd")).args(["check", "--config"]).arg(file);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("few descriptors: from here nologd could open 200 files"), "{said}");
    assert!(said.contains("LimitNOFILE="), "{said}");
}

#[test]
fn few_files_leave_the_house_its_own() {
    let (house, own, _backend) = house_with("", Some(200));
    assert!(house.said().contains("nologd: few-descriptors limit=200 needed="), "{}", house.said());
    let mut silent: Vec<_> = (0..80).map(|_| Wire::from(STRANGER, house.ports.imaps)).collect();
    the_house_lives_beside(&house, &own, &mut silent);
    assert!(!house.said().contains("accept-failed"), "{}", house.said());
    // And members, as many as there is room for.
    let mut members: Vec<_> = (0..40).map(|_| Wire::from(HOME, house.ports.imaps)).collect();
    members.truncate(4);
    assert!(house.ask("status").contains("asso"));
}

/// A daemon without file descriptors takes nobody from its queue, and one that hangs never answers.
#[test]
fn the_command_line_waits_for_nothing_without_an_end() {
    let place = Place::new().unwrap();
    let listen = |name: &str, queue| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(place.path(name)).unwrap()).unwrap();
        socket.listen(queue).unwrap();
        socket
    };
    let (_full, _silent) = (listen("full", 0), listen("silent", 10));
    let waiting: Vec<_> = (0..10)
        .map_while(|_| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.connect(&SockAddr::unix(place.path("full")).unwrap()).ok().map(|()| socket)
        })
        .collect();
    assert!(!waiting.is_empty() && waiting.len() < 10);
    for (name, words, most) in [("full", "takes no connections", 15), ("silent", "gave no answer in 20 s", 25)] {
        let began = Instant::now();
        let output =
            Command::new(env!("CARGO_BIN_EXE_nologd")).arg("status").arg("--socket").arg(place.path(name)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(words), "{said}");
        assert!(began.elapsed() < Duration::from_secs(most));
    }
}
