//! What the mail server has, told to the real program: over its socket for usage, and by `usage load`. No Dovecot here; see
//! `tests/interop/push.rs` for that.
#![allow(clippy::unwrap_used)] // helpers of tests

use crate::alone;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alone::{House, Said, said};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const BACKEND: &str = "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\n";
const LISTENER: &str = "[[listen]]\nservice = \"usage\"\naddress = \"unix:@FOLDER@/run/usage.sock\"\ntls = \"none\"\n";

fn house() -> House {
    let house = House::start(&format!("{LISTENER}{BACKEND}"));
    house.done("association add velo --domain velo.example --mailboxes 3");
    house.done("mailbox set alice@velo.example --storage default");
    house
}

fn socket(house: &House) -> PathBuf {
    house.place.path("run/usage.sock")
}

/// Says it all, and returns what comes back of one line.
fn tell(socket: &Path, lines: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    line(&stream)
}

fn line(stream: &UnixStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

fn push(id: u64, user: &str, octets: u64, messages: u64) -> String {
    format!("B{id}\t{user}\t0\nS{id}\tpriv/quota/storage\t{octets}\nS{id}\tpriv/quota/messages\t{messages}\nC{id}\n")
}

/// Octets and messages of a mailbox.
fn used(house: &House, address: &str) -> (u64, u64) {
    let mailbox = &house.json(&format!("disclose {address}"))["mailbox"];
    (mailbox["octets"].as_u64().unwrap(), mailbox["messages"].as_u64().unwrap())
}

/// Waits for it: a push may be taken as one that began some time ago.
fn comes_to(house: &House, address: &str, wanted: (u64, u64)) {
    let end = Instant::now() + Duration::from_secs(15);
    while used(house, address) != wanted {
        assert!(Instant::now() < end, "{:?} and not {wanted:?}", used(house, address));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_push_is_answered_at_once_and_is_in_the_book() {
    let house = house();
    assert!(house.done("status").contains("usage pushed        never since the start"));
    let begin = Instant::now();
    assert_eq!(tell(&socket(&house), &format!("H3\t2\t0\t\tquota\n{}", push(1, "alice@velo.example", 7014, 1))), "O1\n");
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    comes_to(&house, "alice@velo.example", (7014, 1));
    // Of nobody, of a domain that is not ours, of a mailbox that the book does not know: no difference.
    for user in ["nobody", "", "alice@elsewhere.example", "bob@velo.example", "\u{1}t@velo.example"] {
        assert_eq!(tell(&socket(&house), &format!("H4\t0\t0\t\tquota\n{}", push(9, user, 1, 1))), "O9\n", "{user:?}");
    }
    for user in ["bob@velo.example", "alice@elsewhere.example"] {
        assert_eq!(house.nologd(&format!("disclose {user}")).code, 1, "nobody comes into the book by a push: {user}");
    }
    assert!(house.done("status").contains("usage pushed        yes, 1 mailbox\n"));
    assert_eq!(house.json("status")["pushed"], 1);
}

#[test]
fn who_speaks_otherwise_is_hung_up_on_and_silence_harms_nobody() {
    let house = house();
    let silent: Vec<_> = (0..200).map(|_| UnixStream::connect(socket(&house)).unwrap()).collect();
    let half = UnixStream::connect(socket(&house)).unwrap();
    (&half).write_all(b"B1\talice@velo.example\nS1\tpriv/quo").unwrap();
    let mut other = UnixStream::connect(socket(&house)).unwrap();
    other.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // A reset is an end too.
    assert_eq!(other.read(&mut [0; 10]).unwrap_or(0), 0);
    assert_eq!(tell(&socket(&house), &push(1, "alice@velo.example", 5, 1)), "O1\n");
    (&half).write_all(b"ta/storage\t6\nC1\n").unwrap();
    assert_eq!(line(&half), "O1\n");
    for stream in &silent {
        let mut stream = stream;
        stream.write_all(push(2, "alice@velo.example", 8, 2).as_bytes()).unwrap();
        assert_eq!(line(stream), "O2\n");
    }
    comes_to(&house, "alice@velo.example", (8, 2));
}

/// Above 4096 connections, one that was silent for longest goes for each that comes.
#[test]
fn the_number_of_connections_has_an_end() {
    // The other limits are small, so that as many files may be open here.
    let small = "[limits]\nsessions = 100\nsessions_before_login = 100\n";
    let house = House::start(&format!("{LISTENER}{BACKEND}{small}"));
    let room = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    if room.0 < 4400 {
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, room.1.min(65_536), room.1).unwrap();
    }
    let mut all = Vec::new();
    for number in 0..4100 {
        let stream = UnixStream::connect(socket(&house)).unwrap();
        (&stream).write_all(b"H4\t0\t0\t\tquota\nLx\tx\n").unwrap();
        assert_eq!(line(&stream), "N\n", "{number}");
        all.push(stream);
    }
    let closed = |stream: &UnixStream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut stream = stream;
        stream.read(&mut [0; 10]).is_ok_and(|count| count == 0)
    };
    assert!(all[..4].iter().all(closed) && !closed(&all[4]) && !closed(&all[4099]));
}

/// One that nobody listens at costs Dovecot four seconds for each delivery.
#[test]
fn the_socket_is_there_only_while_somebody_listens() {
    let mut house = house();
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket(&house)), 0o600, "its own user's alone: who can speak to it is believed");
    house.down(Signal::SIGTERM);
    assert!(!socket(&house).exists(), "it is still there after the stop");
    house.up();
    assert_eq!(tell(&socket(&house), &push(1, "alice@velo.example", 5, 1)), "O1\n");
    house.down(Signal::SIGKILL);
    assert!(is_socket(&socket(&house)) && UnixStream::connect(socket(&house)).is_err());
    house.up();
    assert_eq!(tell(&socket(&house), &push(1, "alice@velo.example", 6, 1)), "O1\n");

    // Another daemon at the same place does not start, and takes nothing away.
    let config = fs::read_to_string(house.config()).unwrap();
    let second = |change: &dyn Fn(&str) -> String| {
        house.place.write("second.toml", change(&config).as_bytes()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        said(command.args(["run", "--config"]).arg(house.place.path("second.toml")).output().unwrap())
    };
    let refused = second(&|text| text.replace("admin.sock", "other.sock"));
    assert!(refused.code == 1 && refused.errors.contains("cannot listen"), "{}", refused.errors);
    assert_eq!(tell(&socket(&house), &push(2, "alice@velo.example", 7, 1)), "O2\n");
    // One that fails after it has bound leaves nothing behind.
    let refused = second(&|text| text.replace("admin.sock", "other.sock").replace("usage.sock", "second.sock"));
    assert!(refused.code == 1 && refused.errors.contains("another nologd uses this state_dir"), "{}", refused.errors);
    assert!(!house.place.path("run/second.sock").exists());

    let grouped = House::start(&format!("{}group = \"games\"\n{BACKEND}", LISTENER));
    let games = nix::unistd::Group::from_name("games").unwrap().unwrap().gid.as_raw();
    assert_eq!((mode(&socket(&grouped)), fs::metadata(socket(&grouped)).unwrap().gid()), (0o660, games));
}

