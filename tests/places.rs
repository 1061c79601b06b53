//! Mailboxes that are at several backends, told to the real program: whose usage is believed where it is known who speaks, and what admins hear of
//! mailboxes that nobody can reach. No mail server here; see `tests/moved.rs` for that.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::alone::{House, said};

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

/// A backend, and the socket at which it tells usage.
fn store(name: &str) -> String {
    format!(
        "[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:1\"\n\
         [[listen]]\nservice = \"usage\"\naddress = \"unix:@FOLDER@/run/{name}.sock\"\ntls = \"none\"\nbackend = \"{name}\"\n"
    )
}

/// Two of them, and a socket of nobody in particular. The first one is the default.
fn house() -> House {
    let anybody = "[[listen]]\nservice = \"usage\"\naddress = \"unix:@FOLDER@/run/anybody.sock\"\ntls = \"none\"\n";
    let house = House::start(&[&store("store1"), &store("store2"), anybody].concat());
    house.done("association add velo --domain velo.example");
    house.done(&format!("mailbox set {ALICE} --storage 1G"));
    house.done(&format!("mailbox set {BOB} --storage 1G"));
    house
}

fn push(house: &House, socket: &str, user: &str, octets: u64) {
    let mut stream = UnixStream::connect(house.place.path(&format!("run/{socket}.sock"))).unwrap();
    let lines =
        format!("H3\t2\t0\t{socket}\tquota\nB1\t{user}\t0\nS1\tpriv/quota/storage\t{octets}\nS1\tpriv/quota/messages\t1\nC1\n");
    stream.write_all(lines.as_bytes()).unwrap();
    let mut answer = [0; 3];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!(&answer, b"O1\n", "it is answered, whoever it is");
}

/// What the book has, and whether that is sure.
fn held(house: &House, user: &str) -> (u64, bool) {
    let mailbox = &house.json(&format!("disclose {user}"))["mailbox"];
    (mailbox["octets"].as_u64().unwrap(), mailbox["counted"].as_bool().unwrap())
}

