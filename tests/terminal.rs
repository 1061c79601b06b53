//! At a terminal (`script` makes one) there are bars, colours and a line of progress; in a pipe, on a narrow or a dumb one there are none.

#![allow(clippy::unwrap_used)] // helpers of tests

use crate::alone;

use std::process::{Command, Stdio};

use alone::House;
use nix::sys::signal::Signal;

fn house() -> House {
    let house = House::start("[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:9\"\n");
    house.done("association add velo --domain velo.example --storage 10M");
    house.done("association add jardin --domain jardin.example --storage 10M");
    house
}

/// What a terminal with so many columns is sent while the shell runs `line`; `$NOLOGD` is the program.
fn at(house: &House, columns: u16, settings: &[(&str, &str)], line: &str) -> String {
    let mut script = Command::new("script");
    script.arg("-qec").arg(format!("stty cols {columns} rows 24; {line}")).arg("/dev/null").stdin(Stdio::null());
    script.env_remove("NO_COLOR").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    script.env("NOLOGD", env!("CARGO_BIN_EXE_nologd")).env("NOLOGD_SOCKET", house.place.path("admin.sock"));
    script.envs(settings.iter().copied());
    let output = script.output().unwrap_or_else(|error| panic!("script: {error} (apt install bsdutils)"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

const LOAD: &str = "printf 'alice@velo.example\\tr\\tSTORAGE\\t9800\\t-\\t0\\nalice@velo.example\\tr\\tMESSAGE\\t3\\t-\\t0\\n' | $NOLOGD usage load";

#[test]
fn bars_where_they_can_be_seen_and_nowhere_else() {
    let mut house = house();
    house.done("mailbox set alice@velo.example --storage 10M");
    at(&house, 80, &[], LOAD);
    for (words, head) in [("status", "FULL  ASSOCIATION"), ("association list", "NAME")] {
        let line = format!("$NOLOGD {words}");
        let plain = house.done(words);
        assert!(plain.contains(head) && !plain.contains(['\x1b', '\u{2588}']), "{plain}");
        let drawn = at(&house, 120, &[], &line);
        assert!(drawn.contains("\x1b[31m\u{2588}") && drawn.contains("\x1b[32m\u{2591}"), "{drawn}");
        let ascii = at(&house, 120, &[("LC_ALL", "C"), ("NO_COLOR", "1")], &line);
        assert!(ascii.contains("\n#########-  ") && ascii.is_ascii() && !ascii.contains('\x1b'), "{ascii}");
        // Without the bars it is the same text.
        let bare: String =
            ascii.replace("#########-  ", "").replace("----------  ", "").replace(&format!("            {head}"), head);
        assert_eq!(bare.trim_end(), plain.trim_end());
        for (columns, settings) in [(20, [("TERM", "xterm")]), (120, [("TERM", "dumb")]), (120, [("TERM", "")])] {
            assert_eq!(at(&house, columns, &settings, &line).trim_end(), plain.trim_end(), "{columns} {settings:?}");
        }
        assert_eq!(at(&house, 120, &[], &format!("{line} | cat")).trim_end(), plain.trim_end());
        // A reader that leaves is no fault.
        at(&house, 120, &[], &format!("set -e; {line} | true"));
        assert!(at(&house, 120, &[], &format!("{line} --json")).trim_start().starts_with('{'));
    }
    house.down(Signal::SIGTERM);
}

#[test]
fn progress_is_a_line_that_goes_away_again() {
    let mut house = house();
    let clear = "\r\x1b[2K";
    let shown = at(&house, 80, &[], LOAD);
    assert!(
        shown.contains(&format!("{clear}0 mailboxes loaded")) || shown.contains(&format!("{clear}1 mailboxes loaded")),
        "{shown:?}"
    );
    assert!(shown.rfind(clear) < shown.find("not in the book"), "{shown:?}");
    let narrow = at(&house, 20, &[], LOAD);
    let lines: Vec<_> = narrow.split(clear).skip(1).map(|line| line.lines().next().unwrap_or_default()).collect();
    assert!(!lines.is_empty() && lines.iter().take(lines.len() - 1).all(|line| line.len() < 20), "{narrow:?}");
    for quiet in [at(&house, 80, &[("TERM", "dumb")], LOAD), at(&house, 80, &[], &format!("( {LOAD} ) 2>&1 | cat"))] {
        assert!(!quiet.contains('\x1b'), "{quiet:?}");
    }
    let table = house.place.write("panel.csv", b"association;domain;mailbox\nvelo;velo.example;alice\n").unwrap();
    let sync = format!("$NOLOGD sync --from csv --file {} --state {} --dry-run", table.display(), house.place.folder().display());
    let synced = at(&house, 80, &[], &sync);
    let read = synced.find(&format!("{clear}reading the panel"));
    assert!(read.is_some() && read < synced.find("SYNC-DRY-RUN"), "{synced:?}");
    house.down(Signal::SIGTERM);
    let config = house.place.path("nologd.toml");
    let repaired = at(&house, 80, &[], &format!("$NOLOGD store repair --config {}", config.display()));
    assert!(
        repaired.contains(&format!("{clear}reading the store"))
            && repaired.rfind(clear) < repaired.find("nothing was to be done")
    );
}
