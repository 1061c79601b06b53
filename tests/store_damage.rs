//! Faults of the disk: a flipped bit, a cut or missing file, a disk that is full or takes nothing. Nothing that was acknowledged is lost to
//! any single one, and nothing wrong is believed.
#![allow(clippy::unwrap_used)] // helpers of tests
#![allow(clippy::disallowed_methods)] // damages files on purpose

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nologd::private::{Address, Domain, Private};
use nologd::quota::{Amount, Association, Book, BookParams, Day, Edit, Limit, Name, Origin};
use nologd::store::{Condition, Durable, Embedded, Record, RecordChange, Repaired, Store, StoreError, repair, snapshot};

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("damage-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    /// What `filled` left, again.
    fn again(&self, kept: &Path) {
        let _ = fs::remove_dir_all(&self.0);
        copy(kept, &self.0);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() { copy(&from, &to) } else { assert!(fs::copy(&from, &to).is_ok()) }
    }
}

fn record(number: u64) -> Record {
    Record { key: Private::new(format!("usage/m{number:03}@asso.example")), value: Private::new(number.to_string().into_bytes()) }
}

/// A store with 100 records and 100 lines of usage, closed.
fn filled() -> Scratch {
    let scratch = Scratch::new();
    let store = Embedded::open(&scratch.0).unwrap();
    let change = |n: u64| RecordChange::put(format!("mailbox/m{n:03}@asso.example"), format!("{{\"storage\":{n}}}").into_bytes());
    store.transact(&(0..100).map(change).collect::<Vec<_>>()).unwrap();
    store.write_usage(&(0..100).map(record).collect::<Vec<_>>()).unwrap();
    scratch
}

fn is_all_there(store: &dyn Store) -> bool {
    let records = store.scan("").unwrap();
    let right = |(n, record): (usize, &Record)| *record.value.reveal() == format!("{{\"storage\":{n}}}").into_bytes();
    records.len() == 100 && records.iter().enumerate().all(right)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn flip(file: &Path, at: usize, bit: u8) {
    let mut text = fs::read(file).unwrap();
    text[at] ^= 1 << bit;
    fs::write(file, text).unwrap();
}

/// Flips bits all over the files of the book, and cuts and removes each of them.
#[test]
fn one_fault_in_any_file_of_the_book_loses_nothing() {
    let (kept, scratch) = (filled(), Scratch::new());
    let (mut repaired, mut tried) = (0, 0);
    let mut damage = |file: &Path, what: &dyn Fn(&Path)| {
        scratch.again(&kept.0);
        what(&scratch.0.join("book-1").join(file));
        let (store, found) = Durable::open(&scratch.0).unwrap();
        assert!(is_all_there(&store), "{}", file.display());
        assert_eq!(store.usage().unwrap().records.len(), 100);
        repaired += u32::from(matches!(found, Condition::Repaired(100)));
        tried += 1;
        drop(store);
        // It is whole again, also for the one who reads from beside.
        assert!(is_all_there(&snapshot(&scratch.0).unwrap()), "{}", file.display());
        assert_eq!(repair(&scratch.0, false), Ok(Repaired::Well), "{}", file.display());
    };
    for path in files(&kept.0.join("book-1")) {
        let file = Path::new(path.file_name().unwrap());
        let length = fs::metadata(&path).unwrap().len();
        // sled's log is mostly empty: its octets that mean something are at its beginning.
        for at in (0..24).map(|place| place * length.min(12_000) / 24).filter(|at| *at < length) {
            damage(file, &|path| flip(path, at as usize, (at % 8) as u8));
        }
        for part in [0, 1, 2] {
            damage(file, &|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length * part / 3).unwrap());
        }
        damage(file, &|path| fs::remove_file(path).unwrap());
    }
    assert!(tried > 120 && repaired > 20, "{repaired} of {tried}");
}

/// A change waits for the two copies; sled's files follow when the store rests, and at a stop. A kill can come before.
#[test]
fn what_has_no_database_yet_survives_a_kill_and_one_fault() {
    let (running, killed, scratch) = (Scratch::new(), Scratch::new(), Scratch::new());
    let store = Embedded::open(&running.0).unwrap();
    let change = |n: u64| RecordChange::put(format!("mailbox/m{n:03}@asso.example"), format!("{{\"storage\":{n}}}").into_bytes());
    store.transact(&(0..100).map(change).collect::<Vec<_>>()).unwrap();
    copy(&running.0, &killed.0);
    let has_database = |folder: &Scratch| folder.0.join("book-1/db").exists();
    assert!(!has_database(&killed), "it is not what is tested here");
    for damaged in [None, Some("copy-a"), Some("copy-b")] {
        for what in [|path: &Path| flip(path, 1500, 2), |path: &Path| fs::remove_file(path).unwrap()] {
            scratch.again(&killed.0);
            damaged.into_iter().for_each(|name| what(&scratch.0.join("book-1").join(name)));
            assert!(is_all_there(&snapshot(&scratch.0).unwrap()), "{damaged:?}");
            let (opened, found) = Durable::open(&scratch.0).unwrap();
            assert!(is_all_there(&opened) && found == Condition::Well && has_database(&scratch), "{damaged:?}");
            drop(opened);
            assert_eq!(repair(&scratch.0, false), Ok(Repaired::Well));
        }
    }
    scratch.again(&killed.0);
    ["copy-a", "copy-b"].iter().for_each(|name| flip(&scratch.0.join("book-1").join(name), 1500, 2));
    assert_eq!(Durable::open(&scratch.0).err(), Some(StoreError::Damaged));
    store.rest().unwrap();
    assert!(has_database(&running) && is_all_there(&store));
    store.transact(&[change(0), change(1)]).unwrap();
    assert!(has_database(&running), "nothing was changed");
    store.transact(&[RecordChange::put("mailbox/m001@asso.example".into(), b"{}".to_vec())]).unwrap();
    assert!(!has_database(&running));
    drop(store);
    assert!(has_database(&running), "at a stop");
}

