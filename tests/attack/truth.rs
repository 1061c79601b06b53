//! What is really stored, read from the Maildirs, and the same numbers from doveadm.
//!
//! A message that was there before and after the book was asked was there at that moment: what [`there`] finds both times is a
//! lower bound. A changed flag leaves the first part of a file's name as it is; a renamed folder keeps its inode.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::stage::Stage;

/// Octets and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub octets: u64,
    pub messages: u64,
}

impl Sum {
    /// What is in both.
    pub fn min_of(&self, other: &Sum) -> Sum {
        Sum { octets: self.octets.min(other.octets), messages: self.messages.min(other.messages) }
    }
}

/// The messages of one Maildir, by folder and name, with their sizes as IMAP counts them.
pub type Messages = HashMap<(u64, String), u64>;

/// All messages of all folders of one mailbox.
pub fn there(stage: &Stage, address: &str) -> Messages {
    let maildir = stage.dovecot.maildir(address);
    let mut found = Messages::new();
    folder(&maildir, &mut found);
    for entry in fs::read_dir(&maildir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') && !name.to_string_lossy().starts_with("..") {
            folder(&entry.path(), &mut found);
        }
    }
    found
}

/// The files of one mailbox that are as large as this.
pub fn files_of(stage: &Stage, address: &str, octets: u64) -> Vec<PathBuf> {
    let maildir = stage.dovecot.maildir(address);
    let folders = fs::read_dir(&maildir).into_iter().flatten().flatten().map(|entry| entry.path());
    let parts = folders.chain([maildir]).flat_map(|folder| ["new", "cur"].map(|part| folder.join(part)));
    let files = parts.flat_map(|part| fs::read_dir(part).into_iter().flatten().flatten());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        size(name.split(":2,").next().unwrap_or_default(), path) == Some(octets)
    };
    files.map(|file| file.path()).filter(fits).collect()
}

fn folder(path: &Path, found: &mut Messages) {
    // A folder that is renamed meanwhile keeps its inode, so that nothing is found twice.
    let Ok(place) = fs::metadata(path).map(|folder| folder.ino()) else { return };
    for part in ["new", "cur"] {
        for entry in fs::read_dir(path.join(part)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let base = name.split(":2,").next().unwrap_or_default().to_owned();
            if let Some(octets) = size(&base, &entry.path()) {
                found.insert((place, base), octets);
            }
        }
    }
}

/// Dovecot writes the size with CRLF into the name; where it does not, the file is read.
fn size(base: &str, file: &Path) -> Option<u64> {
    let named = base.split(',').find_map(|part| part.strip_prefix("W=")).and_then(|octets| octets.parse().ok());
    named.or_else(|| {
        let text = fs::read(file).ok()?;
        let bare = (0..text.len()).filter(|at| text[*at] == b'\n' && (*at == 0 || text[*at - 1] != b'\r')).count();
        Some((text.len() + bare) as u64)
    })
}

/// What both of two looks saw.
pub fn both(before: &Messages, after: &Messages) -> Sum {
    let stayed = before.iter().filter(|(name, _)| after.contains_key(*name));
    stayed.fold(Sum::default(), |sum, (_, octets)| Sum { octets: sum.octets + octets, messages: sum.messages + 1 })
}

/// What doveadm counts, in all folders.
pub fn told(stage: &Stage, address: &str) -> Sum {
    let mut sum = Sum::default();
    for line in table(stage, address).lines().skip(1) {
        let mut columns = line.rsplit('\t').map(|column| column.parse::<u64>().unwrap_or_default());
        sum.octets += columns.next().unwrap_or_default();
        sum.messages += columns.next().unwrap_or_default();
    }
    sum
}

/// The same folder by folder, in one line.
pub fn folders(stage: &Stage, address: &str) -> String {
    table(stage, address).lines().skip(1).collect::<Vec<_>>().join("; ").replace('\t', " ")
}

/// It fails where a folder goes while doveadm looks, as one may whose client was cut: then it looks again, for as long as that takes on a busy machine.
fn table(stage: &Stage, address: &str) -> String {
    let words = ["-f", "tab", "mailbox", "status", "-u", address, "messages vsize", "*"];
    let look = || {
        let looked = stage.doveadm_if(&words);
        looked.or_else(|| {
            sleep(Duration::from_millis(200));
            None
        })
    };
    (0..50).find_map(|_| look()).unwrap_or_else(|| stage.doveadm(&words))
}

/// Whether Dovecot itself counts more than the book says, before and after the book is asked: what is deleted in between was in one of the two.
pub fn is_above_the_book(stage: &Stage, user: &str) -> bool {
    let before = told(stage, user);
    let (_, with) = of(stage, user);
    let stored = before.min_of(&told(stage, user));
    stored.octets > with.octets || stored.messages > with.messages
}

/// The book's number of each mailbox: what is stored, and that with what is set aside for messages under way.
pub fn book(stage: &Stage) -> HashMap<String, (Sum, Sum)> {
    let address = |mailbox: &serde_json::Value| mailbox["address"].as_str().unwrap_or_default().to_owned();
    stage.mailboxes().into_iter().map(|mailbox| (address(&mailbox), line(&mailbox))).collect()
}

/// The same of one mailbox; nothing when the book does not know it.
pub fn of(stage: &Stage, user: &str) -> (Sum, Sum) {
    stage.mailbox(user).as_ref().map(line).unwrap_or_default()
}

fn line(mailbox: &serde_json::Value) -> (Sum, Sum) {
    let number =
        |value: &serde_json::Value, key: &str| value[key].as_u64().unwrap_or_else(|| panic!("{key} is missing: {value}"));
    let used = Sum { octets: number(mailbox, "octets"), messages: number(mailbox, "messages") };
    let aside = &mailbox["reserved"];
    let with = Sum { octets: used.octets + number(aside, "octets"), messages: used.messages + number(aside, "messages") };
    (used, with)
}