/// Without the rule that lets it, the kernel keeps the file where it is: nothing else was opened for it.
#[test]
fn only_the_rule_lets_the_file_be_removed() {
    let mut house = house();
    if house.json("status")["missing"].as_array().unwrap().contains(&json!("files")) {
        return; // a kernel without Landlock
    }
    house.down(Signal::SIGTERM);
    let (start, rest) = nologd::policy::sandbox::BUILT_IN.split_once("[[rule]]\nname   = \"remove-socket\"").unwrap();
    let (_, rest) = rest.split_once("[[rule]]").unwrap();
    house.place.make("policy", nologd::demo::Owner::me()).unwrap();
    house.place.write("policy/sandbox.toml", format!("{start}[[rule]]{rest}").as_bytes()).unwrap();
    let config = fs::read_to_string(house.config()).unwrap();
    let own = format!("{config}[policy]\ndirectory = \"{}\"\n", house.place.path("policy").display());
    house.place.write("nologd.toml", own.as_bytes()).unwrap();
    house.up();
    house.down(Signal::SIGTERM);
    assert!(socket(&house).exists());
}

/// `nologd usage load` with `input`.
fn load(house: &House, line: &str, input: &str) -> Said {
    let mut command = house.command(Path::new(env!("CARGO_BIN_EXE_nologd")), line);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    said(process.wait_with_output().unwrap())
}

