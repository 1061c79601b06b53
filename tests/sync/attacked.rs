//! What somebody who wanted to break it found: associations that are half gone, panels that are half read.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

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

/// As when a column of limits was emptied, or is read in another unit.
#[test]
fn very_many_limits_do_not_change_at_once_without_a_yes() {
    let stage = Stage::new();
    let table = |limit: &str, others: &str| {
        let line = |number: usize| format!("velo;velo.example;m{number};{};;;\n", if number < 11 { limit } else { others });
        format!("association;domain;mailbox;storage;contact;alias;domain-alias\n{}", (0..40).map(line).collect::<String>())
    };
    // The book knows some of them without the panel: a first filling is none of this.
    stage.house.done("association add velo --domain velo.example");
    (0..12).for_each(|number| drop(stage.house.done(&format!("mailbox set m{number}@velo.example --storage default"))));
    assert_eq!(stage.csv(&table("1G", "1G"), "").code, 0);
    let before = stage.contents();
    for _ in 0..2 {
        let odd = format!("{}velo;velo.example;x y;1G;;;\n", table("1G", "2G"));
        let said = stage.csv(&odd, "");
        assert!(said.code == 1 && stage.contents() == before, "{}", said.out);
    }
    let said = stage.csv(&table("2G", "2G"), "--dry-run");
    assert!(said.errors.starts_with("nologd: SYNC-LIMITS ") && said.errors.contains("limits changed: "), "{}", said.errors);
    assert_eq!((stage.csv(&table("2G", "2G"), "--yes").code, stage.csv(&table("2G", "2G"), "").out.as_str()), (0, ""));
    assert_eq!(stage.csv(&table("2G", "2G").replace(";m0;2G", ";m0;3G").replace(";m1;2G", ";m1;3G"), "").code, 0);
}

/// A table of alias domains that was emptied, or is not there any more, looks like a panel that lost them.
#[test]
fn alias_domains_that_are_all_gone_stop_the_run() {
    let stage = Stage::new();
    let table = |standing: usize| {
        let mut text = TABLE.replace(";v.example", ";");
        (0..standing).for_each(|number| text.push_str(&format!("velo;velo.example;;;;;v{number}.example\n")));
        text
    };
    let standing = || stage.contents().standing.len();
    assert_eq!((stage.csv(&table(6), "").code, standing()), (0, 6));
    // The column itself is gone.
    let without: String = table(0).lines().map(|line| format!("{}\n", line.rsplit_once(';').unwrap().0)).collect();
    for text in [table(0), without, table(2)] {
        for _ in 0..2 {
            let said = stage.csv(&text, "");
            assert!(said.code == 1 && said.out.is_empty(), "{}{}", said.out, said.errors);
            stage.wait();
        }
        assert_eq!(standing(), 6);
    }
    let said = stage.csv(&table(0), "--dry-run");
    assert!(said.errors.contains("SYNC-HALF ") && said.errors.contains("2 domains, 0 alias domains, "), "{}", said.errors);
    // One more or less is anybody's work; and so is the last one, after a yes.
    for (count, agree) in [(5, ""), (4, ""), (3, ""), (2, ""), (1, ""), (0, "--yes")] {
        assert_eq!(stage.csv(&table(count), agree).code, 0, "{count}");
        stage.wait();
        assert_eq!((stage.csv(&table(count), "").code, standing()), (0, count));
    }
}

/// The state of a program of before, which did not count them.
#[test]
fn a_state_without_a_count_of_alias_domains_is_read() {
    let stage = Stage::new();
    assert_eq!(stage.csv(TABLE, "").code, 0);
    let file = stage.path("sync/state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    state["counts"].as_object_mut().unwrap().remove("standing").unwrap();
    fs::write(&file, state.to_string()).unwrap();
    assert_eq!(stage.csv(TABLE, "").code, 0);
}

/// Somebody by hand while the timer's run goes on.
#[test]
fn two_runs_never_write_at_the_same_time() {
    let stage = Stage::new();
    assert_eq!(stage.csv(TABLE, "").code, 0);
    let folder = fs::File::open(stage.path("sync")).unwrap();
    folder.lock().unwrap();
    let written = stage.written();
    for more in ["", "--yes", "--dry-run"] {
        let said = stage.csv(&without("bob;"), more);
        assert!(said.code == 1 && said.errors.contains("Another `nologd sync` is under way"), "{}{}", said.out, said.errors);
    }
    assert!(stage.written() == written);
    drop(folder);
    assert_eq!(stage.csv(&without("bob;"), "").code, 0);
}

/// Whoever runs the sync every ten minutes owns its folder; root may be the one to say yes.
#[test]
fn what_is_planted_in_the_folder_of_the_sync_leads_root_nowhere() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let stage = Stage::new();
    let victim = stage.write("victim", "precious");
    for planted in ["state.new", "state.json"] {
        symlink(&victim, stage.path("sync").join(planted)).unwrap();
    }
    stage.as_nobody();
    // A link is no state of ours.
    assert_eq!(stage.csv(TABLE, "--yes").code, 1);
    fs::remove_file(stage.path("sync/state.json")).unwrap();
    assert_eq!(stage.csv(TABLE, "--yes").code, 0);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    let of = |name: &str| fs::metadata(stage.path(name)).unwrap().uid();
    if nix::unistd::geteuid().is_root() {
        assert!(of("victim") == 0 && of("sync/state.json") == of("sync"));
    }
}

