//! Somebody takes the disk after a day's work and reads every octet under the state folder: there is the book's present state, the numbers
//! rounded, and nothing else. No exact size, no number of before, no order in which members did something, no time.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, BookParams, Day, Edit, Limit, Name, Origin};
use nologd::store::Embedded;

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("seized-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn today() -> Day {
    Day::parse("2026-11-01").unwrap()
}

fn member(name: &str) -> Address {
    Address::parse(&format!("{name}@velo.example")).unwrap()
}

const MEMBERS: [&str; 4] = ["alice", "bob", "chloe", "dora"];

/// A day of somebody's, with everything that happened in it.
struct Work {
    folder: Scratch,
    book: Option<Arc<Book>>,
    /// Every number that was true at some moment of the day, and is not what is to be on the disk at its end.
    secrets: BTreeSet<u64>,
    /// What stands in the files of an empty book: sled's own settings.
    own: BTreeSet<u64>,
}

impl Work {
    fn begin() -> Work {
        let folder = Scratch::new();
        let book = Book::open(Arc::new(Embedded::open(&folder.0).unwrap()), BookParams::default()).unwrap();
        book.write_usage().unwrap();
        let own = numbers(&read_all(&folder.0));
        let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        velo.storage = Limit::At(77_312_345_678);
        velo.contact = Some(Address::parse("first-contact@elsewhere.example").unwrap());
        book.add_association(velo, today()).unwrap();
        Work { folder, book: Some(Arc::new(book)), secrets: [77_312_345_678].into(), own }
    }

    fn book(&self) -> &Arc<Book> {
        self.book.as_ref().unwrap()
    }

    /// One message arrives.
    fn append(&mut self, name: &str, octets: u64) {
        let book = self.book().clone();
        book.admit(&member(name)).unwrap();
        let _ = book.reserve(&member(name), Amount::message(octets), Origin::Incoming, today()).unwrap().commit();
        self.secrets.insert(octets);
        self.remember(name);
    }

    /// The member deletes, and the backend is asked what is left.
    fn delete_to(&mut self, name: &str, octets: u64, messages: u64) {
        let book = self.book().clone();
        book.begin_refresh(&member(name)).unwrap().finish(Amount { octets, messages }, today());
        self.remember(name);
    }

    fn remember(&mut self, name: &str) {
        self.secrets.insert(self.book().mailbox(&member(name)).unwrap().used.octets);
    }

    fn write(&mut self) {
        self.book().write_usage().unwrap();
        // What stands on the disk now is what must not stand there later, if it is another number by then.
        let there = numbers(&read_all(&self.folder.0));
        self.secrets.extend(there.difference(&self.own));
    }

    /// Admins change limits several times, a mailbox goes.
    fn administer(&mut self) {
        let (book, velo) = (self.book().clone(), Name::parse("velo").unwrap());
        for most in [31_111_111_111, 42_222_222_222, 53_333_333_333] {
            let _ = book.set_association(&velo, &Edit { storage: Some(Limit::At(most)), ..Edit::default() }, today()).unwrap();
            let _ = book.set_mailbox(&member("bob"), Some(Limit::At(most / 10)), today()).unwrap();
            self.secrets.extend([most, most / 10]);
        }
        self.append("ernest", 123_457);
        self.write();
        let _ = book.remove_mailbox(&member("ernest"), today()).unwrap();
    }

    /// The present state, whatever the day was: what is to be on the disk, and nothing else.
    fn end(&mut self) {
        for (at, name) in MEMBERS.into_iter().enumerate() {
            self.append(name, 1);
            // Any exact number that is rounded to the same.
            let more = self.secrets.len() as u64 * 7;
            self.delete_to(name, 9_000_001 + at as u64 * 1_048_576 + more, 301);
        }
        let book = self.book().clone();
        let end = Edit { storage: Some(Limit::At(64 << 30)), contact: Some(member("alice")), ..Edit::default() };
        let _ = book.set_association(&Name::parse("velo").unwrap(), &end, today()).unwrap();
        let _ = book.set_mailbox(&member("bob"), Some(Limit::At(5 << 30)), today()).unwrap();
        book.write_usage().unwrap();
        let rounded = |octets: u64| octets.next_multiple_of(131_072);
        for at in 0..MEMBERS.len() as u64 {
            self.secrets.remove(&rounded(9_000_001 + at * 1_048_576));
        }
        for kept in [64 << 30, 5 << 30, 304, 0, 1] {
            self.secrets.remove(&kept);
        }
    }
}

/// A day with many small things.
fn a_busy_day() -> Work {
    let mut work = Work::begin();
    for round in 0..60u64 {
        for (at, name) in MEMBERS.into_iter().enumerate() {
            work.append(name, 2000 + (round * 7919 + at as u64 * 104_729) % 900_000);
        }
        if round % 7 == 3 {
            work.delete_to("chloe", 340_003 + round * 131, 3);
        }
        if round % 10 == 9 {
            work.write();
        }
        if round == 30 {
            work.administer();
        }
    }
    work.end();
    work
}

