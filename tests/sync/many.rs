//! Many changes: 200 random ones with a sync after each; a run that is killed or stopped; a big host.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::model::{Dice, Model};
use super::stage::{Contents, Stage};
use crate::random::Random;

/// Changes the panel `steps` times, with a sync after each. `store` puts the model into the panel; `line` names it.
pub fn walk(
    stage: &Stage,
    seed: u64,
    steps: usize,
    line: &str,
    name: impl Fn(&str, &str) -> String,
    mut store: impl FnMut(&Stage, &Model),
) {
    let mut dice = Dice(Random(seed));
    let mut model = Model::new(&mut dice);
    for step in 0..=steps {
        store(stage, &model);
        let mut said = stage.sync(line);
        if said.code == 1 && said.errors.contains("SYNC-ASSOCIATION") {
            said = stage.sync(&format!("{line} --yes"));
        }
        assert_eq!(said.code, 0, "seed {seed}, step {step}: {}{}", said.out, said.errors);
        if said.out.contains("not removed yet") {
            stage.wait();
            stage.done(line);
        }
        let (found, expected) = (stage.contents(), model.contents(&name, true));
        assert!(found == expected, "seed {seed}, step {step}: {:#?}\n{}", found.difference(&expected), said.out);
        model.change(&mut dice);
    }
}

#[test]
fn after_each_of_some_random_changes_the_book_is_what_a_fresh_import_is() {
    csv(40);
}

/// `make long LONG=200_random_changes`: minutes.
#[test]
#[ignore = "make long"]
fn after_each_of_200_random_changes_the_book_is_what_a_fresh_import_is() {
    csv(200);
}

fn csv(steps: usize) {
    let stage = Stage::new();
    let file = stage.path("panel.csv");
    let line = format!("--from csv --file {}", file.display());
    let mut last = String::new();
    walk(
        &stage,
        0x5eed_0001,
        steps,
        &line,
        |_, account| account.into(),
        |_, model| {
            last = model.csv();
            fs::write(&file, &last).unwrap();
        },
    );
    let fresh = Stage::new();
    assert_eq!(fresh.csv(&last, "").code, 0);
    assert_eq!(fresh.contents(), stage.contents());
}

fn table(mailboxes: usize, salt: &str) -> String {
    let rows = (0..mailboxes).map(|number| {
        let asso = number % 7;
        format!("asso{asso};asso{asso}.example;{salt}{number};1G;\nasso{asso};asso{asso}.example;info{salt}{number};;{salt}{number}@asso{asso}.example\n")
    });
    format!("association;domain;mailbox;storage;alias\n{}", rows.collect::<String>())
}

#[test]
fn a_run_that_is_killed_leaves_the_book_as_before_or_as_after() {
    ended_by(Signal::SIGKILL);
}

/// As by `systemctl stop nologd-sync.service`, or by its TimeoutStartSec.
#[test]
fn a_run_that_is_stopped_leaves_the_book_as_before_or_as_after() {
    ended_by(Signal::SIGTERM);
}

/// At whatever moment: the book is as before or as after, and the next run needs nobody.
fn ended_by(signal: Signal) {
    let stage = Stage::new();
    assert_eq!(stage.csv(&table(50, "old"), "").code, 0);
    let before = stage.contents();
    let whole = format!("{}{}", table(50, "old"), table(4000, "new").split_once('\n').unwrap().1);
    let file = stage.write("whole.csv", &whole);
    let line = format!("--from csv --file {}", file.display());
    let mut after: Option<Contents> = None;
    let (mut seen_before, mut seen_after) = (0, 0);
    for round in 0..14 {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_nologd"));
        let mut child =
            stage.house.command(program, &stage.line(&line)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 * round));
        let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
        let end = Instant::now() + Duration::from_secs(20);
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "round {round}: {signal} does not end it");
            std::thread::sleep(Duration::from_millis(5));
        }
        // What the daemon was told in full it does, whoever is there to hear.
        let end = Instant::now() + Duration::from_secs(20);
        let mut now = stage.contents();
        while now != before && now.mailboxes.len() != 4050 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(100));
            now = stage.contents();
        }
        if now == before {
            seen_before += 1;
        } else {
            assert_eq!((now.mailboxes.len(), now.aliases.len()), (4050, 4050), "round {round}");
            let after = after.get_or_insert_with(|| now.clone());
            assert_eq!(&now, after);
            seen_after += 1;
        }
    }
    assert!(seen_before > 0, "{signal} came too late each time");
    stage.done(&line);
    assert_eq!(stage.contents().mailboxes.len(), 4050);
    let written = stage.written();
    assert_eq!(stage.done(&line), "");
    assert!(stage.written() == written && (seen_after == 0 || after.is_some()));
}