/// One forward of some megabytes, made by a member of one account.
#[test]
fn one_field_of_megabytes_is_its_own_accounts_trouble() {
    let stage = Stage::new();
    let many: String = (0..100_000).map(|number| format!("someone.or.other.{number}@elsewhere.example,")).collect();
    let dump = format!(
        "CREATE TABLE domain (domain text, quota int, backupmx int, active int);\nINSERT INTO domain VALUES ('a.example',0,0,1),('b.example',0,0,1);\n\
         CREATE TABLE mailbox (username text, quota int, active int);\nINSERT INTO mailbox VALUES ('bob@a.example',0,1),('bob@b.example',0,1);\n\
         CREATE TABLE alias (address text, goto text, active int);\n\
         INSERT INTO alias VALUES ('all@a.example','{many}',1),('info@b.example','bob@b.example',1),('info@a.example','bob@a.example',1);\n"
    );
    let file = stage.write("panel.sql", &dump);
    let said = stage.sync(&format!("--from postfixadmin --file {}", file.display()));
    assert_eq!((said.code, said.errors.as_str()), (1, ""), "{}", said.out);
    assert!(said.out.contains("SYNC-ROWS alias: 1 rows are more than one account or one alias may have"), "{}", said.out);
    let aliases: Vec<_> = stage.contents().aliases.into_keys().collect();
    assert_eq!(aliases, ["info@a.example", "info@b.example"]);
}

/// What an admin looks at before saying yes.
#[test]
fn a_dry_run_on_a_terminal_names_what_is_missing_also_when_a_brake_stops() {
    let stage = Stage::new();
    stage.csv(TABLE, "");
    let look = |text: &str| {
        let file = stage.write("panel.csv", text);
        let line = stage.line(&format!("--from csv --file {} --dry-run", file.display()));
        let mut script = std::process::Command::new("script");
        script.arg("-qec").arg(format!("{} {line}", env!("CARGO_BIN_EXE_nologd"))).arg("/dev/null");
        script.stdin(std::process::Stdio::null()).env("NOLOGD_SOCKET", stage.house.socket());
        String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
    };
    let bob = "? mailbox bob@velo.example: missing in the panel, stays for now";
    assert!(look(&without("bob;")).contains(bob));
    let stopped = look(&format!(
        "{}velo;velo.example;x y;;;;\n",
        without("jardin").replace(";bob;", ";b ob;").replace("alice;", "a lice;")
    ));
    assert!(stopped.contains(bob) && stopped.contains("SYNC-ROWS csv: "), "{stopped}");
    let stopped = look(&format!(
        "{}velo;velo.example;x;;;a b;\n",
        without("bob;")
            .replace("velo;velo.example;alice;2G", "velo;velo.example;alice;much")
            .lines()
            .filter(|line| !line.contains("carl"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    ));
    assert!(stopped.contains("SYNC-REMOVALS ") && stopped.contains("SYNC-ROWS csv: ") && stopped.contains(bob), "{stopped}");
}

/// A pipe that nobody writes to would keep the timer's run waiting for ever, and the next ones behind it.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let stage = Stage::new();
    let pipe = stage.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let shown = pipe.display().to_string();
    let settings = format!("from = \"postfixadmin\"\npassword_file = \"{shown}\"\n");
    for (line, word) in [
        (format!("--from csv --file {shown} --dry-run"), "that is no regular file"),
        (format!("--from alternc --file {shown} --dry-run"), "that is no regular file"),
        (
            format!("--from csv --file {} --map {shown} --dry-run", stage.write("panel.csv", TABLE).display()),
            "that is no regular file",
        ),
        (format!("--settings {shown}"), "is no regular file"),
        (format!("--settings {}", stage.write("password.toml", &settings).display()), "that is no regular file"),
    ] {
        let run = format!("10 {} {}", env!("CARGO_BIN_EXE_nologd"), stage.line(&line));
        let said = crate::alone::said(stage.house.command(Path::new("timeout"), &run).output().unwrap());
        assert!(matches!(said.code, 1 | 2) && said.errors.contains(word), "{line}: {} {}", said.code, said.errors);
    }
    let run = format!("10 {} check --file-only --config {shown}", env!("CARGO_BIN_EXE_nologd"));
    let said = crate::alone::said(stage.house.command(Path::new("timeout"), &run).output().unwrap());
    assert_eq!((said.code, said.errors), (1, format!("nologd: {shown}: is no regular file\n")));
}

/// A disk that takes the first of the two files that a run writes, and not the second.
#[test]
fn a_run_whose_changes_were_taken_does_not_say_that_nothing_was_changed() {
    let stage = Stage::new();
    let (between, folder) = (stage.path("between.sock"), stage.path("sync"));
    let listener = UnixListener::bind(&between).unwrap();
    let file = stage.write("panel.csv", "association;domain;mailbox;storage\nvelo;velo.example;alice;2G\n");
    let line = format!("--from csv --file {} --socket {}", file.display(), between.display());
    let daemon = stage.house.socket();
    let gone = stage.path("gone");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            let mut daemon = UnixStream::connect(&daemon).unwrap();
            daemon.write_all(asked.as_bytes()).unwrap();
            let mut told = Vec::new();
            daemon.read_to_end(&mut told).unwrap();
            // The first was written before this was asked for.
            if asked.contains("sync apply") {
                fs::rename(&folder, &gone).unwrap();
            }
            stream.write_all(&told).unwrap();
        }
    });
    let said = stage.sync(&line);
    assert!(said.code == 1 && said.errors.contains("The book was changed"), "{}{}", said.out, said.errors);
    assert!(!said.errors.contains("Nothing was changed") && stage.contents().mailboxes.len() == 1);
    fs::rename(stage.path("gone"), stage.path("sync")).unwrap();
    let again = stage.csv("association;domain;mailbox;storage\nvelo;velo.example;alice;2G\n", "");
    assert_eq!((again.code, again.errors.as_str()), (0, ""), "{}", again.out);
}
