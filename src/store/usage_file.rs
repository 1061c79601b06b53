//! The file of usage: how it is read, where it is whole and where it is not.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use nix::errno::Errno;

use super::{Record, StoreError, StoredUsage, lines};

/// The usage in `file`; none where there is no file.
pub(super) fn read_usage(file: &Path) -> Result<StoredUsage, StoreError> {
    let mut records = Vec::new();
    let lost = each_usage(file, &mut |key, value| records.push(Record::of(key, value)))?;
    Ok(StoredUsage { records, lost })
}

/// The same, one after the other; gives what is lost.
pub(super) fn each_usage(file: &Path, work: &mut dyn FnMut(&str, &[u8])) -> Result<u64, StoreError> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        // A bad sector: mail goes on without the numbers, as after damage. What else keeps it from being read can be mended.
        Err(error) if is_broken(&error) => return Ok(1),
        read => read?,
    };
    let read = lines::each(&text, work);
    // Where only the end is missing, nobody knows how many lines went with it.
    Ok(if read.is_whole { 0 } else { read.lost.max(1) })
}

fn is_broken(error: &io::Error) -> bool {
    error.kind() == ErrorKind::IsADirectory || error.raw_os_error() == Some(Errno::EIO as i32)
}