/// Another with few, in another order.
fn a_quiet_day() -> Work {
    let mut work = Work::begin();
    work.append("dora", 468_214);
    work.write();
    work.append("alice", 234_232);
    work.append("bob", 544);
    work.write();
    work.append("chloe", 19_999_999);
    work.end();
    work
}

/// All files, in the order of their names, with what stands in them.
fn read_all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(read_all(&path)) } else { found.push((path.clone(), fs::read(&path).unwrap())) }
    }
    found.sort();
    found
}

/// Every number of four digits and more that stands anywhere as text.
fn numbers(files: &[(PathBuf, Vec<u8>)]) -> BTreeSet<u64> {
    // Digits within letters are a part of a check.
    let words = files.iter().flat_map(|(_, text)| text.split(|octet| !octet.is_ascii_alphanumeric()));
    words.filter(|word| word.len() >= 4).filter_map(|word| std::str::from_utf8(word).unwrap().parse().ok()).collect()
}

/// Whether `number` stands anywhere in one of the forms in which programs write numbers.
fn holds(text: &[u8], number: u64) -> bool {
    let short = u32::try_from(number).unwrap_or(0);
    let forms: [&[u8]; 4] = [&number.to_le_bytes(), &number.to_be_bytes(), &short.to_le_bytes(), &short.to_be_bytes()];
    // Short numbers stand everywhere by chance.
    let wide = forms.iter().take(if number < 1 << 24 { 2 } else { 4 });
    wide.filter(|form| form.iter().any(|octet| *octet != 0)).any(|form| memchr::memmem::find(text, form).is_some())
}

#[test]
fn nothing_but_the_present_rounded_numbers() {
    let mut work = a_busy_day();
    assert!(work.secrets.len() > 300, "{}", work.secrets.len());
    // Once as it is while the daemon runs, once as it leaves it.
    for running in [true, false] {
        if !running {
            drop(work.book.take());
        }
        let files = read_all(&work.folder.0);
        let found: Vec<_> = numbers(&files).intersection(&work.secrets).copied().collect();
        assert!(found.is_empty(), "running {running}: {found:?}");
        for (path, text) in &files {
            let found: Vec<_> = work.secrets.iter().filter(|number| **number > 100_000 && holds(text, **number)).collect();
            assert!(found.is_empty(), "running {running}: {} {found:?}", path.display());
            for gone in ["ernest", "first-contact"] {
                assert!(memchr::memmem::find(text, gone.as_bytes()).is_none(), "running {running}: {gone} in {}", path.display());
            }
        }
    }
    // The search finds what is there.
    let files = read_all(&work.folder.0);
    assert!(numbers(&files).contains(&(64 << 30)) && numbers(&files).contains(&9_043_968), "{:?}", numbers(&files));
}

/// Two days that have nothing in common but their end leave the same files: there is nothing in them to tell one from the other.
#[test]
fn two_days_that_end_alike_leave_the_same_files() {
    let days = [a_busy_day(), a_quiet_day()].map(|mut day| {
        drop(day.book.take());
        day
    });
    let [busy, quiet] = days.each_ref().map(|day| {
        let files = read_all(&day.folder.0).into_iter();
        files.map(|(path, text)| (path.strip_prefix(&day.folder.0).unwrap().to_owned(), text)).collect::<Vec<_>>()
    });
    // sled numbers its snapshots by its own log, whose length is a matter of its threads.
    let is_ours = |(path, _): &&(PathBuf, Vec<u8>)| !path.to_string_lossy().contains("/snap.") && !path.ends_with("db");
    assert!(busy.iter().filter(is_ours).eq(quiet.iter().filter(is_ours)));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().filter(is_ours).map(|(path, _)| path.clone()).collect::<Vec<_>>();
    for name in ["lock", "usage-1", "book-1/copy-a", "book-1/copy-b", "book-1/sealed", "book-1/conf"] {
        assert!(names(&busy).contains(&PathBuf::from(name)), "{name}: {:?}", names(&busy));
    }
    assert!(numbers(&busy).is_subset(&numbers(&quiet)) && numbers(&quiet).is_subset(&numbers(&busy)));
}

/// Also while it runs, and after a start.
#[test]
fn no_file_has_a_time() {
    let mut work = a_quiet_day();
    for running in [true, false] {
        if !running {
            drop(work.book.take());
        }
        let mut folders = vec![work.folder.0.clone()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let about = entry.metadata().unwrap();
                let times = (about.mtime(), about.mtime_nsec(), about.atime(), about.atime_nsec());
                // Looking into a folder is a reading of it.
                let (written, read) = ((times.0, times.1), (times.2, times.3));
                assert_eq!(written, (0, 0), "running {running}: {}", entry.path().display());
                assert!(about.is_dir() || read == (0, 0), "running {running}: {}", entry.path().display());
                seen += 1;
                if about.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        assert!(seen >= 8, "{seen}");
        assert_eq!(fs::metadata(&work.folder.0).unwrap().mtime(), 0);
    }
}
