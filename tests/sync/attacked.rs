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
