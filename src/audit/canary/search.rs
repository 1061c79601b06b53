//! Looks for what was planted: file by file, piece by piece, in memory that does not grow with the file.
//!
//! Nothing of a file leaves this module but which value was found in which form, and roughly where.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::super::finding::{Canary, Trace};
use super::forms::{Needle, needles};
use super::planted::{Planted, Rightful};
use super::{session_id, sqlite};
use crate::terminal::Progress;

/// Octets that are looked at in one go.
const PIECE: usize = 256 * 1024;
/// Places are told in steps of this many octets: enough to find it, too little to say what stands around it.
const STEP: u64 = 4096;
/// Folders within folders; a loop of mounts ends here.
const DEPTH: u32 = 32;
/// What ends like this cannot be looked into.
const CLOSED: &[&str] = &["gz", "xz", "bz2", "zst", "lz4", "zip", "gpg", "age"];

/// What a folder or file that is searched holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Territory {
    /// Logs, queues, databases: nothing of it may be there.
    Logs,
    /// Mailboxes and their indexes: the message may be there, and nothing about the machine that it was written with.
    Mail,
    /// nologd's state: the book holds addresses.
    Book,
}

/// What is looked for.
pub(super) struct Search<'a> {
    planted: &'a [Planted],
    needles: Vec<Needle>,
    longest: usize,
    address: Ipv4Addr,
    progress: RefCell<Progress>,
}

