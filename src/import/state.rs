//! What a sync remembers from run to run, in a file of its own user: never in the daemon's book, which holds no time of anything.
//!
//! A mailbox that the panel does not have any more is marked by an hour, not by a moment, and under a keyed hash: who gets the file alone
//! reads no address in it. The mark goes with the mailbox. Where the file is lost, marks begin anew, and domains that the panel lost
//! meanwhile stay until an admin removes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use aws_lc_rs::{hmac, rand};
use serde::{Deserialize, Serialize};

use crate::private::{Address, Domain};
use crate::quota::Name;

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
        let text = match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let state: SyncState = serde_json::from_slice(&text).map_err(|_| io::ErrorKind::InvalidData)?;
        if state.version == 1 && state.key.len() == KEY { Ok(Some(state)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Replaces the file: it is the one before or this one, also after a crash.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let draft = file.with_extension("new");
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        // Root may have been the one to say --yes: the timer's user must be able to read it afterwards.
        if let Some(owner) = file.parent().and_then(|folder| fs::metadata(folder).ok()) {
            let _ = fchown(&open, Some(owner.uid()), Some(owner.gid()));
        }
        open.write_all(&text)?;
        open.sync_all()?;
        fs::rename(&draft, file)?;
        file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
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
        fs::remove_dir_all(&folder).unwrap();
    }
}
