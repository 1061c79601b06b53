//! `nologd store`: looked at while the daemon runs, mended when it does not, and never filled with what makes no sense.

#![allow(clippy::unwrap_used)] // helpers of tests
#![allow(clippy::disallowed_methods)] // damages files on purpose

use crate::alone;

use std::fs;
use std::process::Command;

use alone::House;
use nix::sys::signal::Signal;
use nologd::store::{self, Embedded};
use serde_json::{Value, json};

/// What is done to a good export, and what is said of it then.
type Case<'a> = (&'a dyn Fn(&mut Value), &'a str);

fn house() -> House {
    House::start("[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:9\"\n")
}

#[test]
fn export_and_check_while_the_daemon_runs() {
    let mut house = house();
    house.done("association add velo --domain velo.example --storage 1G");
    house.done("mailbox set alice@velo.example --storage 5M");
    let export = house.offline("store export");
    assert_eq!(export.code, 0, "{}", export.errors);
    let document: Value = serde_json::from_str(&export.out).unwrap();
    assert_eq!(document["records"]["association/velo"]["storage"], json!(1u64 << 30));
    assert_eq!(document["records"]["mailbox/alice@velo.example"], json!({ "storage": 5 << 20 }));
    // At once with the next change, and without what was removed.
    house.done("mailbox remove alice@velo.example");
    let document: Value = serde_json::from_str(&house.offline("store export").out).unwrap();
    assert_eq!(document["records"].get("mailbox/alice@velo.example"), None);
    assert!(house.offline("store check").out.contains("all is well"));
    let import = house.offline("store import /dev/null");
    assert!(import.code == 1 && import.errors.contains("is no export"), "{}", import.errors);
    let repair = house.offline("store repair");
    assert!(repair.code == 1 && repair.errors.contains("Stop it first"), "{}", repair.errors);
    house.down(Signal::SIGTERM);
    assert!(house.offline("store export").out.contains("association/velo"));
    let repair = house.offline("store repair");
    assert!(repair.code == 0 && repair.out.contains("nothing was to be done"), "{}", repair.out);
}

/// What `check` would complain about is refused before anything is written, with the same names.
#[test]
fn an_import_refuses_what_check_would_and_names_it() {
    let mut house = house();
    house.done("association add velo --domain velo.example --storage 1G");
    house.done("association add amis --domain amis.example --alias info@amis.example=eva@amis.example");
    house.down(Signal::SIGTERM);
    let good: Value = serde_json::from_str(&house.offline("store export").out).unwrap();
    let folder = house.place.path("state/store");
    let taken =
        |document: &mut Value| document["records"]["association/amis"]["domains"] = json!(["velo.example", "amis.example"]);
    let stranger = |document: &mut Value| document["records"]["mailbox/x@nobody.example"] = json!({ "storage": 5 });
    let unreadable = |document: &mut Value| document["records"]["mailbox/x@amis.example"] = json!({ "storage": "much" });
    let misplaced =
        |document: &mut Value| document["records"]["usage/x@amis.example"] = json!({ "octets": 5, "messages": 1, "level": 0 });
    let level = |document: &mut Value| document["usage"]["level/gone"] = json!({ "level": 80 });
    let itself = |document: &mut Value| document["records"]["loan/velo/velo/2030-01-01"] = json!({ "octets": 5 });
    let nothing = |document: &mut Value| document["records"]["loan/velo/amis/2030-01-01"] = json!({ "octets": 0 });
    let much = |document: &mut Value| document["records"]["loan/velo/amis/2030-01-01"] = json!({ "octets": 1u64 << 60 });
    let nobody = |document: &mut Value| document["records"]["loan/velo/gone/2030-01-01"] = json!({ "octets": 5 });
    let cases: [Case; 9] = [
        (&itself, "\"loan/velo/velo/2030-01-01\" contradicts itself"),
        (&nothing, "\"loan/velo/amis/2030-01-01\" contradicts itself"),
        (&much, "\"loan/velo/amis/2030-01-01\" contradicts itself"),
        (&nobody, "\"loan/velo/gone/2030-01-01\" belongs to no association"),
        (&taken, "\"association/velo\" contradicts itself, or claims a domain that another one has"),
        (&stranger, "\"mailbox/x@nobody.example\" belongs to no association"),
        (&unreadable, "\"mailbox/x@amis.example\" cannot be read"),
        (&misplaced, "\"usage/x@amis.example\" cannot be read"),
        (&level, "\"level/gone\" belongs to no association"),
    ];
    for (damage, named) in cases {
        let mut document = good.clone();
        damage(&mut document);
        house.place.write("bad.json", document.to_string().as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        fs::remove_dir_all(&folder).unwrap();
        let line = format!("store import {}", house.place.path("bad.json").display());
        let import = house.offline(&line);
        assert!(import.code == 1 && import.errors.contains(named), "{named}: {}", import.errors);
        assert!(import.errors.contains("nothing was imported") && !folder.exists(), "{named}");
        // The same names from `check`, where such a store is there all the same.
        store::import(&Embedded::open(&folder).unwrap(), &document.to_string()).unwrap();
        // For the daemon's user.
        let state = house.place.path("state");
        let owned = Command::new("chown").args(["-R", "--reference"]).args([&state, &folder]).status().unwrap();
        assert!(owned.success());
        let check = house.offline("store check");
        assert!(check.code == 1 && check.out.contains(named), "{named}: {}", check.out);
        assert_eq!(house.offline("store check --json").code, 1);
    }
    fs::remove_dir_all(&folder).unwrap();
    house.place.write("good.json", good.to_string().as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    let import = house.offline(&format!("store import {}", house.place.path("good.json").display()));
    assert!(import.out.contains("imported: associations 2, mailboxes 0, aliases 1"), "{}{}", import.out, import.errors);
    let again = house.offline(&format!("store import {}", house.place.path("good.json").display()));
    assert!(again.code == 1 && again.errors.contains("not empty"), "{}", again.errors);
    house.up();
    assert_eq!(house.json("association list")["associations"].as_array().unwrap().len(), 2);
}

/// The daemon mends by itself what nothing is lost of; the key of an old first start on a full disk does not stop it.
#[test]
fn a_damaged_store_and_an_empty_key_start() {
    let mut house = house();
    house.done("association add velo --domain velo.example --storage 1G");
    house.down(Signal::SIGTERM);
    let key = house.place.path("state/message-id.key");
    assert_eq!(fs::read(&key).unwrap().len(), 32);
    fs::write(&key, "").unwrap();
    fs::write(house.place.path("state/store/book-1/db"), "gone").unwrap();
    let repair = house.offline("store check");
    assert!(repair.code == 1 && repair.errors.contains("store repair"), "{}", repair.errors);
    house.up();
    assert!(house.output().contains("store-repaired records="), "{}", house.output());
    assert_eq!(house.json("association show velo")["association"]["settings"]["storage"], 1u64 << 30);
    assert_eq!(house.json("status")["store-unwritable"], false);
    assert_eq!(fs::read(&key).unwrap().len(), 32);
    house.down(Signal::SIGTERM);

    fs::write(house.place.path("state/store/book-1/db"), "gone").unwrap();
    let repair = house.offline("store repair");
    assert!(repair.code == 0 && repair.out.contains("nothing is lost"), "{}{}", repair.out, repair.errors);
    for file in ["db", "copy-a", "copy-b"] {
        fs::write(house.place.path(&format!("state/store/book-1/{file}")), "gone").unwrap();
    }
    let repair = house.offline("store repair --partial");
    assert!(repair.code == 1 && repair.errors.contains("nothing can be read"), "{}", repair.errors);
}