fn comes_to(house: &House, user: &str, octets: u64) {
    let end = Instant::now() + Duration::from_secs(15);
    while held(house, user) != (octets, true) {
        assert!(Instant::now() < end, "{:?} and not {octets}", held(house, user));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn go(house: &House, user: &str, to: &str) {
    house.done(&format!("mailbox move {user} --nowhere"));
    house.done(&format!("mailbox move {user} {to}"));
}

#[test]
fn a_push_is_of_the_backend_whose_socket_it_comes_by() {
    let mut house = house();
    push(&house, "store2", ALICE, 900);
    push(&house, "store1", ALICE, 100);
    comes_to(&house, ALICE, 100);
    // Where nobody knows who speaks, it is taken as before: at home for what it says, and elsewhere for nothing.
    push(&house, "anybody", ALICE, 200);
    comes_to(&house, ALICE, 200);
    go(&house, ALICE, "--to store2");
    for socket in ["store1", "anybody"] {
        push(&house, socket, ALICE, 7);
    }
    assert_eq!(held(&house, ALICE), (200, false));
    // The name of the dictionary is the sender's own word, and counts for nothing.
    std::thread::sleep(Duration::from_secs(12));
    push(&house, "store2", ALICE, 300);
    comes_to(&house, ALICE, 300);
    push(&house, "store1", ALICE, 7);
    assert_eq!(held(&house, ALICE), (300, true));
    // Also after a kill.
    house.down(Signal::SIGKILL);
    house.up();
    push(&house, "store1", ALICE, 7);
    assert!(!held(&house, ALICE).1);
    push(&house, "store2", ALICE, 350);
    comes_to(&house, ALICE, 350);
    // Which one is the default is the config's of now; a listener keeps its name until the restart.
    push(&house, "store1", BOB, 40);
    comes_to(&house, BOB, 40);
    house.reload(|text| text.replacen("name = \"store2\"\n", "name = \"store2\"\ndefault = true\n", 1));
    push(&house, "store1", BOB, 41);
    assert_eq!(held(&house, BOB), (40, true));
    push(&house, "store2", BOB, 42);
    comes_to(&house, BOB, 42);
}

/// `nologd usage load` of these mailboxes, each with so many KiB: its exit code, and what it says.
fn load(house: &House, line: &str, rows: &[(&str, u64)]) -> (i32, Value) {
    let mut command = house.command(Path::new(env!("CARGO_BIN_EXE_nologd")), &format!("usage load --json{line}"));
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    for (user, kib) in rows {
        write!(pipe, "{user}\tUser quota\tSTORAGE\t{kib}\t-\t0\n{user}\tUser quota\tMESSAGE\t1\t-\t0\n").unwrap();
    }
    drop(pipe);
    let told = said(process.wait_with_output().unwrap());
    (told.code, serde_json::from_str(&told.out).unwrap_or_default())
}

#[test]
fn what_is_loaded_is_of_the_backend_that_is_named() {
    let house = house();
    let rows = [(ALICE, 3), (BOB, 4), ("new@velo.example", 5), ("x@elsewhere.example", 6)];
    let told = |loaded, strangers, elsewhere| json!({ "loaded": loaded, "not-in-the-book": strangers, "elsewhere": elsewhere, "not-understood": 0 });
    go(&house, BOB, "--to store2");
    assert_eq!(load(&house, " --backend store2", &rows), (0, told(1, 1, 2)));
    assert!(house.nologd("disclose new@velo.example").code == 1, "a copy that lies about makes no mailbox");
    // It was moved just now: what was read may be half of it.
    assert_eq!((held(&house, ALICE), held(&house, BOB)), ((0, false), (4 << 10, false)));
    assert_eq!(load(&house, " --backend store1", &rows), (0, told(2, 1, 1)));
    assert_eq!(held(&house, ALICE), (3 << 10, true));
    assert_eq!(load(&house, "", &[(ALICE, 2), (BOB, 1)]), (0, told(1, 0, 1)));
    assert_eq!(load(&house, "", &[(BOB, 1)]), (1, told(0, 0, 1)));
    assert_eq!(load(&house, " --backend store3", &rows).0, 1);
    let said = house.nologd("usage load --backend");
    assert_eq!(said.code, 2);
}

#[test]
fn mailboxes_that_nobody_can_reach_are_told() {
    let mut house = house();
    house.done("association add jardin --domain jardin.example --backend store2");
    house.done("mailbox set carl@jardin.example --storage 1G");
    go(&house, ALICE, "--to store2");
    house.done(&format!("mailbox move {BOB} --nowhere"));
    let check = |house: &House| house.nologd(&format!("check --config {}", house.config().display()));
    let status = house.json("status");
    assert_eq!((&status["placed"], &status["on-their-way"]), (&json!({ "store2": 2 }), &json!(1)));
    assert!(house.done("status").contains("    on their way        1 mailbox at no backend"));
    let said = check(&house);
    assert!(said.out.contains("[[listen]] usage: there are several backends"), "{}", said.out);
    assert!(said.out.contains("1 mailbox is on the way") && !said.errors.contains("store2: "), "{}{}", said.out, said.errors);
    let without = |text: String| {
        let (before, rest) = text.split_once("[[backend]]\nname = \"store2\"").unwrap();
        let (_, rest) = rest.split_once("backend = \"store2\"\n").unwrap();
        format!("{before}{rest}")
    };
    assert!(!house.output().contains("backend-missing"));
    house.reload(without);
    let lines = |house: &House| house.output().matches("nologd: backend-missing mailboxes=2\n").count();
    assert_eq!(lines(&house), 1, "{}", house.output());
    let text = house.done("status");
    assert!(text.contains("    backend             store2: NOT in the config; 2 mailboxes: no login"), "{text}");
    let said = check(&house);
    assert!(said.errors.contains("[[backend]] store2: 2 mailboxes are at it, and it is not in the file"), "{}", said.errors);
    // Also without a daemon, and at its start.
    house.down(Signal::SIGKILL);
    let said = check(&house);
    assert!(said.errors.contains("[[backend]] store2: 2 mailboxes are at it") && said.out.contains("1 mailbox is on the way"));
    house.up();
    assert_eq!(lines(&house), 2, "{}", house.output());
    house.done(&format!("mailbox move {BOB} --home"));
    house.done(&format!("mailbox move {ALICE} --nowhere"));
    house.done(&format!("mailbox move {ALICE} --home"));
    house.done("association set jardin --no-backend");
    house.reload(|text| format!("{text}\n# once more\n"));
    assert_eq!(lines(&house), 2);
    assert_eq!(house.json("status")["placed"], json!({}));
    assert!(!check(&house).errors.contains("store2"));
}

/// To keep where it was would be to keep its address.
#[test]
fn a_mailbox_that_is_removed_and_added_again_is_at_home() {
    let house = house();
    go(&house, ALICE, "--to store2");
    let said = house.done(&format!("mailbox remove {ALICE}"));
    assert!(said.contains("store2") && said.contains("before anybody logs in, say `mailbox move`"), "{said}");
    house.done(&format!("mailbox set {ALICE} --storage 1G"));
    let list = house.json("mailbox list");
    let alice = list["mailboxes"].as_array().unwrap().iter().find(|one| one["address"] == ALICE).unwrap();
    assert!(alice.get("place").is_none(), "{alice}");
    // What is still told of the one before is not of this one.
    push(&house, "store2", ALICE, 900);
    assert_eq!(held(&house, ALICE), (0, false));
    let said = house.done(&format!("mailbox remove {ALICE}"));
    assert!(!said.contains("mailbox move"), "{said}");
}
