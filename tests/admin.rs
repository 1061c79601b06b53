//! The admins' commands, with the real program on both ends of its socket.
#![allow(clippy::unwrap_used)] // helpers of tests

use crate::{alone, root};

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use alone::{House, said};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const BACKEND: &str = "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\n";

fn house() -> House {
    let house = House::start(BACKEND);
    house.done("association add velo --domain velo.example --storage 10G --mailbox-default 1G --mailboxes 20 --lang fr");
    house
}

#[test]
fn associations_are_added_shown_changed_and_removed() {
    let house = House::start(BACKEND);
    assert!(house.done("association list").contains("no association yet"));
    let told = house.done(
        "association add Velo --domain velo.example --domain velo2.example --domain-alias v.example=velo.example --storage 10G \
         --messages 5000 --mailbox-default 1G --mailboxes 20 --contact alice@velo.example --lang fr --senders domain \
         --backend store1 --alias info@velo.example=alice@velo.example,bob@velo.example --send-per-hour 100 \
         --mailbox-recipients-per-day 500",
    );
    assert!(told.starts_with("velo: was not there, is now:\n") && told.contains("10 G"), "{told}");
    let shown = house.json("association show velo");
    let settings = &shown["association"]["settings"];
    assert_eq!(shown["association"]["name"], "velo");
    assert_eq!(shown["association"]["aliases"], json!({ "info@velo.example": ["alice@velo.example", "bob@velo.example"] }));
    for (key, value) in [
        ("storage", json!(10u64 << 30)),
        ("messages", json!(5000)),
        ("mailbox-default", json!(1u64 << 30)),
        ("mailboxes", json!(20)),
        ("domains", json!(["velo.example", "velo2.example"])),
        ("domain-aliases", json!({ "v.example": "velo.example" })),
        ("contact", json!("alice@velo.example")),
        ("language", json!("fr")),
        ("sender-rule", json!("domain")),
        ("backend", json!("store1")),
        ("state", json!("active")),
    ] {
        assert_eq!(settings[key], value, "{key}");
    }
    assert_eq!(settings["sending"]["association"]["messages-per-hour"], 100);
    assert_eq!(settings["sending"]["mailbox"]["recipients-per-day"], 500);

    let told = house.done("association set velo --storage 5G --state leaving --until 2099-03-01 --send-per-day 900");
    for line in ["state         was active; is now leaving, until 2099-03-01", "storage       was 10 G; is now 5 G"] {
        assert!(told.contains(line), "{told}");
    }
    assert!(told.contains("was 100 messages an hour; is now 100 messages an hour, 900 messages a day"), "{told}");
    let change =
        house.json("association set velo --no-contact --no-backend --no-domain velo2.example --no-alias info@velo.example");
    assert_eq!(
        (&change["was"]["settings"]["contact"], &change["now"]["settings"]["contact"]),
        (&json!("alice@velo.example"), &json!(null))
    );
    assert_eq!(change["now"]["settings"]["domains"], json!(["velo.example"]));
    assert!(change["now"]["settings"]["backend"].is_null() && change["now"]["aliases"] == json!({}) && change["above"].is_null());
    assert!(house.done("association set velo --storage 5G").contains("is as it was"));
    assert!(house.done("association set velo --storage none").contains("was 5 G; is now no limit"));

    let told = house.done("association grant velo 2G --until 2099-03-01");
    assert!(told.contains("was none; is now 2 G until 2099-03-01"), "{told}");
    house.done("association set velo --storage 5G");
    assert_eq!(house.json("association show velo")["association"]["fill"]["storage"], 7u64 << 30);
    assert!(house.done("association show velo").contains("0 of 7 G, 0 %"));
    assert_eq!(house.json("association list")["associations"].as_array().unwrap().len(), 1);
    assert!(
        house
            .done("association list")
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("velo  leaving, until 2099-03-01  0 of 20    0 of 7 G, 0 %")
    );

    house.done("mailbox set alice@velo.example --storage 1G");
    assert_eq!(house.nologd("association remove velo").code, 1);
    assert!(house.done("association remove velo --with-mailboxes").starts_with("velo: was, and is no more:"));
    assert!(house.done("association list").contains("no association yet"));
}

