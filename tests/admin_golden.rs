//! What each admin command prints on a filled book, byte for byte: for people, and with `--json` for machines, who rely on each key.
//!
//! To write the golden file anew: `NOLOGD_GOLDEN=write cargo nextest run --test plain admin_golden::`, and read the difference.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers of tests; the golden file is written anew where it is told to

use crate::alone;

use std::fs;
use std::path::Path;

use alone::House;

const BACKEND: &str = "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\n";

/// Fills the book; printed too.
const FILLING: &[&str] = &[
    "association add velo --domain velo.example --domain velo2.example --domain-alias v.example=velo.example --storage 10G --messages 5000 \
     --mailbox-default 1G --mailboxes 20 --contact alice@velo.example --lang fr --senders domain --backend store1 \
     --alias info@velo.example=alice@velo.example,bob@velo.example --send-per-hour 100 --mailbox-recipients-per-day 500",
    "association add jardin --domain jardin.example --state leaving --until 2099-03-01",
    "association add libre --domain libre.example --storage none --state read-only --mailbox-send-per-hour 3",
    "association grant velo 2G --until 2099-03-01",
    "mailbox set bob@velo.example --storage 2G",
    "mailbox set cron@velo.example --kind machine",
    "mailbox set chloe@jardin.example --storage none --kind machine",
];

/// What is in the mailboxes then.
const USAGE: &[(&str, u64, u64)] = &[
    ("alice@velo.example", 795 << 20, 1200),
    ("bob@velo.example", 5, 1),
    ("chloe@jardin.example", (3 << 30) + 12_345, 77_001),
    ("dora@velo2.example", 0, 0),
    ("x@libre.example", 123_456_789, 4_321),
];

/// Each is run twice: as it stands here, and with `--json`. Those that change something are as they were after the first time.
const LINES: &[&str] = &[
    "status",
    "association list",
    "association show velo",
    "association show jardin",
    "association show libre",
    "association set velo --storage 10G",
    "association set velo --storage 512M --messages 4 --mailboxes 2",
    "association set velo --storage 10G --messages none --mailboxes 20 --mailbox-default 500M --state suspended --lang en --senders mailbox",
    "association set velo --state leaving --until 2099-12-31 --no-contact --no-backend --no-domain v.example --no-alias info@velo.example",
    "association set velo --alias info@velo.example=bob@velo.example --domain-alias v.example=velo2.example --contact carl@x.example",
    "association set velo --send-per-day 7 --recipients-per-hour 8 --recipients-per-day 9 --mailbox-send-per-day 10 --mailbox-send-per-hour none",
    "association grant velo 1G --until 2099-05-01",
    "mailbox list",
    "mailbox list --association velo",
    "mailbox list --association libre",
    "mailbox set alice@velo.example --storage 500M",
    "mailbox set alice@velo.example --storage default",
    "mailbox set alice@v.example --kind machine --storage none",
    "mailbox set alice@velo.example --kind person",
    "mailbox set new@velo.example --storage 1G",
    "mailbox refresh alice@velo.example",
    "mailbox kick alice@velo.example",
    "disclose alice@velo.example",
    "disclose bob@velo.example",
    "disclose info@velo.example",
    "disclose carl@x.example",
    "disclose chloe@jardin.example",
    "blocks list",
    "blocks lift --all",
    "blocks lift alice@velo.example",
    "incident list",
    "incident start alice@velo.example --minutes 7",
    "incident list",
    "incident show alice@velo.example",
    "disclose alice@velo.example",
    "incident stop alice@velo.example",
    "incident start alise@velo.example --minutes 7",
    "mailbox remove new@velo.example",
    "mailbox remove carl@x.example",
    "association remove velo",
    "association remove libre --with-mailboxes",
    "association show nobody",
    "association add velo --domain a.example",
    "association add nodot --domain nodot",
    "mailbox set a@nowhere.example --storage 1G",
    "disclose nobody@velo.example",
];

#[test]
fn every_command_prints_what_it_printed() {
    let mut house = House::start(BACKEND);
    let mut printed = String::new();
    FILLING.iter().for_each(|line| printed.push_str(&run(&house, line)));
    house.with_usage(USAGE);
    for line in LINES {
        printed.push_str(&run(&house, line));
        printed.push_str(&run(&house, &format!("{line} --json")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/admin/commands.txt");
    if std::env::var_os("NOLOGD_GOLDEN").is_some() {
        fs::write(&file, &printed).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap();
    for (line, (was, is)) in golden.lines().zip(printed.lines()).enumerate() {
        assert_eq!(was, is, "line {} of {}", line + 1, file.display());
    }
    assert_eq!(golden.len(), printed.len());
}

fn run(house: &House, line: &str) -> String {
    let said = house.nologd(&line.split_whitespace().collect::<Vec<_>>().join(" "));
    let out = if line.starts_with("status") { of_any_machine(&said.out) } else { said.out };
    let text = format!("$ nologd {line}\n{out}{}[{}]\n\n", said.errors, said.code);
    text.replace(&house.place.folder().display().to_string(), "FOLDER").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Without what depends on this machine's kernel, on where the test's output goes, and on the policy's words.
fn of_any_machine(status: &str) -> String {
    if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(status) {
        for key in ["policy", "not-enforced", "missing", "kept-outputs", "lost-outputs"] {
            assert!(!value[key].is_null(), "{key}");
            value[key] = "ANY".into();
        }
        return format!("{value:#}\n");
    }
    let mut rules = false;
    let lines = status.lines().filter(|line| {
        rules = line.starts_with("Not enforced here:") || rules && line.starts_with("    ");
        !rules && !line.contains(" is kept on a disk") && !line.starts_with("    policy ")
    });
    lines.map(|line| format!("{line}\n")).collect()
}
