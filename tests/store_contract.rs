//! What every store promises, held to each of them by one suite; and what the files of the embedded one promise.
#![allow(clippy::unwrap_used)] // helpers of tests
#![allow(clippy::disallowed_methods)] // damages files on purpose

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nologd::private::{Address, Domain, Private};
use nologd::quota::{self, Amount, Association, Book, BookParams, Day, Edit, Limit, Name, Origin, Reservation, UsageWriter};
use nologd::store::{
    Embedded, Expect, MAX_VALUE, MemoryStore, Migration, Record, RecordChange, Schema, Store, StoreError, check, export, import,
    settle,
};

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("contract-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn on_each_store(promise: impl Fn(&dyn Store)) {
    promise(&MemoryStore::new());
    let scratch = Scratch::new();
    promise(&Embedded::open(&scratch.0).unwrap());
}

fn put(key: &str, value: &str) -> RecordChange {
    RecordChange::put(key.into(), value.into())
}

fn remove(key: &str) -> RecordChange {
    RecordChange::remove(key.into())
}

fn is(value: &str) -> Expect {
    Expect::Value(Private::new(value.into()))
}

fn got(store: &dyn Store, key: &str) -> Option<String> {
    store.get(key).unwrap().map(|value| String::from_utf8(value.reveal().clone()).unwrap())
}

fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    store.scan(prefix).unwrap().iter().map(|record| record.key.reveal().clone()).collect()
}

#[test]
fn what_was_put_is_got_and_what_was_removed_is_not() {
    on_each_store(|store| {
        assert_eq!(got(store, "a/1"), None);
        store.transact(&[put("a/1", "1"), put("a/2", "\u{e9}")]).unwrap();
        assert_eq!(got(store, "a/2").as_deref(), Some("\u{e9}"));
        store.transact(&[put("a/1", "3"), remove("a/2"), remove("never")]).unwrap();
        assert_eq!((got(store, "a/1").as_deref(), got(store, "a/2")), (Some("3"), None));
    });
}

#[test]
fn a_scan_finds_the_prefix_in_order_and_nothing_of_the_stores_own() {
    on_each_store(|store| {
        store.transact(&[put("b/2", "1"), put("a/1", "1"), put("b/1", "1"), put("b", "1"), put("c/\u{e9}", "1")]).unwrap();
        assert_eq!(keys(store, "b/"), ["b/1", "b/2"]);
        assert_eq!(keys(store, ""), ["a/1", "b", "b/1", "b/2", "c/\u{e9}"]);
        assert_eq!(keys(store, "d"), [""; 0]);
        assert_eq!(keys(store, "store/"), [""; 0]);
        assert_eq!(store.transact(&[put("store/x", "1")]), Err(StoreError::TooLarge));
    });
}

#[test]
fn one_failed_comparison_stops_all_changes() {
    on_each_store(|store| {
        store.transact(&[put("a", "1")]).unwrap();
        for wrong in [Expect::Absent, is("2"), is("")] {
            let changes = [put("b", "1"), put("a", "9").expecting(wrong)];
            assert_eq!(store.transact(&changes), Err(StoreError::Conflict));
            assert_eq!(store.transact(&changes), Err(StoreError::Conflict));
        }
        assert_eq!(store.transact(&[put("b", "1").expecting(is("1"))]), Err(StoreError::Conflict));
        assert_eq!(keys(store, ""), ["a"]);
        store.transact(&[put("a", "2").expecting(is("1")), put("b", "1").expecting(Expect::Absent)]).unwrap();
        assert_eq!((got(store, "a").as_deref(), got(store, "b").as_deref()), (Some("2"), Some("1")));
    });
}

