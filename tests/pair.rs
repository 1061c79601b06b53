//! Two nologd beside each other, a real keepalived, sshd and Dovecot, each machine a network namespace (docs/nodes.md): while the one that
//! judges is killed, stopped and cut off, the storage never holds more than the limit, and what an admin was answered stays. With the files that the package brings: `close-storage`,
//! `keepalived.conf` and the command of `nologd-node.service`.

#![allow(clippy::disallowed_macros, clippy::print_stdout)] // what a long run found

use crate::root;

use std::path::{Path, PathBuf};
use std::process::Command;

use nologd::demo::Place;
use serde_json::Value;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policy/backends");

/// What is needed, and the Debian package that has it: all of them stand in the Makefile's `TEST_PACKAGES`.
const PROGRAMS: &[(&str, &str)] = &[
    ("keepalived", "keepalived"),
    ("nft", "nftables"),
    ("ssh", "openssh-client"),
    ("sshd", "openssh-server"),
    ("doveadm", "dovecot-core"),
    ("openssl", "openssl"),
    ("ip", "iproute2"),
    ("pgrep", "procps"),
    ("python3", "python3-minimal"),
];

/// A network namespace, gone again in the end.
struct Namespace(String);

impl Namespace {
    fn new(word: &str) -> Namespace {
        root::needed();
        for (program, package) in PROGRAMS {
            let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
            let is_there = places.iter().any(|place| Path::new(place).join(program).exists());
            assert!(is_there, "{program} is not installed: apt install {package}, or `make test`");
        }
        let made = Namespace(format!("nologd-{word}-{}", std::process::id()));
        assert!(made.ip("add"), "no network namespaces here");
        made
    }

    fn ip(&self, word: &str) -> bool {
        Command::new("ip").args(["netns", word, &self.0]).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.ip("del");
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pair").join(name)
}

/// Plays `faults` for `seconds`, or once each; what is told at the end.
fn play(seconds: u64, faults: &[&str]) -> Value {
    // It makes its own; that it can is known then.
    drop(Namespace::new("try"));
    let folder = std::env::temp_dir().join(format!("nologd-pair-{}", std::process::id()));
    let mut command = Command::new("python3");
    command
        .arg(script("play.py"))
        .arg(env!("CARGO_BIN_EXE_nologd"))
        .arg(&folder)
        .arg(SHIPPED)
        .arg(seconds.to_string())
        .args(faults);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}\nkept: {}", String::from_utf8_lossy(&output.stderr), folder.display());
    println!("{told}");
    said_nothing(&folder);
    let _ = std::fs::remove_dir_all(folder);
    serde_json::from_str(&told).unwrap()
}

/// Words and numbers, and nobody.
fn said_nothing(folder: &Path) {
    for machine in ["a", "b"] {
        let said = std::fs::read_to_string(folder.join(machine).join("nologd.out")).unwrap();
        assert!(said.contains("nologd: standby") && said.lines().all(|line| line.starts_with("nologd: ")), "{said}");
        assert!(!said.contains('@') && !said.contains("velo") && !said.contains("10.77"), "{said}");
    }
    // The witness cannot read what it keeps.
    let copy = std::fs::read(folder.join("witness/copy")).unwrap();
    assert!(!copy.windows(4).any(|piece| piece == b"velo" || piece == b"{\"fo"));
}

fn judge(told: &Value) {
    let number = |key: &str| told[key].as_u64().unwrap();
    assert_eq!((number("above"), number("admin_lost")), (0, 0), "{told}");
    // Otherwise nothing was shown.
    let enough = number("looks") > 20 && number("admin_answered") > 20 && told["seen"]["stored"].as_u64().unwrap_or(0) > 100;
    assert!(enough && number("most") > number("limit") * 9 / 10, "{told}");
}

mod as_root {
    use super::*;

    #[test]
    fn a_pair_takes_over_and_no_limit_is_passed() {
        let told = play(0, &["kill", "stop", "cut-storage", "switch"]);
        judge(&told);
        for fault in told["faults"].as_array().unwrap() {
            assert!(fault["without_login"].as_f64().unwrap() < 10.0, "{told}");
        }
    }

    /// `make long LONG=a_pair_lives`: twenty minutes.
    #[test]
    #[ignore = "make long"]
    fn a_pair_lives_through_twenty_minutes_of_faults() {
        judge(&play(1200, &["random"]));
    }

    #[test]
    fn the_storage_is_closed_to_the_other_machine_by_both_protocols() {
        let namespace = Namespace::new("closed");
        let place = Place::new().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace.0, "python3"]).arg(script("closed.py"));
        let output = command.arg(Path::new(SHIPPED).join("close-storage")).arg(place.folder()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (all, other) = (serde_json::json!([993, 995, 4190, 24, 8993]), serde_json::json!([8993]));
        for (keep, code) in [("front-a", 0), ("front-b", 0), ("nobody", 1)] {
            assert_eq!(told[keep]["code"], code, "{told}");
            // A name that it does not know changes nothing.
            let kept = if keep == "nobody" { "front-b" } else { keep };
            for family in ["ip", "ip6"] {
                for who in ["front-a", "front-b", "webmail"] {
                    let key = format!("{who} {family}");
                    assert_eq!(told["before"][&key], all, "{told}");
                    let may = who == kept || who == "webmail";
                    assert_eq!(
                        told[keep]["reached"][&key],
                        if may { all.clone() } else { other.clone() },
                        "{keep}: {key}: {told}"
                    );
                }
            }
        }
        assert_eq!(told["under way"], serde_json::json!(["front-a ip", "front-a ip6", "webmail ip", "webmail ip6"]), "{told}");
        let asked = ["kill --signal=SIGKILL dovecot.service", "restart dovecot.service"];
        assert_eq!(told["asked"], serde_json::json!([asked, asked].concat()), "{told}");
    }
}