/// The daemon dies in the middle: what it has then is whole, too.
#[test]
fn a_daemon_that_is_killed_in_the_middle_has_all_or_nothing() {
    let mut stage = Stage::new();
    let file = stage.write("whole.csv", &table(3000, "new"));
    let line = stage.line(&format!("--from csv --file {}", file.display()));
    for round in 1..=6 {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_nologd"));
        let mut child = stage.house.command(program, &line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150 * round));
        stage.house.down(Signal::SIGKILL);
        let _ = child.wait();
        stage.house.up();
        let now = stage.contents();
        assert!(
            [(0, 0), (3000, 3000)].contains(&(now.mailboxes.len(), now.aliases.len())),
            "round {round}: {}",
            now.mailboxes.len()
        );
    }
    assert_eq!(stage.house.nologd(&line).code, 0);
    assert_eq!(stage.contents().mailboxes.len(), 3000);
}

/// 300 associations, 30,000 mailboxes, 60,000 aliases. Tells figures: `make long LONG=a_big_host`.
#[test]
#[ignore = "make long"]
#[allow(clippy::disallowed_macros, clippy::print_stderr)] // its figures are for whoever runs it
fn a_big_host() {
    let stage = Stage::new();
    let mut text = "association;domain;mailbox;storage;alias\n".to_owned();
    for number in 0..30_000 {
        let asso = number % 300;
        let mut row = |rest: String| text.push_str(&format!("asso{asso};asso{asso}.example;{rest}\n"));
        row(format!("membre.numero{number};1G;"));
        row(format!("premier.alias{number};;membre.numero{number}@asso{asso}.example"));
        row(format!("second.alias{number};;membre.numero{number}@asso{asso}.example veille@ailleurs.example"));
    }
    let file = stage.write("big.csv", &text);
    let line = format!("--from csv --file {}", file.display());
    let timed = |what: &str| {
        let begin = Instant::now();
        let mut command = std::process::Command::new("/bin/sh");
        command.env("NOLOGD_SOCKET", stage.house.socket()).arg("-c").arg(format!(
            "{} {} & pid=$!; most=0; while kill -0 $pid 2>/dev/null; do now=$(sed -n 's/VmHWM:[[:space:]]*\\([0-9]*\\) kB/\\1/p' /proc/$pid/status 2>/dev/null); [ \"${{now:-0}}\" -gt $most ] && most=$now; sleep 0.02; done; wait $pid; echo \"code $? most $most kB\"",
            env!("CARGO_BIN_EXE_nologd"),
            stage.line(&line)
        ));
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        eprintln!("{what}: {:?}, daemon {} MB, {}", begin.elapsed(), stage.house.memory() >> 20, told.replace('\n', "; "));
        assert!(told.contains("code 0"), "{told}{}", String::from_utf8_lossy(&output.stderr));
        let most: u64 = told.rsplit("most ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        (begin.elapsed(), most)
    };
    timed("filling");
    let written = stage.written();
    let (took, most) = timed("nothing to change");
    assert!(stage.written() == written);
    // docs/admin/panels.md says what was measured.
    assert!(took < Duration::from_secs(5) && (1..100 * 1024).contains(&most), "{took:?}, {most} kB");
    fs::write(&file, text.replace("membre.numero77;1G", "membre.numero77;2G")).unwrap();
    timed("one change");
    assert_eq!(stage.contents().mailboxes.len(), 30_000);
}