#[test]
fn of_many_writers_that_compare_none_is_lost() {
    on_each_store(|store| {
        store.transact(&[put("n", "0")]).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        loop {
                            let now = got(store, "n").unwrap();
                            let next = (now.parse::<u64>().unwrap() + 1).to_string();
                            match store.transact(&[put("n", &next).expecting(is(&now))]) {
                                Ok(()) => break,
                                Err(error) => assert_eq!(error, StoreError::Conflict),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(got(store, "n").as_deref(), Some("200"));
    });
}

#[test]
fn keys_are_removed_with_others_changed_and_values_have_a_bound() {
    on_each_store(|store| {
        store.transact(&[put("a", "1"), put("b", "2"), put("c", "3")]).unwrap();
        store.transact(&[remove("a"), put("b", "4").expecting(is("2")), put("d", "5")]).unwrap();
        assert_eq!(keys(store, ""), ["b", "c", "d"]);
        assert_eq!(got(store, "b").as_deref(), Some("4"));
        store.transact(&[put("e", &"x".repeat(MAX_VALUE))]).unwrap();
        assert_eq!(got(store, "e").unwrap().len(), MAX_VALUE);
        let many: Vec<_> = (0..=1000).map(|n| put(&format!("many/{n}"), "1")).collect();
        store.transact(&many).unwrap();
        assert_eq!(keys(store, "many/").len(), 1000 + 1);
        assert_eq!(store.transact(&[put("f", &"x".repeat(MAX_VALUE + 1))]), Err(StoreError::TooLarge));
        assert_eq!(store.transact(&[put("f", "1\n2")]), Err(StoreError::TooLarge));
        assert_eq!(got(store, "f"), None);
    });
}

#[test]
fn an_export_fills_an_empty_store_and_only_that() {
    on_each_store(|store| {
        let many: Vec<_> = (0..1500).map(|n| put(&format!("usage/{n}"), &format!("{{\"octets\":{n}}}"))).collect();
        many.chunks(100).for_each(|part| store.transact(part).unwrap());
        store.transact(&[put("schema", "1")]).unwrap();
        let document = export(store).unwrap();
        assert_eq!(import(store, &document).err(), Some(StoreError::Conflict));
        on_each_store(|other| {
            assert_eq!(import(other, "{}").err(), Some(StoreError::Damaged));
            let summary = import(other, &document).unwrap();
            assert_eq!(summary.kinds, [("schema".to_owned(), 1), ("usage".to_owned(), 1500)]);
            assert!(export(other).unwrap() == document);
            other.transact(&[put("x", "{")]).unwrap();
            assert_eq!(check(other).err(), Some(StoreError::Damaged));
        });
    });
}

fn rename_all(records: &[Record]) -> Result<Vec<RecordChange>, StoreError> {
    let renamed = records.iter().flat_map(|record| {
        let (key, value) = (record.key.reveal(), record.value.reveal());
        [RecordChange::remove(key.clone()), RecordChange::put(format!("new-{key}"), value.clone())]
    });
    Ok(renamed.collect())
}

fn fail(_: &[Record]) -> Result<Vec<RecordChange>, StoreError> {
    Err(StoreError::Damaged)
}

#[test]
fn an_older_version_is_migrated_and_a_newer_one_refused() {
    on_each_store(|store| {
        settle(store, Schema(&[])).unwrap();
        store.transact(&[put("x", "1")]).unwrap();
        settle(store, Schema(&[])).unwrap();
        assert_eq!(settle(store, Schema(&[Migration::Records(fail)])), Err(StoreError::Damaged));
        assert_eq!(keys(store, ""), ["schema", "x"]);
        settle(store, Schema(&[Migration::Records(rename_all), Migration::Records(rename_all)])).unwrap();
        assert_eq!(keys(store, ""), ["new-new-x", "schema"]);
        assert_eq!(got(store, "schema").as_deref(), Some("3"));
        assert_eq!(settle(store, Schema(&[Migration::Records(rename_all)])), Err(StoreError::Newer(3)));
        store.transact(&[remove("schema")]).unwrap();
        assert_eq!(settle(store, Schema(&[])), Err(StoreError::Damaged));
    });
}

// ---- files ----

const ADDRESS: &str = "very-much-alice@asso.example";

/// Whether any file under `folder` holds `text`, in its content or its name. What a writer takes away meanwhile holds nothing.
fn found_in_files(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        let named = path.to_string_lossy().contains(text);
        let holds = |path: &Path| fs::read(path).unwrap_or_default().windows(text.len()).any(|window| window == text.as_bytes());
        named || if path.is_dir() { found_in_files(&path, text) } else { holds(&path) }
    })
}

