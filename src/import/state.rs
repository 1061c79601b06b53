//! What a sync remembers from run to run, in a file of its own user: never in the daemon's book, which holds no time of anything.
//!
//! A mailbox that the panel does not have any more is marked by an hour, not by a moment, and under a keyed hash: nobody reads an address in
//! the file. The key is in it as well, so that who has the file can try whether an address that he knows is among them. The mark goes with
//! the mailbox. Where the file is lost, marks begin anew, and domains that the panel lost meanwhile stay until an admin removes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use aws_lc_rs::{hmac, rand};
use serde::{Deserialize, Serialize};

use crate::private::{Address, Domain};
use crate::quota::Name;
use crate::store::{self, Lasting};

/// Most octets of the file: thousands of domains, and a mark for each of 100,000 mailboxes.
const MOST: u64 = 16 << 20;
/// Octets of the key, and of a hash that is kept.
const KEY: usize = 32;
const KEPT: usize = 16;
/// Hours from the first run that misses something to the one that removes it: two beginnings of an hour are at least one hour apart.
const REST: u64 = 2;

/// All of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SyncState {
    version: u64,
    key: Vec<u8>,
    /// What the panel had at the last run that was not stopped; none before the first.
    pub counts: Option<PanelCounts>,
    /// Where the sync put domains: while one is there, it was not moved by hand. Two, while a run is under way.
    pub placed: BTreeMap<String, BTreeSet<String>>,
    missing: BTreeMap<String, Missing>,
    /// The word that was told last; the same one is not told again.
    pub told: Option<String>,
}

/// Held by a run as long as it goes: one at a time changes what is remembered.
pub struct SyncTurn {
    _folder: File,
}

impl SyncTurn {
    /// Takes the turn; none while another run has it. One that changes nothing (`is_dry`) keeps nobody else from looking. The folder itself is
    /// locked, so that nothing has to be made in it.
    ///
    /// # Errors
    /// There is no such folder, or it may not be read.
    pub fn take(folder: &Path, is_dry: bool) -> io::Result<Option<SyncTurn>> {
        let open = File::open(folder)?;
        match if is_dry { open.try_lock_shared() } else { open.try_lock() } {
            Ok(()) => Ok(Some(SyncTurn { _folder: open })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// How much a panel has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelCounts {
    /// Domains.
    pub domains: u64,
    /// Mailboxes.
    pub mailboxes: u64,
    /// Aliases.
    pub aliases: u64,
    /// Domains that stand for another. Files of before do not have it.
    #[serde(default)]
    pub standing: u64,
}

/// Something that the panel does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Since which hour.
    since: u64,
    /// Whether an admin agreed to its removal (`--yes`).
    pub agreed: bool,
}

impl Missing {
    /// Whether it may go.
    pub fn is_due(self, hour: u64) -> bool {
        hour >= self.since.saturating_add(REST)
    }
}

impl SyncState {
    /// Before the first run. None where the system has no random numbers.
    pub fn new() -> Option<SyncState> {
        let mut key = vec![0; KEY];
        rand::fill(&mut key).ok()?;
        Some(SyncState { version: 1, key, counts: None, placed: BTreeMap::new(), missing: BTreeMap::new(), told: None })
    }

    /// Reads the file; none where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is none of ours.
    pub fn read(file: &Path) -> io::Result<Option<SyncState>> {
        let text = match store::read_own(file, MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let state: SyncState = serde_json::from_slice(&text).map_err(|_| io::ErrorKind::InvalidData)?;
        if state.version == 1 && state.key.len() == KEY { Ok(Some(state)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Replaces the file: it is the one before or this one, also after a crash.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        store::replace(file, &[&serde_json::to_vec(self).map_err(io::Error::other)?], Lasting::Alone)
    }

    fn hash(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        let tag = hmac::sign(&key, text.as_bytes());
        tag.as_ref().iter().take(KEPT).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The mark of a mailbox that is missing: the one of an earlier run, or a new one. A mark of a later hour than now is none: a clock
    /// was set.
    pub fn mark_mailbox(&self, mailbox: &Address, hour: u64) -> (String, Missing) {
        self.mark(self.hash(&mailbox.reveal()), hour)
    }

    /// The same for a domain.
    pub fn mark_domain(&self, domain: &Domain, hour: u64) -> (String, Missing) {
        self.mark(self.hash(domain.reveal()), hour)
    }

    fn mark(&self, hash: String, hour: u64) -> (String, Missing) {
        let fresh = Missing { since: hour, agreed: false };
        let known = self.missing.get(&hash).copied().filter(|missing| missing.since <= hour);
        (hash, known.unwrap_or(fresh))
    }

    /// Whether it was missing at the last run.
    pub fn has_mark(&self, hash: &str) -> bool {
        self.missing.contains_key(hash)
    }

    /// Exactly these are missing now.
    pub fn set_missing(&mut self, missing: BTreeMap<String, Missing>) {
        self.missing = missing;
    }

    /// Whether the sync put the domain there.
    pub fn has_placed(&self, domain: &Domain, name: &Name) -> bool {
        self.placed.get(domain.reveal()).is_some_and(|names| names.contains(name.reveal()))
    }

    /// It puts the domain there.
    pub fn place(&mut self, domain: &Domain, name: &Name) {
        self.placed.insert(domain.reveal().into(), [name.reveal().to_owned()].into());
    }

    /// Both at once, for the time between.
    #[must_use]
    pub fn between(&self, after: &SyncState) -> SyncState {
        let mut both = self.clone();
        for (domain, names) in &after.placed {
            both.placed.entry(domain.clone()).or_default().extend(names.iter().cloned());
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    #[test]
    fn a_mark_rests_an_hour_and_survives_a_clock_that_was_set() {
        let mut state = SyncState::new().unwrap();
        let mailbox: Address = "bob@velo.example".parse().unwrap();
        let (hash, missing) = state.mark_mailbox(&mailbox, 100);
        state.set_missing([(hash, missing)].into());
        let due = |hour| state.mark_mailbox(&mailbox, hour).1.is_due(hour);
        assert_eq!([99, 100, 101, 102, 500].map(due), [false, false, false, true, true]);
        let other = SyncState::new().unwrap();
        assert_ne!(state.hash("x"), other.hash("x"));
    }

    #[test]
    fn the_file_is_read_as_it_was_written_and_holds_no_address() {
        let folder = std::env::temp_dir().join(format!("nologd-sync-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("state.json");
        assert!(SyncState::read(&file).unwrap().is_none());
        let mut state = SyncState::new().unwrap();
        let mailbox: Address = "bob@velo.example".parse().unwrap();
        state.set_missing([state.mark_mailbox(&mailbox, 7)].into());
        state.place(mailbox.domain(), &"velo".parse().unwrap());
        state.write(&file).unwrap();
        assert!(SyncState::read(&file).unwrap() == Some(state));
        assert!(!fs::read_to_string(&file).unwrap().contains("bob"));
        OpenOptions::new().write(true).truncate(true).open(&file).unwrap().write_all(b"{}").unwrap();
        assert!(SyncState::read(&file).is_err());
        let taken = |is_dry| SyncTurn::take(&folder, is_dry).unwrap().is_some();
        let one = SyncTurn::take(&folder, false).unwrap();
        assert_eq!((one.is_some(), taken(false), taken(true)), (true, false, false));
        drop(one);
        let looks = SyncTurn::take(&folder, true).unwrap();
        assert_eq!((looks.is_some(), taken(true), taken(false)), (true, true, false));
        drop(looks);
        assert!(taken(false));
        fs::remove_dir_all(&folder).unwrap();
    }
}
