//! What somebody who wanted to break it found: associations that are half gone, panels that are half read.
#![allow(clippy::unwrap_used)]

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::sync::stage::Stage;
use crate::sync::{TABLE, without};

/// The files are as they were when the daemon was killed: nothing was written at its end.
#[test]
fn nothing_is_left_of_an_association_that_goes_with_a_batch() {
    for (text, gone) in
        [(TABLE.replace("jardin;jardin.example", "potager;jardin.example"), "jardin"), (without("jardin"), "jardin")]
    {
        let mut stage = Stage::new();
        stage.csv(TABLE, "");
        stage.house.with_usage(&[("dora@jardin.example", 5 << 20, 3), ("alice@velo.example", 1 << 20, 1)]);
        assert_eq!(stage.csv(&text, "--yes").code, 0);
        stage.wait();
        assert_eq!(stage.csv(&text, "").code, 0);
        let after = stage.contents();
        assert!(!after.domains.values().any(|name| name == gone), "{after:?}");
        let kept = after.mailboxes.contains_key("dora@jardin.example");
        stage.house.down(Signal::SIGKILL);
        let check = stage.house.offline("store check");
        assert_eq!((check.code, check.errors.as_str()), (0, ""), "{}", check.out);
        let export = stage.house.offline("store export");
        let document: Value = serde_json::from_str(&export.out).unwrap();
        let keys: Vec<_> = document["usage"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(!keys.contains(&"level/jardin") && keys.contains(&"level/velo"), "{keys:?}");
        assert_eq!(keys.contains(&"usage/dora@jardin.example"), kept, "{keys:?}");
        let file = stage.write("export.json", &export.out);
        fs::remove_dir_all(stage.path("state/store")).unwrap();
        let import = stage.house.offline(&format!("store import {}", file.display()));
        assert_eq!(import.code, 0, "{}{}", import.out, import.errors);
        stage.house.up();
        assert_eq!(stage.contents(), after);
    }
}

/// A row that cannot be read may have been any mailbox.
#[test]
fn what_an_odd_row_may_have_been_is_not_gone() {
    let stage = Stage::new();
    stage.csv(TABLE, "");
    let whole = stage.contents();
    let kept = "SYNC-ROWS mailboxes or domains may be among what is left out: nothing is marked missing, moved or removed.";
    for (odd, reason) in [
        (TABLE.replace(";bob;", ";b ob;"), "csv: 1 rows are no addresses"),
        (TABLE.replace("velo;velo.example;bob", "jardin;velo.example;bob"), "csv: 1 rows give a domain to a second account"),
        (TABLE.replace("jardin;jardin.example", "jardin;jardin example"), "csv: 1 rows are no domains"),
        (TABLE.replace("jardin;jardin.example;dora", "potager;jardin.example;do ra"), "csv: 1 rows are no addresses"),
        (TABLE.replace("velo.example;bob", "velo.example;bob@else.example"), "csv: 1 rows belong to rows that are not there"),
        (TABLE.replace(";bob;", &format!(";{};", "b".repeat(70_000))), "csv: 1 rows have another form"),
    ] {
        for _ in 0..2 {
            let said = stage.csv(&odd, "--yes");
            assert!(said.code == 1 && said.errors.is_empty(), "{}{}", said.out, said.errors);
            assert!(said.out.contains(&format!("SYNC-ROWS {reason}")) && said.out.contains(kept), "{}", said.out);
            assert_eq!(stage.contents(), whole);
            stage.wait();
        }
        let state: Value = serde_json::from_slice(&stage.written().1).unwrap();
        assert_eq!(state["missing"], serde_json::json!({}), "{reason}");
    }
    // What is new comes all the same; a mark of before stays, and counts from the first run that knew.
    assert_eq!(stage.csv(&without("carl"), "").code, 0);
    stage.wait();
    let odd = format!("{}velo;velo.example;eve;1G;;;\n", without("carl").replace(";bob;", ";b ob;"));
    assert!(stage.csv(&odd, "").out.starts_with("SYNC-DONE mailboxes new 1, missing in the panel, not removed yet 1\n"));
    let now = stage.contents().mailboxes;
    assert!(
        now.contains_key("carl@velo.example") && now.contains_key("eve@velo.example") && now.contains_key("bob@velo.example")
    );
    assert_eq!(
        stage.csv(&odd.replace("b ob", "bob"), "").out,
        "SYNC-DONE mailboxes gone 1, aliases changed 0\n".replace(", aliases changed 0", "")
    );
    // A limit that cannot be read, or an alias, is no such row.
    let less = without("dora").replace(";2G;", ";much;");
    assert!(!stage.csv(&less, "--yes").out.contains(kept));
}

/// Two names that differ in what is no UTF-8 would be one.
#[test]
fn a_file_that_is_not_utf_8_is_refused_as_a_whole() {
    let stage = Stage::new();
    stage.csv(TABLE, "");
    let before = stage.contents();
    let mut latin = TABLE.as_bytes().to_vec();
    latin.extend(b"velo;velo.example;\xe9lise;1G;;;\nvelo;velo.example;\xe8lise;1G;;;\n");
    stage.house.place.write("latin.csv", &latin).unwrap_or_else(|trouble| panic!("{trouble}"));
    let said = stage.sync(&format!("--from csv --file {}", stage.path("latin.csv").display()));
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.errors.starts_with("nologd: SYNC-SOURCE csv: the file is not UTF-8: write it as UTF-8."), "{}", said.errors);
    assert_eq!(stage.contents(), before);
}
