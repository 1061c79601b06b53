//! What a backend writes down of what it read (`rawlog_dir`).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the backend has read in its last session, once that is over; the account is taken away.
pub fn raw(folder: &Path, what: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let files = || {
            fs::read_dir(folder)
                .unwrap()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|end| end == "in"))
        };
        let before: Vec<_> = files().map(|file| fs::read(file).unwrap()).collect();
        std::thread::sleep(Duration::from_millis(60));
        let after: Vec<_> = files().map(|file| fs::read(file).unwrap()).collect();
        // Whoever had a session has left it, and what was read is written.
        if before == after && !is_open(folder) {
            let all = after.concat();
            fs::read_dir(folder).unwrap().flatten().for_each(|entry| fs::remove_file(entry.path()).unwrap());
            return String::from_utf8_lossy(&unstamped(&all)).into_owned();
        }
        assert!(Instant::now() < end, "{what}: the backend's session does not end");
    }
}

/// Whether a process has a file of the folder open.
fn is_open(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    let mut open = processes.flat_map(|process| fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten());
    open.any(|file| fs::read_link(file.path()).is_ok_and(|target| target.starts_with(folder)))
}

/// Each line of an account begins with the time.
fn unstamped(all: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in all.split_inclusive(|byte| *byte == b'\n') {
        let stamp = line.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let stamped = stamp >= 12 && line.get(stamp) == Some(&b' ');
        text.extend_from_slice(if stamped { &line[stamp + 1..] } else { line });
    }
    text
}
