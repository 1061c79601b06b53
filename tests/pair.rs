//! Two nologd beside each other, a real keepalived, sshd and Dovecot, each machine a network namespace (docs/nodes.md): while the one that
//! judges is killed, stopped and cut off, the storage never holds more than the limit, and what an admin was answered stays.

#![allow(clippy::disallowed_macros, clippy::print_stdout, clippy::print_stderr)] // what was skipped, and what a long run found

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Plays `faults` for `seconds`, or once each; what is told at the end. None: not possible here, and why was said.
fn play(seconds: u64, faults: &[&str]) -> Option<Value> {
    for (program, package) in [
        ("keepalived", "keepalived"),
        ("nft", "nftables"),
        ("ssh", "openssh-client"),
        ("doveadm", "dovecot-core"),
        ("openssl", "openssl"),
    ] {
        let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        if !places.iter().any(|place| Path::new(place).join(program).exists()) {
            eprintln!("skipped: {program} is not installed (apt install {package})");
            return None;
        }
    }
    if !Path::new("/usr/sbin/sshd").exists() {
        eprintln!("skipped: sshd is not installed (apt install openssh-server)");
        return None;
    }
    let namespace = format!("nologd-try-{}", std::process::id());
    let ip = |word: &str| Command::new("ip").args(["netns", word, &namespace]).status().is_ok_and(|status| status.success());
    if !ip("add") || !ip("del") {
        eprintln!("skipped: no network namespaces here (root is needed)");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("nologd-pair-{}", std::process::id()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pair/play.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(env!("CARGO_BIN_EXE_nologd")).arg(&folder).arg(seconds.to_string()).args(faults);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}\nkept: {}", String::from_utf8_lossy(&output.stderr), folder.display());
    println!("{told}");
    said_nothing(&folder);
    let _ = std::fs::remove_dir_all(folder);
    Some(serde_json::from_str(&told).unwrap())
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

#[test]
fn a_pair_takes_over_and_no_limit_is_passed() {
    let Some(told) = play(0, &["kill", "stop", "cut-storage", "switch"]) else { return };
    judge(&told);
    for fault in told["faults"].as_array().unwrap() {
        assert!(fault["without_login"].as_f64().unwrap() < 10.0, "{told}");
    }
}

/// `cargo nextest run --run-ignored only --test kernel pair:: --no-capture`, twenty minutes.
#[test]
#[ignore = "twenty minutes of faults at random"]
fn a_pair_lives_through_twenty_minutes_of_faults() {
    let Some(told) = play(1200, &["random"]) else { return };
    judge(&told);
}