#[test]
fn a_second_daemon_is_refused_until_the_first_is_gone() {
    let scratch = Scratch::new();
    let first = Embedded::open(&scratch.0).unwrap();
    assert_eq!(Embedded::open(&scratch.0).err(), Some(StoreError::InUse));
    drop(first);
    assert!(Embedded::open(&scratch.0).is_ok());
}

#[test]
fn what_was_synced_is_there_after_opening_again() {
    let scratch = Scratch::new();
    for round in 0..5 {
        let store = Embedded::open(&scratch.0).unwrap();
        assert_eq!(keys(&store, "").len(), round);
        store.transact(&[put(&format!("k/{round}"), "1")]).unwrap();
    }
}

#[test]
fn an_erased_address_is_in_no_file() {
    let scratch = Scratch::new();
    let store = Embedded::open(&scratch.0).unwrap();
    for n in 0..20 {
        store.transact(&[put(&format!("usage/{ADDRESS}"), &format!("98765{n:02}")), put(&format!("usage/{n}"), "1")]).unwrap();
    }
    assert!(found_in_files(&scratch.0, ADDRESS) && found_in_files(&scratch.0, "9876519"), "the search must be able to find it");
    assert!(!found_in_files(&scratch.0, "9876518"), "a value that was replaced");
    store.transact(&[remove(&format!("usage/{ADDRESS}"))]).unwrap();
    assert!(!found_in_files(&scratch.0, ADDRESS));
    assert_eq!(keys(&store, "").len(), 20);
    drop(store);
    assert!(!found_in_files(&scratch.0, ADDRESS));
    assert_eq!(keys(&Embedded::open(&scratch.0).unwrap(), "").len(), 20);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let path = entry.unwrap().path();
            (path.clone(), to.join(path.file_name().unwrap()))
        };
        if from.is_dir() { copy(&from, &to) } else { assert!(fs::copy(&from, &to).is_ok()) }
    }
}

/// A state folder with one record, closed.
fn filled() -> Scratch {
    let scratch = Scratch::new();
    let store = Embedded::open(&scratch.0).unwrap();
    store.transact(&[put(&format!("usage/{ADDRESS}"), "1"), put("x", "1")]).unwrap();
    drop(store);
    scratch
}

#[test]
fn a_swap_that_was_not_finished_is_undone_or_finished() {
    // The new generation was being written: undone.
    let scratch = filled();
    copy(&scratch.0.join("book-1"), &scratch.0.join("book-2.new"));
    fs::remove_file(scratch.0.join("book-2.new/conf")).unwrap();
    let store = Embedded::open(&scratch.0).unwrap();
    assert_eq!(keys(&store, "").len(), 2);
    assert!(!scratch.0.join("book-2.new").exists());
    drop(store);
    // The new generation had its name, the old one was not wiped yet: finished.
    copy(&scratch.0.join("book-1"), &scratch.0.join("old"));
    Embedded::open(&scratch.0).unwrap().transact(&[remove(&format!("usage/{ADDRESS}"))]).unwrap();
    fs::rename(scratch.0.join("book-1"), scratch.0.join("book-2")).unwrap();
    fs::rename(scratch.0.join("old"), scratch.0.join("book-1")).unwrap();
    let store = Embedded::open(&scratch.0).unwrap();
    assert_eq!(keys(&store, ""), ["x"]);
    assert!(!found_in_files(&scratch.0, ADDRESS));
}

#[test]
fn a_half_written_snapshot_does_not_stop_the_start() {
    let scratch = filled();
    fs::write(scratch.0.join("book-1/snap.0000000000000AAA.generating"), b"half").unwrap();
    assert_eq!(keys(&Embedded::open(&scratch.0).unwrap(), "").len(), 2);
}