#[test]
fn what_doveadm_prints_is_loaded() {
    let mut house = house();
    house.with_usage(&[("alice@velo.example", 795 << 20, 1200), ("carl@velo.example", 5, 1)]);
    let rows = |user: &str, kib: &str, messages: &str| {
        format!("{user}\tUser quota\tSTORAGE\t{kib}\t-\t0\n{user}\tUser quota\tMESSAGE\t{messages}\t-\t0\n")
    };
    let text = [
        "Username\tQuota name\tType\tValue\tLimit\t%\n".to_owned(),
        rows("Alice@velo.example", "7", "2"),
        rows("alice@velo.example", "3", "9"),
        rows("bob@velo.example", "100", "3"),
        rows("carl@velo.example", "-", "3"),
        rows("dora@velo.example", "1", "1"),
        rows("rose@elsewhere.example", "1", "1"),
        "nobody\tUser quota\tSTORAGE\t1\t-\t0\nsomething else\n".to_owned(),
    ]
    .concat();
    let told = load(&house, "usage load --json", &text);
    assert!(told.code == 0 && told.errors.is_empty(), "{}", told.errors);
    let totals: Value = serde_json::from_str(&told.out).unwrap();
    // The association has three mailboxes: one of bob and dora came in, in the order of the day.
    assert_eq!(totals, json!({ "loaded": 2, "not-in-the-book": 2, "elsewhere": 0, "not-understood": 3 }));
    assert_eq!(used(&house, "alice@velo.example"), (7 << 10, 9), "the largest of each");
    assert_eq!(used(&house, "carl@velo.example"), (5, 1), "unknown is not zero");
    let list = house.json("mailbox list");
    let counted = |address: &str| {
        let listed = list["mailboxes"].as_array().unwrap().iter().any(|one| one["address"] == address);
        listed.then(|| house.json(&format!("disclose {address}"))["mailbox"]["counted"] == true)
    };
    assert_eq!((counted("alice@velo.example"), counted("carl@velo.example")), (Some(true), Some(false)));
    let new: Vec<_> = ["bob@velo.example", "dora@velo.example"].into_iter().filter_map(counted).collect();
    assert_eq!(new, [true]);

    let told = load(&house, "usage load", &rows("alice@velo.example", "8", "9"));
    assert!(told.code == 0 && told.out.starts_with("loaded           1\n"), "{}", told.out);
    assert!(!told.out.contains('@'), "{}", told.out);
    let nothing = load(&house, "usage load", "");
    assert!(nothing.code == 1 && nothing.out.starts_with("loaded           0\n"), "{}", nothing.out);
}

#[test]
fn thirty_thousand_mailboxes_are_loaded_in_one_go() {
    let house = house();
    house.done("association set velo --mailboxes none");
    let mut text = String::new();
    for number in 0..30_000 {
        let user = format!("member-with-a-long-name-{number}@velo.example");
        text.push_str(&format!("{user}\tUser quota\tSTORAGE\t{number}\t-\t0\n{user}\tUser quota\tMESSAGE\t{number}\t-\t0\n"));
    }
    for _ in 0..2 {
        let begin = Instant::now();
        let told = load(&house, "usage load --json", &text);
        let totals: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(totals["loaded"], 30_000, "{} {}", told.out, told.errors);
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    }
    assert_eq!(used(&house, "member-with-a-long-name-29999@velo.example"), (29_999 << 10, 29_999));
    // A list is never whole in the daemon's memory: some megabytes of addresses, which the next list uses again.
    let before = house.memory();
    for _ in 0..4 {
        assert_eq!(house.json("mailbox list")["mailboxes"].as_array().unwrap().len(), 30_001);
    }
    let grown = house.memory().saturating_sub(before) >> 20;
    assert!(grown < 24, "four lists left {grown} MiB behind");
}

#[test]
fn kick_tells_how_many_sessions_were_ended() {
    let house = house();
    assert_eq!(house.done("mailbox kick alice@velo.example"), "alice@velo.example: 0 sessions were told to end.\n");
    let nothing = json!({ "address": "alice@velo.example", "sessions": 0, "pages": { "sessions": 0, "links": 0 } });
    assert_eq!(house.json("mailbox kick alice@velo.example"), nothing);
    let stranger = house.nologd("mailbox kick bob@velo.example");
    assert!(stranger.code == 1 && stranger.errors.contains("no such mailbox"), "{}", stranger.errors);
}