impl<'a> Search<'a> {
    pub fn new(planted: &'a [Planted], address: Ipv4Addr) -> Search<'a> {
        let needles = needles(planted);
        let longest = needles.iter().map(|needle| needle.length).chain([session_id::LONGEST]).max().unwrap_or_default() + 8;
        Search { planted, needles, longest, address, progress: RefCell::default() }
    }

    /// Searches a file, or a folder with all below it. Links are not followed: what they lead to is named itself, or is not ours.
    pub fn path(&self, path: &Path, territory: Territory, found: &mut Canary) {
        self.below(path.to_owned(), territory, DEPTH, found);
    }

    fn below(&self, path: PathBuf, territory: Territory, depth: u32, found: &mut Canary) {
        // The first may be a link: the admin named it.
        let known = if depth == DEPTH { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        let name = path.display().to_string();
        match known {
            Ok(known) if known.is_dir() && depth > 0 => match fs::read_dir(&path) {
                Ok(entries) => entries.flatten().for_each(|entry| self.below(entry.path(), territory, depth - 1, found)),
                Err(_) => found.unreadable.push(name),
            },
            Ok(known) if known.is_file() => {
                self.text(path.file_name().map_or(&[], |name| name.as_encoded_bytes()), &name, territory, found);
                let closed = path.extension().is_some_and(|end| CLOSED.iter().any(|closed| end == *closed));
                match File::open(&path) {
                    _ if closed => found.closed.push(name),
                    Ok(file) if self.stream(&file, &name, territory, found).is_ok() => {
                        sqlite::seams(&path, self.longest, |seam, at| self.piece(seam, at, &name, territory, found));
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    _ => found.unreadable.push(name),
                }
            }
            // Sockets, pipes and devices hold nothing.
            Ok(_) => {}
            // A queue file that was delivered meanwhile holds nothing any more; a path that the admin named must be there.
            Err(error) if depth < DEPTH && error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => found.unreadable.push(name),
        }
    }

    /// Searches all that `source` gives.
    pub fn stream(&self, mut source: impl Read, name: &str, territory: Territory, found: &mut Canary) -> io::Result<()> {
        found.files += 1;
        let mut buffer = Vec::with_capacity(PIECE + self.longest);
        let mut base = 0;
        loop {
            let kept = buffer.len();
            let read = source.by_ref().take(PIECE as u64).read_to_end(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.progress.borrow_mut().show(|| format!("{} files searched; now {name}", found.files - 1));
            self.piece(&buffer, base, name, territory, found);
            // What begins in this piece and ends in the next is found there.
            let used = (kept + read).saturating_sub(self.longest);
            buffer.drain(..used);
            base += used as u64;
        }
    }

    fn text(&self, text: &[u8], name: &str, territory: Territory, found: &mut Canary) {
        for needle in self.needles.iter().filter(|needle| self.counts(needle.planted, territory)) {
            let haystack = if needle.any_case { text.to_ascii_lowercase() } else { text.to_vec() };
            if needle.finder.find(&haystack).is_some() {
                self.note(needle.planted, "file name", name, 0, found);
            }
        }
    }

    fn piece(&self, piece: &[u8], base: u64, name: &str, territory: Territory, found: &mut Canary) {
        let small = piece.to_ascii_lowercase();
        let joined = without_soft_breaks(&small);
        for needle in self.needles.iter().filter(|needle| self.counts(needle.planted, territory)) {
            let at = if needle.any_case { needle.finder.find(&small) } else { needle.finder.find(piece) };
            let at = at.or_else(|| joined.as_ref().filter(|_| needle.any_case).and_then(|joined| needle.finder.find(joined)));
            if let Some(at) = at {
                self.note(needle.planted, needle.form, name, base + at as u64, found);
            }
        }
        if let Some(at) = session_id::find(piece, self.address) {
            self.note(0, "session-id", name, base + at as u64, found);
        }
    }

    fn counts(&self, planted: usize, territory: Territory) -> bool {
        let rightful = self.planted.get(planted).map_or(Rightful::Nowhere, |planted| planted.place);
        match territory {
            Territory::Logs => true,
            Territory::Mail => rightful == Rightful::Nowhere,
            Territory::Book => rightful != Rightful::MailAndBook,
        }
    }

    fn note(&self, planted: usize, form: &str, name: &str, at: u64, found: &mut Canary) {
        let Some(planted) = self.planted.get(planted) else { return };
        let known = found.traces.iter().any(|trace| trace.planted == planted.name && trace.form == form && trace.file == name);
        if !known {
            let (planted, form, file) = (planted.name.to_owned(), form.to_owned(), name.to_owned());
            found.traces.push(Trace { planted, form, file, near: at / STEP * STEP });
        }
    }
}

/// Quoted-printable breaks lines anywhere with `=` at the end. `None` where there is no such line.
fn without_soft_breaks(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(text, b"=\n").or_else(|| memchr::memmem::find(text, b"=\r\n"))?;
    let mut joined = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (before, after) = rest.split_at(at);
        joined.extend_from_slice(before);
        rest = match after {
            [b'=', b'\r', b'\n', rest @ ..] | [b'=', b'\n', rest @ ..] => rest,
            [sign, rest @ ..] => {
                joined.push(*sign);
                rest
            }
            [] => &[],
        };
    }
    joined.extend_from_slice(rest);
    Some(joined)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn planted() -> Vec<Planted> {
        let planted = |name, value: &str, place| Planted { name, value: Zeroizing::new(value.to_owned()), place };
        vec![
            planted("client-address", "127.101.102.103", Rightful::Nowhere),
            planted("login", "alice@velo.example", Rightful::MailAndBook),
            planted("subject", "qqqqwwwweeeerrrr", Rightful::Mail),
        ]
    }

    fn traces(bytes: &[u8], territory: Territory) -> Vec<(String, String, u64)> {
        let planted = planted();
        let mut found = Canary::default();
        Search::new(&planted, Ipv4Addr::new(127, 101, 102, 103)).stream(bytes, "log", territory, &mut found).unwrap();
        found.traces.into_iter().map(|trace| (trace.planted, trace.form, trace.near)).collect()
    }

    #[test]
    fn at_every_place_around_the_end_of_a_piece() {
        for shift in 0..80 {
            let mut bytes = vec![b'.'; PIECE - 40 + shift];
            bytes.extend_from_slice(b" rip=127.101.102.103, ");
            bytes.extend_from_slice(&[b'.'; 1000]);
            let found = traces(&bytes, Territory::Logs);
            assert_eq!(found.len(), 1, "{shift}");
            assert_eq!(found[0].2 % STEP, 0);
        }
    }

    #[test]
    fn soft_breaks_are_looked_through() {
        assert_eq!(traces(b"to: alice@ve=\r\nlo.example x=3D", Territory::Logs).len(), 1);
        assert_eq!(traces(b"to: alice@ve\r\nlo.example", Territory::Logs).len(), 0);
    }

    #[test]
    fn what_belongs_there_is_no_finding() {
        let text = b"alice@velo.example qqqqwwwweeeerrrr 127.101.102.103";
        let names = |territory| traces(text, territory).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names(Territory::Logs), ["client-address", "login", "subject"]);
        assert_eq!(names(Territory::Mail), ["client-address"]);
        assert_eq!(names(Territory::Book), ["client-address", "subject"]);
    }

    #[test]
    fn a_session_id_tells_the_address() {
        let id = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [1, 2, 3, 4, 5, 6, 7, 8, 127, 101, 102, 103]);
        assert_eq!(
            traces(format!("session=<{id}>").as_bytes(), Territory::Logs),
            [("client-address".into(), "session-id".into(), 0)]
        );
    }
}
