//! SQLite files: a value that is too long for its page goes on in other pages, anywhere in the file, so that what stands in one
//! piece in the database may stand nowhere in one piece in the file. These seams are put together and searched.
//!
//! Format: <https://www.sqlite.org/fileformat2.html>, sections 1.2, 1.6 and 4.1. The tree is not walked: each place where four octets
//! could be the number of the next page is taken for a seam. A wrong guess costs time and finds nothing, for what is looked for is
//! long and made up; and old pages that no tree leads to any more are searched too. Absent on purpose: other databases, whose
//! values are searched as they lie in the file (compressed ones cannot be seen: search a dump of them).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// The header of a write-ahead log, and that of each page in it.
const WAL: usize = 32;
const FRAME: usize = 24;
/// The number of the next page.
const LINK: usize = 4;

/// Calls `seam` with the end of each piece and the beginning of the one that may follow it, joined, and with the place of the end
/// in the file. `around`: octets on each side. Does nothing with what is no SQLite file.
pub(super) fn seams(path: &Path, around: usize, mut seam: impl FnMut(&[u8], u64)) {
    let Some(pages) = Pages::open(path) else { return };
    let mut page = vec![0; pages.size];
    for place in pages.places() {
        if pages.file_of(place).read_exact_at(&mut page, place.at).is_err() {
            continue;
        }
        let usable = page.get(..pages.usable).unwrap_or_default();
        // A page in the middle of a value: the number of the next page, then the value.
        if let Some(next) = number(usable, 0) {
            pages.joined(usable, usable.len(), next, around, |joined| seam(joined, place.at));
        }
        // The first part of a value, in a page of a tree: the number stands behind it.
        for at in 1..usable.len().saturating_sub(LINK - 1) {
            if let Some(next) = number(usable, at).filter(|next| pages.has(*next)) {
                pages.joined(usable, at, next, around, |joined| seam(joined, place.at));
            }
        }
    }
}

/// Where one version of a page is.
#[derive(Clone, Copy)]
struct PageVersion {
    number: u32,
    at: u64,
    in_log: bool,
}

struct Pages {
    file: File,
    log: Option<File>,
    size: usize,
    usable: usize,
    count: u32,
    /// Pages in the write-ahead log, in its order.
    logged: Vec<PageVersion>,
}

impl Pages {
    fn open(path: &Path) -> Option<Pages> {
        let file = File::open(path).ok()?;
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0).ok()?;
        if !header.starts_with(MAGIC) {
            return None;
        }
        // 1 stands for 65536.
        let size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = size.checked_sub(usize::from(header[20])).filter(|usable| size >= 512 && *usable >= 480)?;
        let count = u32::try_from(file.metadata().ok()?.len() / size as u64).ok()?;
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let log = File::open(name).ok();
        let logged = log.as_ref().map(|log| logged(log, size)).unwrap_or_default();
        let count = logged.iter().map(|place| place.number).chain([count]).max()?;
        Some(Pages { file, log, size, usable, count, logged })
    }

    fn places(&self) -> impl Iterator<Item = PageVersion> {
        let own = (1..=self.count).map(|number| self.place(number));
        own.chain(self.logged.iter().copied())
    }

    fn place(&self, number: u32) -> PageVersion {
        PageVersion { number, at: u64::from(number - 1) * self.size as u64, in_log: false }
    }

    fn file_of(&self, place: PageVersion) -> &File {
        self.log.as_ref().filter(|_| place.in_log).unwrap_or(&self.file)
    }

    /// The first page is never the continuation of a value.
    fn has(&self, number: u32) -> bool {
        (2..=self.count).contains(&number)
    }

    /// Every version of page `next` behind what ends at `end`.
    fn joined(&self, page: &[u8], end: usize, next: u32, around: usize, mut seam: impl FnMut(&[u8])) {
        if !self.has(next) {
            return;
        }
        let before = page.get(end.saturating_sub(around)..end).unwrap_or_default();
        let logged = self.logged.iter().copied().filter(|place| place.number == next);
        for place in logged.chain([self.place(next)]) {
            let mut joined = before.to_vec();
            joined.resize(before.len() + around.min(self.usable - LINK), 0);
            let after = joined.get_mut(before.len()..).unwrap_or_default();
            if self.file_of(place).read_exact_at(after, place.at + LINK as u64).is_ok() {
                seam(&joined);
            }
        }
    }
}

fn logged(log: &File, size: usize) -> Vec<PageVersion> {
    let frame = (FRAME + size) as u64;
    let length = log.metadata().map_or(0, |data| data.len());
    let mut places = Vec::new();
    let mut start = WAL as u64;
    while start + frame <= length {
        let mut bytes = [0; LINK];
        if log.read_exact_at(&mut bytes, start).is_ok() {
            places.push(PageVersion { number: u32::from_be_bytes(bytes), at: start + FRAME as u64, in_log: true });
        }
        start += frame;
    }
    places
}

fn number(page: &[u8], at: usize) -> Option<u32> {
    let bytes = page.get(at..at + LINK)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
