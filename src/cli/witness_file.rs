//! What the witness keeps: the newest copy of the book, sealed, on the disk; and who has the lease, in a folder that is in memory, so that
//! a full disk ends no lease. Several processes use them, one at a time.
//!
//! Absent on purpose: times of the calendar, and anything that could be read. The lease's times are those since the machine's start.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::node::{Arbiter, Claimant};
use crate::serve::clock::boot_time;
use crate::store::{self, Lasting};

const LEASE: &str = "lease";
const COPY: &str = "copy";

/// The two folders.
pub(super) struct WitnessFolder {
    state: PathBuf,
    run: PathBuf,
}

impl WitnessFolder {
    /// Makes them where they are missing.
    pub(super) fn open(state: &Path, run: &Path) -> io::Result<WitnessFolder> {
        [state, run].iter().try_for_each(|path| DirBuilder::new().recursive(true).mode(0o700).create(path))?;
        Ok(WitnessFolder { state: state.to_owned(), run: run.to_owned() })
    }

    /// Waits until nobody else has this lock.
    pub(super) fn lock(&self, name: &str) -> io::Result<Flock<File>> {
        Flock::lock(self.open_lock(name)?, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
    }

    /// The same; none where somebody else has it for all that time.
    pub(super) fn lock_within(&self, name: &str, patience: Duration) -> io::Result<Option<Flock<File>>> {
        let end = Instant::now() + patience;
        let mut file = self.open_lock(name)?;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Some(lock)),
                Err((_, Errno::EWOULDBLOCK)) if Instant::now() >= end => return Ok(None),
                Err((file, Errno::EWOULDBLOCK)) => file,
                Err((_, error)) => return Err(error.into()),
            };
            sleep(Duration::from_millis(100));
        }
    }

    fn open_lock(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.run.join(name))
    }

    /// What whoever has this lock has written into it.
    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(self.run.join(name))
    }

    /// Looks at the lease, and changes it, while nobody else does. The time is read behind the lock.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Arbiter, u64) -> T) -> io::Result<T> {
        let _lock = self.lock("lock")?;
        let (boot, now) = (fs::read_to_string("/proc/sys/kernel/random/boot_id")?, boot_time());
        // One that cannot be read is none: somebody may rely on what it said.
        let read = fs::read(self.run.join(LEASE)).ok().and_then(|text| serde_json::from_slice::<Arbiter>(&text).ok());
        let mut arbiter = read.map_or_else(|| Arbiter::new(boot.trim(), now), |arbiter| arbiter.of_boot(boot.trim(), now));
        let before = arbiter.clone();
        let done = work(&mut arbiter, now);
        if arbiter != before || !self.run.join(LEASE).exists() {
            // Not synced: after a crash of this machine it says nothing anyway.
            store::replace(&self.run.join(LEASE), &[&serde_json::to_vec(&arbiter)?], Lasting::No)?;
        }
        Ok(done)
    }

    /// Keeps copy `number` from whoever holds the lease, behind copy `previous`: false where another one holds it, or another copy is the newest.
    /// For a process may have several connections, and what one of before still brings must not come over what was answered since.
    pub(super) fn keep(&self, who: &Claimant, term: u64, [previous, number]: [u64; 2], sealed: &[u8]) -> io::Result<bool> {
        // Behind the same lock as the lease: who gets it next gets this copy.
        self.with(|arbiter, now| {
            if !arbiter.holds(who, term, now) || self.newest()? != previous || [0, previous].contains(&number) {
                return Ok(false);
            }
            store::replace(&self.state.join(COPY), &[&number.to_be_bytes(), sealed], Lasting::Synced)?;
            // The folder too: it tells nobody when an admin changed something.
            File::open(&self.state)?.set_times(store::no_times()).map(|()| true)
        })?
    }

    /// The number of the newest copy; 0 where there was none yet. One that is there and cannot be read is not none: whoever took it for that
    /// would begin with an older book of its own.
    pub(super) fn newest(&self) -> io::Result<u64> {
        let mut number = [0; 8];
        let read = File::open(self.state.join(COPY)).and_then(|mut file| file.read_exact(&mut number));
        none_yet(read.map(|()| u64::from_be_bytes(number)))
    }

    /// The newest copy and its number; the same for none.
    pub(super) fn copy(&self) -> io::Result<(u64, Vec<u8>)> {
        // Without the lock, behind which leases are renewed: the file is replaced as a whole.
        none_yet(fs::read(self.state.join(COPY)).and_then(|whole| {
            let (number, sealed) = whole.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
            Ok((u64::from_be_bytes(*number), sealed.to_vec()))
        }))
    }
}

/// Where there is no file, nothing was kept.
fn none_yet<T: Default>(read: io::Result<T>) -> io::Result<T> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Bid, LEASE as LONG};

    #[test]
    fn only_who_holds_the_lease_keeps_a_copy() {
        let path = std::env::temp_dir().join(format!("nologd-witness-{}", std::process::id()));
        let folder = WitnessFolder::open(&path, &path.join("run")).unwrap();
        let (one, two) = (Claimant { node: "one".into(), life: 1 }, Claimant { node: "two".into(), life: 2 });
        assert_eq!((folder.newest().unwrap(), folder.copy().unwrap()), (0, (0, Vec::new())));
        assert!(!folder.keep(&one, 0, [0, 5], b"x").unwrap());
        // As if the wait were over.
        let ask = |arbiter: &mut Arbiter, now| (arbiter.ask(&one, Bid::Want, now + LONG), arbiter.term()).1;
        let term = folder.with(ask).unwrap();
        assert!(!folder.keep(&one, term, [0, 5], b"x").unwrap(), "the storage is not closed yet");
        folder.with(|arbiter, _| arbiter.closed(&one)).unwrap();
        assert!(folder.keep(&one, term, [0, 5], b"x").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), std::time::UNIX_EPOCH);
        assert!(!folder.keep(&one, term, [0, 9], b"y").unwrap(), "what an old connection brings late");
        assert!(!folder.keep(&two, term, [5, 6], b"y").unwrap());
        assert!(!folder.keep(&one, term - 1, [5, 6], b"y").unwrap(), "an old book");
        assert!(folder.keep(&one, term, [5, 6], b"z").unwrap());
        assert_eq!(folder.copy().unwrap(), (6, b"z".to_vec()));
        // What is there and cannot be read is not nothing: no number begins anew, and nobody hears that there is no copy.
        store::replace(&path.join(COPY), &[&[0; 7]], Lasting::No).unwrap();
        assert!(folder.newest().is_err() && folder.copy().is_err() && folder.keep(&one, term, [6, 7], b"w").is_err());
        assert_eq!(fs::read(path.join(COPY)).unwrap(), [0; 7]);
        // A record that makes no sense is none: nobody holds anything for the length of a lease.
        store::replace(&folder.run.join(LEASE), &[b"{"], Lasting::No).unwrap();
        assert!(!folder.keep(&one, term, [6, 7], b"w").unwrap());
        fs::remove_dir_all(path).unwrap();
    }
}