#[test]
fn what_no_copy_has_whole_is_put_together_when_that_is_asked_for() {
    let scratch = filled();
    let book = scratch.0.join("book-1");
    flip(&book.join("copy-a"), 700, 0);
    flip(&book.join("copy-b"), 1700, 0);
    fs::write(book.join("db"), b"gone").unwrap();
    assert_eq!(Durable::open(&scratch.0).err(), Some(StoreError::Damaged));
    assert_eq!(repair(&scratch.0, false), Err(StoreError::Damaged));
    assert_eq!(snapshot(&scratch.0).err(), Some(StoreError::Damaged));
    assert_eq!(repair(&scratch.0, true), Ok(Repaired::Partly(100)), "each line is good in one of them");
    assert!(is_all_there(&Durable::open(&scratch.0).unwrap().0));
}

#[test]
fn a_flipped_bit_in_the_usage_costs_one_number() {
    let (kept, scratch) = (filled(), Scratch::new());
    let length = fs::metadata(kept.0.join("usage-1")).unwrap().len() as usize;
    for at in (0..length).step_by(97) {
        scratch.again(&kept.0);
        flip(&scratch.0.join("usage-1"), at, 3);
        let usage = Durable::open(&scratch.0).unwrap().0.usage().unwrap();
        assert!(usage.lost >= 1 && usage.records.len() >= 98, "{at}");
        assert!(usage.records.iter().all(|read| (0..100).any(|n| record(n) == *read)), "{at}");
    }
    for cut in [0, 1, length / 2, length - 1] {
        scratch.again(&kept.0);
        fs::OpenOptions::new().write(true).open(scratch.0.join("usage-1")).unwrap().set_len(cut as u64).unwrap();
        let store = Durable::open(&scratch.0).unwrap().0;
        assert!(is_all_there(&store) && store.usage().unwrap().lost >= 1, "{cut}");
    }
}

// ---- a disk that is full, or takes nothing ----

const PLACE: &str = "NOLOGD_TEST_SMALL_DISK";

/// Runs the test below where it may mount a small disk of its own.
#[test]
fn a_disk_that_takes_nothing_stops_no_mail() {
    let scratch = Scratch::new();
    fs::create_dir_all(&scratch.0).unwrap();
    let inside = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "store_damage::on_a_small_disk", "--nocapture"])
        .env(PLACE, &scratch.0)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&inside.stdout);
    assert!(inside.status.success() && told.contains("all of it was tried"), "{told}{}", String::from_utf8_lossy(&inside.stderr));
}

fn mount(arguments: &[&str], place: &Path) {
    assert!(Command::new("mount").args(arguments).arg(place).status().unwrap().success());
}