#[test]
fn a_store_that_lost_what_it_acknowledged_refuses() {
    let scratch = Scratch::new();
    let store = Embedded::open(&scratch.0).unwrap();
    store.transact(&(0..300).map(|n| put(&format!("k/{n:03}"), "1")).collect::<Vec<_>>()).unwrap();
    store.rest().unwrap();
    // As a power cut leaves it, not as an orderly end does.
    let (db, kept) = (scratch.0.join("book-1/db"), scratch.0.join("kept"));
    copy(&scratch.0.join("book-1"), &kept);
    drop(store);
    let length = fs::metadata(kept.join("db")).unwrap().len();
    let mut refused = 0;
    for cut in (0..12).map(|part| part * 700) {
        for truncated in [true, false] {
            fs::remove_dir_all(scratch.0.join("book-1")).unwrap();
            copy(&kept, &scratch.0.join("book-1"));
            let file = fs::OpenOptions::new().write(true).open(&db).unwrap();
            match truncated {
                true => file.set_len(cut).unwrap(),
                false => file.write_all_at(&vec![0; (length - cut) as usize], cut).unwrap(),
            }
            drop(file);
            match Embedded::open(&scratch.0) {
                Ok(store) => assert_eq!(keys(&store, "k/").len(), 300, "cut at {cut}: opened, with changes missing"),
                Err(error) => assert_eq!(error, StoreError::Damaged, "cut at {cut}"),
            }
            refused += u32::from(Embedded::open(&scratch.0).is_err());
        }
    }
    assert!(refused > 20, "only {refused} cuts hit anything");
}

#[test]
fn a_flipped_bit_is_refused_or_harmless() {
    let scratch = Scratch::new();
    let store = Embedded::open(&scratch.0).unwrap();
    store.transact(&(0..300).map(|n| put(&format!("k/{n:03}"), &n.to_string())).collect::<Vec<_>>()).unwrap();
    store.rest().unwrap();
    let (db, kept) = (scratch.0.join("book-1/db"), scratch.0.join("kept"));
    copy(&scratch.0.join("book-1"), &kept);
    drop(store);
    let mut refused = 0;
    for at in (0..40).map(|flip| flip * 211) {
        fs::remove_dir_all(scratch.0.join("book-1")).unwrap();
        copy(&kept, &scratch.0.join("book-1"));
        let file = fs::OpenOptions::new().read(true).write(true).open(&db).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
        drop(file);
        let read = Embedded::open(&scratch.0).and_then(|store| store.scan("k/"));
        let Ok(records) = read else {
            refused += 1;
            continue;
        };
        let whole = records.iter().enumerate().all(|(n, record)| record.value.reveal() == n.to_string().as_bytes());
        assert!(whole && records.len() == 300, "a flip at {at} was believed");
    }
    assert!(refused > 20, "only {refused} flips hit anything");
}

