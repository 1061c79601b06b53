//! Reload survives how people save files: in place, by rename, behind a link, with rights that only root has; and says so where it cannot.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers of tests

use crate::{house, root};

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use house::{House, Settings};
use nix::sys::signal::Signal;
use nologd::demo::{Owner, Process, Program};

/// A daemon whose config is at `file`, with `mode`; and its config's text.
fn started(file: impl Fn(&House) -> PathBuf, mode: u32) -> (House, PathBuf, String) {
    let mut settings = Settings::new(1, 1);
    settings.admin = true;
    let mut house = House::start(&settings);
    house.process.signal(Signal::SIGTERM);
    assert_eq!(house.process.wait(Duration::from_secs(30)), Some(true));
    let text = fs::read_to_string(house.place.path("nologd.toml")).unwrap();
    let file = file(&house);
    fs::write(&file, &text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    start(&mut house, &file);
    (house, file, text)
}

fn start(house: &mut House, file: &Path) {
    let output = house.place.path("nologd.out");
    let _ = fs::remove_file(&output);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(file);
    house.process = Process::start(command, Program::Nologd, Some(&output)).unwrap();
    house.wait_for("nologd: started ");
}

/// The same text with one backend more: what a reload says tells whether it was read.
fn with_another(text: &str, name: &str) -> String {
    format!("{text}\n[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:1\"\n")
}

/// As sed -i, vim and ansible do.
fn save_by_rename(file: &Path, text: &str, mode: u32) {
    let temporary = file.with_extension("new");
    fs::write(&temporary, text).unwrap();
    fs::set_permissions(&temporary, Permissions::from_mode(mode)).unwrap();
    fs::rename(temporary, file).unwrap();
}

/// Sends SIGHUP and waits for `words`, said anew.
fn reload(house: &mut House, words: &str) {
    let count = |house: &House| house.said().matches(words).count();
    let before = count(house);
    house.process.signal(Signal::SIGHUP);
    let end = Instant::now() + Duration::from_secs(10);
    while count(house) <= before {
        assert!(Instant::now() < end && house.process.ended().is_none(), "never {words:?}:\n{}", house.said());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn in_a_folder_of_its_own_every_way_to_save_is_read() {
    let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o644);
    assert!(!house.said().contains("reload-limited"));
    save_by_rename(&file, &with_another(&text, "b2"), 0o644);
    reload(&mut house, "nologd: reloaded backends=2");
    fs::write(&file, &text).unwrap();
    reload(&mut house, "nologd: reloaded backends=1");
    save_by_rename(&file, &with_another(&with_another(&text, "b2"), "b3"), 0o644);
    reload(&mut house, "nologd: reloaded backends=3");
    // Neither an empty file nor four mistakes: it is not there.
    fs::remove_file(&file).unwrap();
    reload(&mut house, "nologd: config-unreadable error=2");
    save_by_rename(&file, "", 0o644);
    reload(&mut house, "nologd: reload-refused errors=4");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    reload(&mut house, "nologd: reload-refused errors=1");
    save_by_rename(&file, &text, 0o644);
    reload(&mut house, "nologd: reloaded backends=1");
}

/// Whatever only a restart takes over is named, part by part, and nothing else is.
#[test]
fn each_part_that_waits_for_a_restart_is_named() {
    let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o644);
    let on_top = |line: &str| format!("{line}\n{text}");
    let below = |lines: &str| format!("{text}\n{lines}\n");
    let instead = |line: &str, other: &str| {
        assert!(text.contains(line), "{line} is not in\n{text}");
        text.replacen(line, other, 1)
    };
    let policy = house.place.make("policy", Owner::me()).unwrap();
    let headers = fs::read_to_string("policy/headers.toml").unwrap();
    fs::write(policy.join("headers.toml"), headers.replacen("header_limit = 262144", "header_limit = 131072", 1)).unwrap();
    let mut parts = vec![
        ("listen", on_top("default_domain = \"asso.example\"")),
        // A group that the daemon, in its sandbox, cannot look up.
        (
            "listen",
            below("[[listen]]\nservice = \"policy\"\naddress = \"unix:/run/policy.sock\"\ntls = \"none\"\ngroup = \"daemon\""),
        ),
        ("tls", instead("default = \"mail.nolog.example\"", "default = \"mx.nolog.example\"")),
        ("limits", instead("[limits]\n", "[limits]\nsessions = 999\n")),
        ("limits", instead("[limits]\n", "[limits]\nlogin_seconds = 59\n")),
        ("limits", instead("[limits]\n", "[limits]\nrecipients = 9\n")),
        ("sending", below("[sending]\nmessages_per_hour = 7")),
        ("quota", below("[quota]\nover = \"defer\"")),
        ("pool", below("[pool]\nper_user = 2")),
        ("recipient_separator", on_top("recipient_separator = \"-\"")),
        ("hostname", instead("hostname = \"mail", "hostname = \"mx")),
        ("drain_seconds", instead("drain_seconds = 1", "drain_seconds = 2")),
        ("state_dir", instead("/state\"", "/other\"")),
        ("user", if text.contains("\nuser = ") { instead("\nuser = \"", "\nuser = \"x") } else { on_top("user = \"x\"") }),
        ("admin", below("[admin]\ngroup = \"daemon\"")),
        ("notices", below("[notices]\nfrom = \"courrier@nolog.example\"")),
        ("policy", below(&format!("[policy]\nallow_loosened = true\ndirectory = \"{}\"", policy.display()))),
        ("sandbox", on_top("sandbox = \"required\"")),
        ("places-for-the-kernel", below("[[backend]]\nname = \"b2\"\nimap = \"imap://127.0.0.1:2\"")),
        ("sieve", below("[sieve]\nforward = \"refuse\"")),
        ("help_url", on_top("help_url = \"https://aide.nolog.example/\"")),
        ("web", below("[web]\nurl = \"https://pages.nolog.example\"")),
        ("web", below("[web]\nmx = \"mx.nolog.example\"")),
        (
            "onion",
            format!(
                "onion = \"tqgfgdkxr4j22icnudxh2zmyqtp6xzldccyscugmvocba6fpeokhp5ad.onion\"\n{text}\n[[listen]]\nservice = \"imap\"\n\
                 address = \"unix:/run/onion.sock\"\ntls = \"none\"\nnetwork = \"onion\"\nproxy_protocol = [\"unix\"]\n"
            ),
        ),
        (
            "share",
            below(
                "[share]\nname = \"front-a\"\netcd = [\"http://127.0.0.1:2379\"]\nauthority = \"/a.pem\"\ncertificate = \"/c.pem\"\nkey = \"/c.key\"",
            ),
        ),
    ];
    // A folder of which the kernel was not told.
    if !house.ask("status").contains("no Landlock") {
        parts.push(("places-for-the-kernel", below("[policy]\ndirectory = \"/var/lib\"")));
    }
    for (part, text) in &parts {
        save_by_rename(&file, text, 0o644);
        reload(&mut house, "nologd: restart-needed");
        let said = house.said();
        let last = said.lines().rfind(|line| line.starts_with("nologd: restart-needed")).unwrap();
        let changed: Vec<_> = last.split("changed=").nth(1).unwrap().split(',').collect();
        // Some of them are also ports and folders that the kernel was told of; the onion has a listener, and limits of its own.
        let beside = |word: &str| word == "places-for-the-kernel" || *part == "onion" && matches!(word, "listen" | "limits");
        assert!(changed.contains(part) && changed.iter().all(|word| word == part || beside(word)), "{part}: {last}");
    }
    let before = house.said().matches("restart-needed").count();
    save_by_rename(&file, &text, 0o644);
    reload(&mut house, "nologd: reloaded");
    assert_eq!(house.said().matches("restart-needed").count(), before, "as it was at the start");
}

#[test]
fn in_a_shared_folder_it_is_said_what_cannot_be_read() {
    let name = format!("nologd-shared-{}.toml", std::process::id());
    let (mut house, file, text) = started(|_| std::env::temp_dir().join(&name), 0o644);
    house.wait_for("nologd: reload-limited why=1");
    fs::write(&file, with_another(&text, "b2")).unwrap();
    reload(&mut house, "nologd: reloaded backends=2");
    save_by_rename(&file, &text, 0o644);
    // Where the kernel has no Landlock, nothing is in the way.
    let landlock = !house.ask("status").contains("no Landlock");
    reload(&mut house, if landlock { "nologd: config-unreadable error=13" } else { "nologd: reloaded backends=1" });
    fs::remove_file(&file).unwrap();
}

/// A folder that is kept in version control, with a link to it.
#[test]
fn behind_a_link_a_new_file_is_read_too() {
    let link = |house: &House| {
        let real = house.place.make("real", Owner::me()).unwrap().join("nologd.toml");
        house.place.make("etc", Owner::me()).unwrap();
        fs::write(&real, "").unwrap();
        let link = house.place.path("etc/nologd.toml");
        symlink(real, &link).unwrap();
        link
    };
    let (mut house, _, text) = started(link, 0o644);
    save_by_rename(&house.place.path("real/nologd.toml"), &with_another(&text, "b2"), 0o644);
    reload(&mut house, "nologd: reloaded backends=2");
}

#[test]
fn associations_that_nobody_will_read_are_said() {
    let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o644);
    reload(&mut house, "nologd: reloaded");
    assert!(!house.said().contains("associations-unread"), "{}", house.said());
    let new = format!("{text}\n[[association]]\nname = \"late\"\ndomains = [\"late.example\"]\n");
    save_by_rename(&file, &new, 0o644);
    reload(&mut house, "nologd: associations-unread associations=1");
    let check = |house: &House| {
        let output = Command::new(env!("CARGO_BIN_EXE_nologd")).arg("check").arg("--config").arg(&file).output().unwrap();
        assert!(house.said().contains("started"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = check(&house);
    assert!(said.contains("[[association]] late: stands in the file and not in the book"), "{said}");
    house.process.signal(Signal::SIGTERM);
    assert_eq!(house.process.wait(Duration::from_secs(30)), Some(true));
    // Also without a daemon, from its store.
    assert!(check(&house).contains("association add late --domain late.example"));
    let state = house.place.path("state");
    let owner = fs::metadata(&state).unwrap().uid();
    let files = fs::read_dir(state.join("store")).unwrap().map(|entry| entry.unwrap());
    assert!(files.into_iter().all(|file| file.metadata().unwrap().uid() == owner), "a look left files of root behind");
    start(&mut house, &file);
    house.wait_for("nologd: associations-unread associations=1");
    house.ask("association add late --domain late.example");
    let before = house.said().matches("associations-unread").count();
    reload(&mut house, "nologd: reloaded");
    assert_eq!(house.said().matches("associations-unread").count(), before);
    assert!(!check(&house).contains("late"));
}

mod as_root {
    use super::*;

    #[test]
    fn what_only_root_reads_is_said_at_the_start_and_read_as_long_as_it_is_the_same_file() {
        root::needed();
        let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o600);
        house.wait_for("nologd: reload-limited why=2");
        fs::write(&file, with_another(&text, "b2")).unwrap();
        reload(&mut house, "nologd: reloaded backends=2");
        fs::write(&file, &text).unwrap();
        reload(&mut house, "nologd: reloaded backends=1");
        save_by_rename(&file, &with_another(&text, "b2"), 0o600);
        reload(&mut house, "nologd: config-unreadable error=13");
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        reload(&mut house, "nologd: reloaded backends=2");
    }

    #[test]
    fn a_new_file_that_only_root_reads_is_said_and_the_next_one_is_read() {
        root::needed();
        let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o644);
        save_by_rename(&file, &text, 0o600);
        reload(&mut house, "nologd: config-unreadable error=13");
        save_by_rename(&file, &text, 0o644);
        reload(&mut house, "nologd: reloaded backends=1");
    }

    /// Behind the sandbox nobody can look up a group's name any more.
    #[test]
    fn with_a_group_the_file_is_read_again_too() {
        root::needed();
        let (mut house, file, text) = started(|house| house.place.path("nologd.toml"), 0o644);
        house.process.signal(Signal::SIGTERM);
        assert_eq!(house.process.wait(Duration::from_secs(30)), Some(true));
        let text = format!("{text}\n[admin]\ngroup = \"mail\"\n");
        fs::write(&file, &text).unwrap();
        start(&mut house, &file);
        save_by_rename(&file, &with_another(&text, "b2"), 0o644);
        reload(&mut house, "nologd: reloaded backends=2");
    }
}