#[test]
fn mailboxes_are_listed_set_refreshed_disclosed_and_removed() {
    let mut house = house();
    house.with_usage(&[("alice@velo.example", 795 << 20, 1200), ("bob@velo.example", 5, 1)]);
    let list = house.done("mailbox list");
    assert!(list.contains("alice@velo.example  velo         1200      796 M of 1 G, 77 %"), "{list}");
    assert_eq!(house.json("mailbox list --association velo")["mailboxes"].as_array().unwrap().len(), 2);
    let told = house.done("mailbox set alice@velo.example --storage 2G");
    assert!(told.contains("was 1 G (the association's default); is now 2 G (own limit)"), "{told}");
    let told = house.done("mailbox set alice@velo.example --storage 500M");
    assert!(told.contains("Warning: 296 M more than the new limit are in use; 1 mailbox holds more"), "{told}");
    let change = house.json("mailbox set alice@velo.example --storage 500M");
    assert_eq!(change["above"], json!({ "octets": 296 << 20, "full-mailboxes": 1 }));
    assert_eq!(house.json("mailbox set alice@velo.example --storage none")["now"]["storage"], Value::Null);
    assert_eq!(house.json("mailbox set alice@velo.example --storage default")["now"]["own-limit"], false);
    let told = house.done("mailbox set bob@velo.example --kind machine");
    assert!(told.contains("was a person; is now a machine") && !told.contains("storage"), "{told}");
    house.done("mailbox set bob@velo.example --storage 1G");
    house.down(Signal::SIGKILL);
    house.up();
    let both = house.json("mailbox set bob@velo.example --storage default");
    assert_eq!((&both["was"]["kind"], &both["was"]["own-limit"]), (&json!("machine"), &json!(true)));
    assert_eq!((&both["now"]["kind"], &both["now"]["own-limit"]), (&json!("machine"), &json!(false)));
    assert_eq!(house.json("disclose bob@velo.example")["mailbox"]["kind"], "machine");
    assert_eq!(house.json("mailbox set bob@velo.example --kind person")["now"]["kind"], "person");
    assert_eq!(house.nologd("mailbox set bob@velo.example").code, 2);
    assert_eq!(house.nologd("mailbox set bob@velo.example --kind robot").code, 2);

    let told = house.done("mailbox refresh alice@velo.example");
    assert!(told.contains("at its next login") && told.contains("no password"), "{told}");
    assert_eq!(house.json("mailbox refresh alice@velo.example")["refreshed"], "at-next-session");

    house.done("association set velo --contact alice@velo.example --alias info@velo.example=alice@velo.example");
    let held = house.json("disclose alice@velo.example");
    assert_eq!((&held["aliases"], &held["contact-of"]), (&json!(["info@velo.example"]), &json!(["velo"])));
    assert_eq!((&held["mailbox"]["octets"], &held["mailbox"]["messages"]), (&json!(795 << 20), &json!(1200)));
    assert!(
        ["this is what nologd keeps", "Not told, in memory only"]
            .iter()
            .all(|says| house.done("disclose alice@velo.example").contains(says))
    );

    let said = house.nologd("mailbox remove alice@velo.example");
    assert!(said.code == 1 && said.errors.contains("contact"), "{}", said.errors);
    house.done("association set velo --no-contact");
    assert!(house.done("mailbox remove alice@velo.example").contains("was, and is no more"));
    assert!(!found(&house.place.path("state"), b"alice@velo.example"), "the address is still in a file");
    assert_eq!(house.nologd("disclose alice@velo.example").code, 1);
}

