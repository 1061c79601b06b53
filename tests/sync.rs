//! `nologd sync`, the real program beside a real daemon: a table of semicolons, dumps, and real MariaDB and PostgreSQL with panels in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)] // helpers of tests; they write what a panel is

#[path = "sync/attacked.rs"]
mod attacked;
#[cfg(feature = "sql")]
#[path = "sync/databases.rs"]
mod databases;
#[path = "sync/dovecot.rs"]
mod dovecot;
#[cfg(feature = "sql")]
#[path = "sync/live.rs"]
mod live;
#[path = "sync/many.rs"]
mod many;
#[path = "sync/model.rs"]
mod model;
#[path = "sync/panels.rs"]
mod panels;
#[path = "sync/stage.rs"]
mod stage;

use std::fs;

use serde_json::Value;
use stage::{Contents, Stage};

const TABLE: &str = "association;domain;mailbox;storage;contact;alias;domain-alias\n\
    velo;velo.example;alice;2G;tresor@elsewhere.example;;v.example\n\
    velo;velo.example;bob;;;;\n\
    velo;velo.example;carl;none;;;\n\
    velo;velo.example;info;;;alice@velo.example,bob@velo.example,x@elsewhere.example;\n\
    jardin;jardin.example;dora;1G;;;\n";

fn table() -> Contents {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Contents {
        domains: pairs(&[("velo.example", "velo"), ("jardin.example", "jardin")]),
        standing: pairs(&[("v.example", "velo.example")]),
        mailboxes: pairs(&[
            ("alice@velo.example", "2147483648"),
            ("bob@velo.example", "default"),
            ("carl@velo.example", "none"),
            ("dora@jardin.example", "1073741824"),
        ]),
        aliases: [("info@velo.example".to_owned(), vec!["alice@velo.example".to_owned(), "bob@velo.example".to_owned()])].into(),
    }
}