/// Started as a test of its own it has nothing to do.
#[test]
fn on_a_small_disk() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let (place, today) = (PathBuf::from(place), Day::parse("2026-11-01").unwrap());
    mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], &place);
    let store = place.join("store");
    let open = || {
        Durable::open(&store).map(|(store, found)| (Arc::new(Book::open(Arc::new(store), BookParams::default()).unwrap()), found))
    };
    let (velo, alice) = (Name::parse("velo").unwrap(), Address::parse("alice@velo.example").unwrap());
    let limit = |most: u64| Edit { storage: Some(Limit::At(most)), ..Edit::default() };
    let storage = |book: &Book| book.association(&velo, today).unwrap().storage;
    let (book, _) = open().unwrap();
    let _ = book.add_association(Association::new(velo.clone(), [Domain::parse("velo.example").unwrap()]), today).unwrap();
    book.admit(&alice).unwrap();
    let arrive = |book: &Arc<Book>| {
        let _ = book.reserve(&alice, Amount::message(100_000), Origin::Incoming, today).unwrap().commit();
    };
    arrive(&book);
    book.write_usage().unwrap();
    let _ = book.set_association(&velo, &limit(1 << 30), today).unwrap();

    // It fills up while the daemon runs.
    let filler = place.join("filler");
    let fill = || fs::write(&filler, vec![1; 16 << 20]).unwrap_err();
    fill();
    assert!(book.set_association(&velo, &limit(2 << 30), today).is_err() && book.is_unwritable());
    assert!(book.write_usage().is_err() && book.is_unwritable(), "and it stays so");
    arrive(&book);
    assert_eq!(storage(&book), Limit::At(1 << 30));
    drop(book);

    // It is full at a start.
    let (book, _) = open().unwrap();
    assert_eq!((storage(&book), book.mailbox(&alice).unwrap().used.octets), (Limit::At(1 << 30), 131_072));
    arrive(&book);
    assert!(book.set_association(&velo, &limit(2 << 30), today).is_err() && book.write_usage().is_err() && book.is_unwritable());
    fs::remove_file(&filler).unwrap();
    let _ = book.set_association(&velo, &limit(2 << 30), today).unwrap();
    book.write_usage().unwrap();
    assert!(!book.is_unwritable());
    drop(book);

    // It takes nothing at a start, and later it does.
    mount(&["-o", "remount,ro"], &place);
    let (book, found) = open().unwrap();
    assert!(matches!(found, Condition::Frozen(StoreError::Io(_))), "{found:?}");
    assert_eq!((storage(&book), book.mailbox(&alice).unwrap().used.octets), (Limit::At(2 << 30), 262_144));
    assert_eq!(Durable::open(&store).err(), Some(StoreError::InUse), "the lock holds there too");
    arrive(&book);
    assert!(book.set_association(&velo, &limit(3 << 30), today).is_err() && book.write_usage().is_err());
    assert_eq!(storage(&book), Limit::At(2 << 30));
    mount(&["-o", "remount,rw"], &place);
    let _ = book.set_association(&velo, &limit(3 << 30), today).unwrap();
    book.write_usage().unwrap();
    drop(book);
    let (book, found) = open().unwrap();
    assert_eq!((found, storage(&book)), (Condition::Well, Limit::At(3 << 30)));
    assert_eq!(book.mailbox(&alice).unwrap().used.octets, 393_216);
    fs::write("/proc/self/fd/1", "all of it was tried\n").unwrap();
}

/// What cannot be wiped (a bad sector, a file that somebody holds) is told, and keeps no later change from being made.
#[test]
fn an_old_file_that_cannot_be_wiped_stops_no_later_change() {
    let scratch = filled();
    let store = Embedded::open(&scratch.0).unwrap();
    // A program that runs cannot be written, not even by root.
    let held = scratch.0.join("book-1/held");
    fs::copy("/bin/sleep", &held).unwrap();
    let mut holder = Command::new(&held).arg("600").spawn().unwrap();
    let put =
        |number: u64| store.transact(&[RecordChange::put("mailbox/m000@asso.example".into(), number.to_string().into_bytes())]);
    let first = [put(1), put(2), put(3)];
    let now = store.get("mailbox/m000@asso.example").map(|value| value.map(|value| value.reveal().clone()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(first, [Err(StoreError::Residue); 3]);
    assert_eq!(now, Ok(Some(b"3".to_vec())));
    // The next change wipes what it can now.
    assert_eq!(put(4), Ok(()));
    let mut names: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["book-1", "lock", "usage-1"]);
    drop(store);
    assert_eq!(*Embedded::open(&scratch.0).unwrap().get("mailbox/m000@asso.example").unwrap().unwrap().reveal(), b"4");
}

/// A folder that was emptied or went away is not taken for a first start, which would put an empty book in force.
#[test]
fn a_book_that_got_lost_is_no_first_start() {
    let (kept, scratch) = (filled(), Scratch::new());
    scratch.again(&kept.0);
    fs::remove_dir_all(scratch.0.join("book-1")).unwrap();
    assert_eq!(Durable::open(&scratch.0).err(), Some(StoreError::Damaged));
    fs::create_dir(scratch.0.join("book-1")).unwrap();
    assert_eq!(Durable::open(&scratch.0).err(), Some(StoreError::Damaged));
    assert_eq!(fs::read_dir(scratch.0.join("book-1")).unwrap().count(), 0, "and nothing was made there");
    fs::remove_dir(scratch.0.join("book-1")).unwrap();
    fs::remove_file(scratch.0.join("usage-1")).unwrap();
    assert!(Durable::open(&scratch.0).unwrap().0.scan("").unwrap().is_empty());
}

#[test]
fn usage_that_cannot_be_read_at_all_stops_no_start() {
    let scratch = filled();
    fs::remove_file(scratch.0.join("usage-1")).unwrap();
    // As a bad sector, it is there and gives nothing.
    fs::create_dir(scratch.0.join("usage-1")).unwrap();
    let (store, found) = Durable::open(&scratch.0).unwrap();
    assert!(is_all_there(&store) && found == Condition::Well);
    assert_eq!(store.usage().unwrap().lost, 1);
    store.write_usage(&[record(1)]).unwrap();
    drop(store);
    assert!(Durable::open(&scratch.0).unwrap().0.usage().unwrap().records == [record(1)]);
}