#[test]
fn a_limit_below_the_usage_is_taken_with_a_warning() {
    let mut house = house();
    house.with_usage(&[("alice@velo.example", 3 << 30, 10)]);
    let told = house.done("association set velo --storage 1G --messages 4 --mailboxes 0");
    let warning = "Warning: 2 G more than the new limit are in use; 12 messages are above the new limit; 1 mailbox is above the new \
                   limit; 1 mailbox holds more than its own limit.\nNothing is deleted; new mail is refused until there is room.";
    assert!(told.contains(warning), "{told}");
    let above = &house.json("association set velo --storage 1G")["above"];
    assert_eq!(*above, json!({ "octets": 2u64 << 30, "messages": 12, "mailboxes": 1, "full-mailboxes": 1 }));
    assert!(house.done("association list").contains("3 G of 1 G, 300 %"));
}

#[test]
fn bad_input_gets_a_sentence_and_changes_nothing() {
    let house = house();
    house.done("association add jardin --domain jardin.example");
    house.done("mailbox set alice@velo.example --storage 2G");
    let state = || (house.json("association list"), house.json("mailbox list"));
    let before = state();
    for (line, code, sentence) in [
        ("association set velo --storage 10X", 2, "The units of a size are K, M, G and T"),
        ("association set velo --storage -1", 2, "cannot be negative"),
        ("association set velo --storage -1G", 2, "cannot be negative"),
        ("association set velo --storage 1.5G", 2, "whole number"),
        ("association set velo --storage 99999999999999G", 2, "larger than can be counted"),
        ("association set velo --messages 5G", 2, "no whole number"),
        ("association set velo --mailboxes -1", 2, "no whole number"),
        ("association set velo --state gone", 2, "active, read-only, suspended, leaving"),
        ("association set velo --state leaving", 2, "--until 2027-03-01"),
        ("association set velo --state active --until 2099-01-01", 2, "--state leaving"),
        ("association set velo --state leaving --until 2001-01-01", 2, "over already"),
        ("association set velo --state leaving --until 2099-02-30", 2, "no day"),
        ("association set velo --lang de", 2, "en and fr"),
        ("association set velo --senders all", 2, "mailbox and domain"),
        ("association set velo --contact nobody", 2, "no mail address"),
        ("association set velo --contact a@b.example --no-contact", 2, "cannot be used with"),
        ("association set velo --backend store2", 1, "no backend of that name"),
        ("association set velo --domain jardin.example", 1, "belongs to another association"),
        ("association set velo --domain velo.example", 1, "named twice"),
        ("association set velo --no-domain velo.example", 2, "at least one domain"),
        ("association set velo --domain b.example --no-domain velo.example", 1, "There are mailboxes in that domain"),
        ("association set velo --no-domain x.example", 1, "No association has that domain"),
        ("association set velo --no-alias x@velo.example", 1, "no such alias"),
        ("association set velo --alias i@velo.example=a@jardin.example", 1, "its own association"),
        ("association set velo --alias i@velo.example", 2, "Write it like"),
        ("association set velo --domain-alias x.example=jardin.example", 1, "No association has that domain"),
        ("association set nobody --storage 1G", 1, "nobody: There is no association of that name"),
        ("association set velo --colour red", 2, "unexpected argument"),
        ("association set", 2, "required"),
        ("association show nobody", 1, "no association of that name"),
        ("association show a/b", 2, "A name has letters"),
        ("association add velo --domain new.example", 1, "of that name exists"),
        ("association add new --domain velo.example", 1, "belongs to another association"),
        ("association add new --domain a.example --domain a.example", 1, "named twice"),
        ("association add new", 2, "at least one domain"),
        ("association add new --domain a.example --contact x@localhost", 2, "whom mail can reach"),
        ("association set velo --contact x@localhost", 2, "whom mail can reach"),
        ("association add new --domain not/one", 2, "no domain"),
        ("association add new --domain a.example --state leaving --until 2001-01-01", 2, "over already"),
        ("association remove velo", 1, "--with-mailboxes"),
        ("association remove nobody", 1, "no association of that name"),
        ("association grant velo 1G --until 2001-01-01", 2, "over already"),
        ("association grant velo -1G --until 2099-01-01", 2, "cannot be negative"),
        ("association grant velo 0 --until 2099-01-02", 1, "No extra storage ends on that day"),
        ("association grant velo 1G", 2, "--until"),
        ("mailbox set alice@velo.example --storage 10X", 2, "The units of a size"),
        ("mailbox set alice@elsewhere.example --storage 1G", 1, "No association has that domain"),
        ("mailbox set alice --storage 1G", 2, "no mail address"),
        ("mailbox set alice@velo.example", 2, "--storage"),
        ("mailbox remove bob@velo.example", 1, "no such mailbox"),
        ("mailbox refresh bob@velo.example", 1, "no such mailbox"),
        ("mailbox kick bob@velo.example", 1, "bob@velo.example: There is no such mailbox"),
        ("mailbox kick bob", 2, "no mail address"),
        ("usage", 2, "load"),
        ("mailbox list --association nobody", 1, "no association of that name"),
        ("disclose bob@velo.example", 1, "Nothing is kept"),
    ] {
        let said = house.nologd(line);
        assert!(
            said.code == code && said.errors.contains(sentence) && said.out.is_empty(),
            "{line}: {} {}",
            said.code,
            said.errors
        );
        assert!(state() == before, "{line} changed something");
    }
    let said = house.nologd("association show nobody --json");
    let error: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &error["error"]), (1, &json!("nobody: There is no association of that name.")));
}

