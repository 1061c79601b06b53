//! kill -9 at random moments of admin changes, of the writing of usage and of reservations: every acknowledged change is there
//! afterwards, the files are the old ones or the new ones and whole, and no reservation lingers. What is read from beside meanwhile
//! (`nologd store export`) makes sense too.
//!
//! The test starts itself as a child, which works on the store and tells each step on a pipe, before and after; the parent
//! kills it, opens the store and compares.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::random::Random;
use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, BookParams, Day, Edit, Limit, Name, Origin, UsageWriter, check};
use nologd::store::{Embedded, Store, snapshot};

const FOLDER: &str = "NOLOGD_TEST_KILL_FOLDER";
const SEED: &str = "NOLOGD_TEST_KILL_SEED";
const ROUNDS: u64 = 20;
const ASSOCIATIONS: u64 = 8;

fn today() -> Day {
    Day::parse("2026-11-01").unwrap()
}

fn name(number: u64) -> Name {
    Name::parse(&format!("asso{number}")).unwrap()
}

fn mailbox(number: u64, name: &str) -> Address {
    Address::parse(&format!("{name}@asso{number}.example")).unwrap()
}

fn new(number: u64, limit: u64) -> Association {
    let mut new = Association::new(name(number), [Domain::parse(&format!("asso{number}.example")).unwrap()]);
    new.storage = Limit::At(limit);
    new
}

fn say(line: &str) {
    // One write, so that a kill never leaves half a line that looks whole.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The child: works until it is killed. Started as a test of its own it has nothing to do.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let mut random = Random(std::env::var(SEED).unwrap().parse().unwrap());
    let book = Arc::new(Book::open(Arc::new(Embedded::open(Path::new(&folder)).unwrap()), BookParams::default()).unwrap());
    // The test harness has begun a line of its own.
    say("");
    let _writer = UsageWriter::start(book.clone(), |_| Duration::from_millis(3)).unwrap();
    let writing = book.clone();
    std::thread::spawn(move || reserve_for_ever(&writing));
    for limit in 1_000_000.. {
        admin_change(&book, random.below(ASSOCIATIONS), limit + random.below(1_000_000) * 1_000_000, random.below(12));
    }
}

fn admin_change(book: &Book, number: u64, limit: u64, kind: u64) {
    let exists = book.association(&name(number), today()).is_ok();
    if !exists || kind == 0 {
        let wanted = if exists { "none".into() } else { limit.to_string() };
        say(&format!("try association {number} {wanted}"));
        match exists {
            true => drop(book.remove_association(&name(number), true, today()).unwrap()),
            false => drop(book.add_association(new(number, limit), today()).unwrap()),
        }
        say(&format!("ack association {number} {wanted}"));
    } else if kind < 4 {
        say(&format!("try mailbox {number} {limit}"));
        drop(book.set_mailbox(&mailbox(number, "set"), Some(Limit::At(limit)), today()).unwrap());
        say(&format!("ack mailbox {number} {limit}"));
    } else {
        say(&format!("try association {number} {limit}"));
        let edit = Edit { storage: Some(Limit::At(limit)), ..Edit::default() };
        drop(book.set_association(&name(number), &edit, today()).unwrap());
        say(&format!("ack association {number} {limit}"));
    }
}