/// Without the lines that hold `text`.
fn without(text: &str) -> String {
    TABLE.lines().filter(|line| !line.contains(text)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_table_becomes_the_book_and_a_second_run_writes_nothing() {
    let stage = Stage::new();
    let dry = stage.csv(TABLE, "--dry-run");
    assert_eq!((dry.code, stage.contents()), (0, Contents::default()), "{}", dry.errors);
    // Standard output is no terminal: no name.
    assert!(dry.out.starts_with("SYNC-DRY-RUN associations new 2, domains new 3, mailboxes new 4") && !dry.out.contains("velo"));
    assert!(!stage.path("sync/state.json").exists());
    let first = stage.csv(TABLE, "");
    assert_eq!((first.code, first.errors.as_str()), (0, ""), "{}", first.out);
    assert_eq!(first.out, "SYNC-DONE associations new 2, domains new 3, mailboxes new 4, aliases changed 1\n");
    assert_eq!(stage.contents(), table());
    let velo = stage.house.json("association show velo");
    assert_eq!(velo["association"]["settings"]["contact"], "tresor@elsewhere.example");
    let written = stage.written();
    let second = stage.csv(TABLE, "");
    assert_eq!((second.code, second.out.as_str(), second.errors.as_str()), (0, "", ""));
    assert!(stage.written() == written);
    // It survives a restart, and a crash of the daemon.
    let mut stage = stage;
    stage.house.down(nix::sys::signal::Signal::SIGKILL);
    stage.house.up();
    assert_eq!(stage.contents(), table());
}

#[test]
fn a_limit_is_the_panels_until_somebody_sets_it_by_hand() {
    let stage = Stage::new();
    assert_eq!(stage.csv(TABLE, "").code, 0);
    let shown = |address: &str| stage.house.json(&format!("disclose {address}"))["mailbox"].clone();
    assert_eq!(shown("alice@velo.example")["limit-by"], "panel");
    stage.house.done("mailbox set bob@velo.example --storage 7M");
    stage.house.done("mailbox set carl@velo.example --storage default");
    let more = TABLE.replace("alice;2G", "alice;3G").replace("bob;", "bob;9G").replace("carl;none", "carl;8G");
    assert_eq!(stage.csv(&more, "").out, "SYNC-DONE limits changed 1\n");
    let limits = stage.contents().mailboxes;
    assert_eq!((&*limits["alice@velo.example"], &*limits["bob@velo.example"]), ("3221225472", "7340032"));
    assert_eq!(limits["carl@velo.example"], "default");
    assert_eq!(shown("bob@velo.example")["limit-by"], "hand");
    assert!(stage.house.done("disclose bob@velo.example").contains("by hand, whatever the panel says"));
    // What the panel cannot say well leaves the limit as it is.
    let odd = stage.csv(&more.replace("alice;3G", "alice;much"), "");
    assert_eq!(
        (odd.code, odd.out.as_str()),
        (1, "SYNC-ROWS csv: 1 rows have a limit that cannot be read: it stays as it is in the book.\n")
    );
    assert_eq!(stage.contents().mailboxes["alice@velo.example"], "3221225472");
    // Associations' limits are the book's, whatever is done there.
    stage.house.done("association set velo --storage 10G --no-contact --send-per-day 5");
    let before = stage.house.done("association show velo");
    stage.csv(TABLE, "");
    assert_eq!(stage.house.done("association show velo").lines().count(), before.lines().count());
    assert_eq!(stage.house.json("association show velo")["association"]["settings"]["contact"], Value::Null);
}

#[test]
fn a_mailbox_that_vanishes_is_marked_and_removed_an_hour_later() {
    let stage = Stage::new();
    stage.csv(TABLE, "");
    let less = without("bob;");
    assert_eq!(
        stage.csv(&less, "").out,
        "SYNC-DONE missing in the panel, not removed yet 1, aliases changed 1\n".replace(
            "missing in the panel, not removed yet 1, aliases changed 1",
            "aliases changed 1, missing in the panel, not removed yet 1"
        )
    );
    let marked = stage.written();
    assert_eq!((stage.csv(&less, "").code, stage.written() == marked), (0, true), "the hour is not over");
    assert!(stage.contents().mailboxes.contains_key("bob@velo.example"), "it is still served and counted");
    assert!(!String::from_utf8_lossy(&marked.1).contains("bob"));
    // It comes back: the mark is gone.
    stage.csv(TABLE, "");
    stage.wait();
    stage.csv(&less, "");
    assert!(stage.contents().mailboxes.contains_key("bob@velo.example"));
    stage.wait();
    assert_eq!(stage.csv(&less, "").out, "SYNC-DONE mailboxes gone 1\n");
    let gone = stage.contents();
    assert!(!gone.mailboxes.contains_key("bob@velo.example") && gone.mailboxes.len() == 3);
    assert_eq!(gone.aliases["info@velo.example"], ["alice@velo.example"]);
    let state: Value = serde_json::from_slice(&stage.written().1).unwrap();
    assert_eq!(state["missing"], serde_json::json!({}));
    // The files of the book forgot it as well.
    let folder = stage.path("state");
    let found = std::process::Command::new("grep").args(["-r", "bob@velo"]).arg(folder).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn a_panel_that_lost_much_changes_nothing_and_says_so_once() {
    let stage = Stage::new();
    let many: String = (0..100).map(|number| format!("velo;velo.example;m{number};1G;;;\n")).collect();
    let whole = format!("{TABLE}{many}");
    stage.csv(&whole, "");
    let before = stage.contents();
    let head = TABLE.lines().next().unwrap();
    let some = whole.lines().filter(|line| !line.contains(";m1")).map(|line| format!("{line}\n")).collect::<String>();
    let association = whole.lines().filter(|line| !line.contains("jardin")).map(|line| format!("{line}\n")).collect::<String>();
    for (text, word) in [
        (format!("{head}\n"), "SYNC-HALF"),
        (TABLE.to_owned(), "SYNC-HALF"),
        (association, "SYNC-ASSOCIATION"),
        (some, "SYNC-REMOVALS"),
        ("under maintenance".into(), "SYNC-SOURCE"),
        (String::new(), "SYNC-SOURCE"),
    ] {
        let said = stage.csv(&text, "");
        let again = stage.csv(&text, "");
        let told = said.errors.starts_with(&format!("nologd: {word} "))
            || (word == "SYNC-SOURCE" && said.errors.is_empty())
            || word == "SYNC-HALF" && said.errors.is_empty();
        assert!(said.code == 1 && told && said.out.is_empty(), "{word}: {}{}", said.out, said.errors);
        assert_eq!((again.code, again.errors.as_str()), (1, ""), "{word} is told once");
        assert!(!said.errors.contains("velo") && stage.contents() == before);
    }
    // Told again when something else was in between.
    assert_eq!(stage.csv(&whole, "").code, 0);
    let said = stage.csv(&format!("{head}\n"), "");
    assert!(
        said.errors.contains("SYNC-HALF missing: 104 of 104 mailboxes, 2 associations; the panel has 0 domains"),
        "{}",
        said.errors
    );
    for word in ["SYNC-HALF", "SYNC-DONE", "SYNC-DRY-RUN"] {
        assert_eq!(stage.house.nologd(&format!("help {word} --lang fr")).code, 0, "{word}");
    }
    // An admin agrees: still an hour, and then it needs nobody.
    let said = stage.csv(TABLE, "--yes");
    assert_eq!((said.code, said.out.as_str()), (0, "SYNC-DONE missing in the panel, not removed yet 100\n"), "{}", said.errors);
    assert_eq!(stage.contents(), before);
    stage.wait();
    assert_eq!(stage.csv(TABLE, "").out, "SYNC-DONE mailboxes gone 100\n");
    assert_eq!(stage.contents(), table());
    // So does a whole association.
    let rest = without("jardin");
    assert_eq!(stage.csv(&rest, "").code, 1);
    assert_eq!(stage.csv(&rest, "--yes").code, 0);
    stage.wait();
    assert_eq!(stage.csv(&rest, "").out, "SYNC-DONE associations gone 1, domains gone 1, mailboxes gone 1\n");
    assert!(!stage.contents().domains.contains_key("jardin.example"));
}

#[test]
fn what_is_moved_or_made_by_hand_stays() {
    let stage = Stage::new();
    stage.house.done("association add other --domain other.example --alias a@other.example=x@other.example");
    stage.house.done("mailbox set x@other.example --storage 1G");
    stage.csv(TABLE, "");
    let two = format!("{TABLE}velo;velo2.example;eve;1G;;;\n");
    stage.csv(&two, "");
    // By hand: the mailbox goes first, for a domain with mailboxes does not move by hand.
    stage.house.done("mailbox remove eve@velo2.example");
    stage.house.done("association set velo --no-domain velo2.example");
    stage.house.done("association set jardin --domain velo2.example");
    let said = stage.csv(&two, "");
    assert_eq!(said.out, "SYNC-DONE mailboxes new 1, domains moved by hand 1\n", "{}", said.errors);
    let now = stage.contents();
    assert_eq!((&*now.domains["velo2.example"], &*now.domains["other.example"]), ("jardin", "other"));
    assert!(now.mailboxes.contains_key("x@other.example") && now.aliases.contains_key("a@other.example"));
    let written = stage.written();
    assert_eq!(stage.csv(&two, "").out, "");
    assert!(stage.written() == written);
    // An alias that was made by hand, in a domain that is not the panel's, to what the panel makes an alias.
    stage.house.done("association set velo --domain hand.example --alias old@hand.example=bob@velo.example,alice@velo.example");
    let bob = two.replace("velo;velo.example;bob;;;;", "velo;velo.example;bob;;;alice@velo.example;");
    assert_eq!(stage.csv(&bob, "").code, 0);
    let now = stage.contents();
    assert_eq!(
        (&*now.aliases["old@hand.example"], &*now.aliases["bob@velo.example"]),
        (&["alice@velo.example".to_owned()][..], &["alice@velo.example".to_owned()][..])
    );
}

/// Mailboxes go with their domain, and what is in them.
#[test]
fn a_domain_that_goes_to_another_account_takes_its_mailboxes_along() {
    let mut stage = Stage::new();
    let two = format!("{TABLE}velo;velo2.example;eve;1G;;;\nvelo;velo2.example;to-eve;;;eve@velo2.example;\n");
    stage.csv(&two, "");
    stage.house.with_usage(&[("eve@velo2.example", 5 << 20, 3)]);
    let said = stage.csv(&two.replace("velo;velo2", "jardin;velo2"), "");
    assert_eq!((said.code, said.out.as_str()), (0, "SYNC-DONE domains moved 1\n"), "{}", said.errors);
    let now = stage.contents();
    assert_eq!((&*now.domains["velo2.example"], now.aliases.len()), ("jardin", 2));
    let eve = &stage.house.json("disclose eve@velo2.example")["mailbox"];
    assert_eq!(
        (eve["association"].as_str(), eve["octets"].as_u64() >= Some(5 << 20), eve["limit-by"].as_str()),
        (Some("jardin"), true, Some("panel"))
    );
    let used =
        |name: &str| stage.house.json(&format!("association show {name}"))["association"]["fill"]["octets"].as_u64().unwrap();
    assert_eq!((used("velo"), used("jardin") >= 5 << 20), (0, true));
    // The last domain: the association would be gone, and its limits.
    let said = stage.csv(&two.replace("jardin;", "velo;"), "");
    assert!(said.code == 1 && said.errors.contains("SYNC-ASSOCIATION"), "{}", said.errors);
    assert_eq!(stage.csv(&two.replace("jardin;", "velo;"), "--yes").out, "SYNC-DONE associations gone 1, domains moved 2\n");
    assert_eq!(stage.contents().mailboxes.len(), 5);
}

#[test]
fn a_number_of_mailboxes_holds_for_the_panel_too_and_a_contact_stays() {
    let stage = Stage::new();
    stage.house.done("association add velo --domain velo.example --mailboxes 2 --contact carl@velo.example");
    let said = stage.csv(TABLE, "");
    assert!(said.code == 0 && said.out.contains("above their association's number 1"), "{}{}", said.out, said.errors);
    assert_eq!(stage.contents().mailboxes.len(), 3);
    stage.house.done("association set velo --mailboxes 9");
    stage.csv(TABLE, "");
    assert_eq!(stage.csv(&without("carl;"), "").code, 0);
    stage.wait();
    stage.csv(&without("carl;"), "");
    assert!(stage.contents().mailboxes.contains_key("carl@velo.example"));
}

#[test]
fn what_is_typed_wrong_is_wrong_usage() {
    let stage = Stage::new();
    for line in ["", "--from csw", "--from csv --settings /nowhere.toml"] {
        assert_eq!(stage.sync(line.trim()).code, 2, "{line}");
    }
    // What stands there goes to the journal.
    for text in
        ["from = \"csv\"\npassword = \"canary\"\n", "from = \"csv\"\nport = \"canary\"\n", "from = \"csv\"\nuser = canary\n"]
    {
        let wrong = stage.write("wrong.toml", text);
        let said = stage.sync(&format!("--settings {}", wrong.display()));
        assert!(said.code == 2 && said.errors.contains("wrong.toml:2: "), "{}", said.errors);
        assert!(!said.errors.contains("canary") && !said.out.contains("canary"), "{}", said.errors);
    }
    for line in ["--from csv", "--from csv --file /nowhere.csv", "--from alternc --file /nowhere.sql", "--from postfix"] {
        let said = stage.sync(line);
        assert!(said.code == 1 && said.out.is_empty(), "{line}: {}", said.errors);
    }
    // A damaged state is no reason to begin anew in silence.
    fs::write(stage.path("sync/state.json"), "{").unwrap();
    let said = stage.csv(TABLE, "");
    assert!(said.code == 1 && said.errors.contains("state.json") && stage.contents() == Contents::default(), "{}", said.errors);
}