#[test]
fn status_shows_associations_by_fill_and_no_activity() {
    let mut house = house();
    house.done("association add jardin --domain jardin.example --storage 1G");
    house.done("association add libre --domain libre.example");
    house.with_usage(&[("alice@velo.example", 1 << 30, 1), ("chloe@jardin.example", 900 << 20, 1), ("x@libre.example", 1, 1)]);
    let status = house.json("status");
    let names: Vec<_> = status["associations"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["jardin", "velo", "libre"]);
    assert_eq!(status["associations"][0]["fill"]["percent"], 88);
    assert_eq!(status["associations"][2]["fill"]["percent"], Value::Null);
    assert_eq!((&status["version"], &status["mailboxes"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(3)));
    assert_eq!(status["listeners"][0]["service"], "admin");
    assert_eq!(status["backends"], json!(["store1"]));
    assert_eq!(status["servers"][0], json!({"backend": "store1", "service": "imap", "state": "untried"}));
    let keys: Vec<_> = status.as_object().unwrap().keys().map(String::as_str).collect();
    let known = [
        "associations",
        "backends",
        "certificates",
        "client-hints",
        "incidents",
        "kept-outputs",
        "listeners",
        "loosened",
        "lost-outputs",
        "mailboxes",
        "missing",
        "not-enforced",
        "on-their-way",
        "placed",
        "policy",
        "pushed",
        "servers",
        "slowed-accounts",
        "slowed-networks",
        "store-unwritable",
        "version",
    ];
    assert_eq!(keys, known);
    let text = house.done("status");
    assert!(
        text.contains("88 %  jardin") && text.contains("904 M of 1 G, 88 %") && text.contains("3 associations, 3 mailboxes"),
        "{text}"
    );
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_socket_is_for_its_owner() {
    assert_eq!(mode(house().socket()), 0o600);
}

mod as_root {
    use super::*;

    #[test]
    fn only_those_who_may_can_speak_to_the_daemon() {
        root::needed();
        let house = house();
        // The program may be in a folder that others cannot enter.
        let program = house.place.path("nologd");
        fs::copy(env!("CARGO_BIN_EXE_nologd"), &program).unwrap();
        let as_user = |house: &House, uid: u32, gid: u32| {
            let mut command = house.command(&program, "status");
            said(command.uid(uid).gid(gid).output().unwrap())
        };
        let owner = fs::metadata(house.socket()).unwrap().uid();
        assert_ne!(owner, 0, "the daemon's own user has the socket");
        assert_eq!(as_user(&house, owner, 1).code, 0);
        let stranger = as_user(&house, 1, 1);
        assert!(stranger.code == 1 && stranger.errors.contains("you may not"), "{}", stranger.errors);
        // Even with a file that lets everybody in, the kernel tells who it is.
        fs::set_permissions(house.socket(), fs::Permissions::from_mode(0o666)).unwrap();
        let stranger = as_user(&house, 1, 1);
        assert!(stranger.code == 1 && stranger.errors.contains("You may not speak to this daemon"), "{}", stranger.errors);

        let grouped = House::start(&format!("[admin]\ngroup = \"games\"\n{BACKEND}"));
        let games = nix::unistd::Group::from_name("games").unwrap().unwrap().gid.as_raw();
        assert_eq!((mode(grouped.socket()), fs::metadata(grouped.socket()).unwrap().gid()), (0o660, games));
        assert_eq!(as_user(&grouped, 1, games).code, 0);
        assert_eq!(as_user(&grouped, 1, 1).code, 1);
    }
}

#[test]
fn what_was_done_survives_a_kill() {
    let mut house = house();
    for round in 1..=8u64 {
        house.done(&format!("association set velo --storage {round}G"));
        house.done(&format!("mailbox set m{round}@velo.example --storage {round}M"));
        house.down(Signal::SIGKILL);
        house.up();
        assert_eq!(house.json("association show velo")["association"]["settings"]["storage"], round << 30);
        let mailboxes = house.json("mailbox list");
        assert_eq!(mailboxes["mailboxes"].as_array().unwrap().len() as u64, round);
        assert_eq!(mailboxes["mailboxes"][round as usize - 1]["storage"], round << 20);
    }
    house.done("association remove velo --with-mailboxes");
    house.down(Signal::SIGKILL);
    assert!(!found(&house.place.path("state"), b"velo.example"), "what was removed is still in a file");
    house.up();
    assert_eq!(house.json("association list")["associations"], json!([]));
}

#[test]
fn the_daemon_is_found_by_socket_variable_or_config() {
    let mut house = house();
    let run = |args: &str, variable: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(args.split(' ')).env_remove("NOLOGD_SOCKET");
        variable.map(|socket| command.env("NOLOGD_SOCKET", socket));
        said(command.output().unwrap())
    };
    let (socket, config) = (house.socket(), house.config());
    let (socket, config) = (socket.display(), config.display());
    let nowhere = Path::new("/nowhere/admin.sock");
    assert_eq!(run(&format!("status --socket {socket}"), Some(nowhere)).code, 0);
    assert_eq!(run("status", Some(&house.socket())).code, 0);
    assert_eq!(run(&format!("status --config {config}"), None).code, 0);
    let said = run(&format!("status --config {config}"), Some(nowhere));
    assert!(said.code == 1 && said.errors.contains("no daemon has made this socket"), "{}", said.errors);
    // Last of all where the package has it. On a machine with the package, that daemon would answer.
    if !Path::new(nologd::config::SOCKET).exists() {
        let said = run("status", None);
        assert!(said.code == 1 && said.errors.contains(nologd::config::SOCKET), "{}", said.errors);
        assert!(said.errors.contains("--socket PATH"), "{}", said.errors);
    }
    house.down(Signal::SIGKILL);
    let said = run("status", Some(&house.socket()));
    assert!(said.code == 1 && said.errors.contains("does not run there any more"), "{}", said.errors);

    let bare = format!(
        "hostname = \"h.example\"\nstate_dir = \"/nowhere\"\n[[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:1\"\ntls = \"none\"\n{BACKEND}"
    );
    let bare = house.place.write("bare.toml", bare.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    let said = run(&format!("status --config {}", bare.display()), None);
    assert!(said.code == 1 && said.errors.contains("service = \"admin\""), "{}", said.errors);
}

#[test]
fn a_wrong_listener_or_group_is_refused() {
    let house = house();
    for (listen, wrong) in [
        ("address = \"127.0.0.1:1\"\ntls = \"none\"", "must be a Unix socket for admins"),
        ("address = \"unix:/run/a.sock\"\ntls = \"implicit\"", "cannot be a Unix socket where TLS is used"),
        ("address = \"unix:/run/a.sock\"\ntls = \"none\"\n[admin]\ngroup = \"no-such-group\"", "is no group of this machine"),
        ("address = \"unix:/run/a.sock\"\ntls = \"none\"\n[notices]\nfrom = \"nobody\"", "is no mail address"),
        ("address = \"unix:/run/a.sock\"\ntls = \"none\"\n[admin]\ncolour = \"red\"", "admin.colour is not known"),
    ] {
        let text =
            format!("hostname = \"h.example\"\nstate_dir = \"/nowhere\"\n[[listen]]\nservice = \"admin\"\n{listen}\n{BACKEND}");
        let file = house.place.write("wrong.toml", text.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        let said = house.nologd(&format!("check --config {}", file.display()));
        assert!(said.code == 1 && said.errors.contains(wrong), "{listen}: {}", said.errors);
    }
}

#[test]
fn the_socket_bears_whatever_comes() {
    let house = house();
    let answer = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(house.socket()).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert!(answer(b"\n").contains("not one line of JSON"));
    assert!(answer(b"\xff\xfe\n").contains("not one line of JSON"));
    assert!(answer(b"{\"nologd\":2,\"command\":\"status\"}\n").contains("different versions"));
    assert!(answer(b"{\"nologd\":1,\"command\":\"status\",\"x\":1}\n").contains("does not know all of this"));
    assert!(answer("[".repeat(60_000).as_bytes()).is_empty(), "half a request is none");
    assert!(answer(&[b'x'; 100_000]).contains("too long"));
    assert!(answer(("[".repeat(60_000) + "\n").as_bytes()).contains("not one line of JSON"));
    assert!(answer(b"{\"nologd\":1,\"command\":\"status\"}\n").starts_with("{\"done\":{"));
    // Peers that say nothing hold a seat each, but not the last one.
    let silent: Vec<_> = (0..15).map(|_| UnixStream::connect(house.socket()).unwrap()).collect();
    let begin = Instant::now();
    house.done("status");
    assert!(begin.elapsed() < Duration::from_secs(5));
    drop(silent);
}

#[test]
fn the_store_is_checked_exported_and_imported() {
    let mut house = house();
    house.done("mailbox set alice@velo.example --storage 2G");
    let file = house
        .place
        .write("export.json", house.offline("store export").out.as_bytes())
        .unwrap_or_else(|trouble| panic!("{trouble}"));
    for line in [format!("store import {}", file.display()), "store repair".to_owned()] {
        let said = house.offline(&line);
        assert!(said.code == 1 && said.out.is_empty() && said.errors.contains("Stop it first"), "{line}: {}", said.errors);
    }
    house.down(Signal::SIGTERM);
    let check = house.offline("store check");
    assert_eq!((check.code, check.out.as_str()), (0, "associations 1, mailboxes 1, aliases 0: all is well\n"));
    let findings: Value = serde_json::from_str(&house.offline("store check --json").out).unwrap();
    assert_eq!((&findings["well"], &findings["mailboxes"]), (&json!(true), &json!(1)));
    let export = house.offline("store export").out;
    let file = house.place.write("export.json", export.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    let import = format!("store import {}", file.display());
    let said = house.offline(&import);
    assert!(said.code == 1 && said.errors.contains("not empty"), "{}", said.errors);
    fs::remove_dir_all(house.place.path("state/store")).unwrap();
    let said = house.offline("store check");
    assert!(said.code == 1 && said.errors.contains("there is no store yet"), "{}", said.errors);
    house.place.write("broken.json", b"{}").unwrap_or_else(|trouble| panic!("{trouble}"));
    let said = house.offline(&format!("store import {}", house.place.path("broken.json").display()));
    assert!(said.code == 1 && said.errors.contains("is no export"), "{}", said.errors);
    let said = house.offline(&import);
    assert!(said.code == 0 && said.out == "imported: associations 1, mailboxes 1, aliases 0\n", "{}{}", said.out, said.errors);
    assert_eq!(house.offline("store export").out, export);
    house.up();
    assert_eq!(house.json("mailbox list")["mailboxes"][0]["storage"], 2u64 << 30);
}

/// Whether `bytes` are in any file below `folder`.
fn found(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return found(&path, bytes);
        }
        fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}