#[test]
fn a_store_without_its_snapshots_refuses() {
    let scratch = filled();
    for entry in fs::read_dir(scratch.0.join("book-1")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    match Embedded::open(&scratch.0) {
        Ok(store) => assert_eq!(keys(&store, "").len(), 2),
        Err(error) => assert_eq!(error, StoreError::Damaged),
    }
}

#[test]
fn what_is_left_of_a_damaged_store_can_be_exported() {
    let scratch = filled();
    fs::write(scratch.0.join("book-1/sealed"), format!("{:020}\n", 999)).unwrap();
    assert_eq!(Embedded::open(&scratch.0).err(), Some(StoreError::Damaged));
    let left = Embedded::open_as_it_is(&scratch.0).unwrap();
    assert!(export(&left).unwrap().contains(ADDRESS));
}

#[test]
fn what_an_admin_removes_is_in_no_file_even_while_usage_is_written() {
    let scratch = Scratch::new();
    let book = Arc::new(Book::open(Arc::new(Embedded::open(&scratch.0).unwrap()), BookParams::default()).unwrap());
    let address = |text| Address::parse(text).unwrap();
    let (amis, today) = (Name::parse("amis").unwrap(), Day::parse("2026-11-01").unwrap());
    let mut new = Association::new(amis.clone(), [Domain::parse("asso.example").unwrap()]);
    new.contact = Some(address("first-contact@elsewhere.example"));
    new.aliases.insert(address("info@asso.example"), [address(ADDRESS), address("bob@asso.example")].into());
    book.add_association(new, today).unwrap();
    book.set_mailbox(&address(ADDRESS), Some(Limit::At(1 << 20)), today).unwrap();
    let writer = UsageWriter::start(book.clone(), |_| Duration::from_millis(1)).unwrap();
    let reserve = || book.reserve(&address(ADDRESS), Amount::message(1), Origin::Incoming, today);
    let late = reserve().unwrap();
    std::thread::scope(|scope| {
        // Reservations are the only way to usage: they go on until the mailbox is gone.
        scope.spawn(|| while reserve().map(Reservation::commit).is_ok() {});
        std::thread::sleep(Duration::from_millis(50));
        assert!(found_in_files(&scratch.0, ADDRESS), "the search must be able to find it");
        book.remove_mailbox(&address(ADDRESS), today).unwrap();
    });
    let _ = late.commit();
    std::thread::sleep(Duration::from_millis(20));
    assert!(!found_in_files(&scratch.0, ADDRESS));
    let contact = Edit { contact: Some(address("second@elsewhere.example")), ..Edit::default() };
    book.set_association(&amis, &contact, today).unwrap();
    assert!(!found_in_files(&scratch.0, "first-contact"));
    assert!(found_in_files(&scratch.0, "second@elsewhere"));
    book.remove_association(&amis, true, today).unwrap();
    drop(writer);
    for trace in ["amis", "asso.example", "second@elsewhere", "bob"] {
        assert!(!found_in_files(&scratch.0, trace), "{trace}");
    }
}

#[test]
fn a_book_of_a_newer_version_is_refused() {
    let store = Arc::new(MemoryStore::new());
    drop(Book::open(store.clone(), BookParams::default()).unwrap());
    store.transact(&[put("schema", "10")]).unwrap();
    assert_eq!(Book::open(store.clone(), BookParams::default()).err(), Some(StoreError::Newer(10)));
    store.transact(&[put("schema", "1"), put("usage/nobody", "{}")]).unwrap();
    assert_eq!(Book::open(store, BookParams::default()).err(), Some(StoreError::Damaged));
}

/// Version 4 and older had usage among the records, exact and in sled. It leaves them, and the files.
#[test]
fn an_older_book_gets_its_usage_out_of_the_records_rounded() {
    let scratch = Scratch::new();
    let store = Arc::new(Embedded::open(&scratch.0).unwrap());
    let told = r#"{"level":80,"messages":7,"octets":702446}"#;
    let velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("asso.example").unwrap()]);
    drop(
        Book::open(store.clone(), BookParams::default())
            .unwrap()
            .add_association(velo, Day::parse("2026-11-01").unwrap())
            .unwrap(),
    );
    store.transact(&[put("schema", "3"), put(&format!("usage/{ADDRESS}"), told), put("level/velo", r#"{"level":95}"#)]).unwrap();
    store.write_usage(&[]).unwrap();
    assert!(found_in_files(&scratch.0, "702446"));
    let book = Book::open(store.clone(), BookParams::default()).unwrap();
    assert_eq!(book.mailbox(&Address::parse(ADDRESS).unwrap()).unwrap().used, Amount { octets: 720_896, messages: 16 });
    assert_eq!(keys(&*store, ""), ["association/velo", "schema"]);
    assert!(store.usage().unwrap().records.len() == 2 && quota::check(&*store).unwrap().is_well());
    assert!(!found_in_files(&scratch.0, "702446"));
}