fn reserve_for_ever(book: &Book) {
    let mut held = Vec::new();
    for number in (0..ASSOCIATIONS).cycle() {
        let mailbox = mailbox(number, "written");
        if book.admit(&mailbox).is_ok() {
            let reservation = book.reserve(&mailbox, Amount::message(10), Origin::Incoming, today());
            match reservation {
                Ok(reservation) if held.len() < 1000 => held.push(reservation),
                Ok(reservation) => {
                    let _ = reservation.commit();
                }
                Err(_) => {}
            }
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// What must be in the store: the value of each key, and the one change that may or may not have happened.
#[derive(Default)]
struct Told {
    values: BTreeMap<String, String>,
    tried: Option<(String, String)>,
    acknowledged: u64,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let [word, kind, number, value] = words[..] else { return };
        let key = format!("{kind} {number}");
        match word {
            "try" => self.tried = Some((key, value.into())),
            "ack" => {
                if (kind, value) == ("association", "none") {
                    self.values.remove(&format!("mailbox {number}"));
                }
                self.values.insert(key, value.into());
                self.tried = None;
                self.acknowledged += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn what_was_acknowledged_survives_and_no_reservation_lingers() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id()));
    let mut told = Told::default();
    let mut random = Random(0x5eed);
    for round in 0..ROUNDS {
        let seed = random.below(u64::MAX);
        run_and_kill(&folder, seed, random.below(40) * random.below(6), &mut told);
        compare(&folder, &mut told, round);
    }
    assert!(told.acknowledged > ROUNDS * 5, "only {} changes were made: the test tests nothing", told.acknowledged);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Runs the child until `changes` were acknowledged and a little longer, and kills it.
fn run_and_kill(folder: &Path, seed: u64, changes: u64, told: &mut Told) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store_kill::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let end = told.acknowledged + changes;
    // At its first words the child may still be opening the store: also a moment to be killed in.
    while let Some(Ok(line)) = lines.next() {
        told.hear(&line);
        if told.acknowledged >= end {
            break;
        }
    }
    std::thread::sleep(Duration::from_micros(seed % 5000));
    if changes > 0 {
        let seen = snapshot(folder).unwrap();
        assert!(check(&seen).unwrap().is_well() && seen.usage().unwrap().lost == 0);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).for_each(|line| told.hear(&line));
}

fn compare(folder: &Path, told: &mut Told, round: u64) {
    let store = Arc::new(Embedded::open(folder).unwrap());
    assert!(check(&*store).unwrap().is_well() && store.usage().unwrap().lost == 0);
    // The copies are whole and the same, and nothing of another generation is left.
    let copied = snapshot(folder).unwrap();
    assert!(copied.scan("").unwrap() == store.scan("").unwrap(), "round {round}");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(["lock", "book-1", "usage-1"].iter().any(|known| *known == name), "round {round}: {name:?}");
    }
    let book = Book::open(store, BookParams::default()).unwrap();
    let tried = told.tried.take();
    for number in 0..ASSOCIATIONS {
        let view = book.association(&name(number), today()).ok();
        let limit = |limit: Limit| match limit {
            Limit::At(most) => most.to_string(),
            Limit::None => "unlimited".into(),
        };
        let association = view.as_ref().map_or("none".into(), |view| limit(view.storage));
        let own = book.mailbox(&mailbox(number, "set")).and_then(|view| view.own.storage).map_or("none".into(), limit);
        for (key, found) in [(format!("association {number}"), association), (format!("mailbox {number}"), own)] {
            let expected = told.values.get(&key).map_or("none", String::as_str);
            let in_doubt = tried.as_ref().is_some_and(|(tried, value)| {
                // A removal in doubt takes the mailbox with it.
                let with_it = value == "none" && tried.split(' ').nth(1) == key.split(' ').nth(1);
                (*tried == key || with_it) && *value == found
            });
            assert!(found == expected || in_doubt, "round {round}: {key} is {found}, not {expected}");
            told.values.insert(key, found);
        }
        let touched = tried.as_ref().is_some_and(|(tried, _)| tried.split(' ').nth(1) == Some(&number.to_string()));
        if view.is_none() && !touched {
            let domain = format!("asso{number}.example");
            assert!(!found_in_files(folder, domain.as_bytes()), "round {round}: a removed domain is in the files");
        }
        assert!(view.is_none_or(|view| view.reserved == Amount::ZERO), "round {round}: a reservation lingers");
    }
}

/// Whether any file under `folder` holds `text`.
fn found_in_files(folder: &Path, text: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let holds = |path: &Path| std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text);
        if path.is_dir() { found_in_files(&path, text) } else { holds(&path) }
    })
}
