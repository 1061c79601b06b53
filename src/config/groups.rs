//! Groups of this machine, by name. They are looked up at the start; behind the sandbox nobody can, so a reload takes what was found then.
//! Of a name that is new at a reload nothing is known: it is a change like others, which waits for a restart.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::unistd::{Group, User};

/// A group, as it was when it was looked up.
#[derive(Clone)]
pub(super) struct FoundGroup {
    pub(super) gid: u32,
    /// Numbers of the users that are in it besides their own group.
    pub(super) members: Vec<u32>,
}

static FOUND: Mutex<BTreeMap<String, FoundGroup>> = Mutex::new(BTreeMap::new());
static SEALED: AtomicBool = AtomicBool::new(false);

/// The number of one that could not be looked up, which no group has (chown(2)).
const UNKNOWN: u32 = u32::MAX;

/// From here on the file with the groups cannot be read, nor anything else that the kernel was not told of.
pub(super) fn seal() {
    SEALED.store(true, Ordering::Relaxed);
}

/// Whether it is so.
pub(super) fn is_sealed() -> bool {
    SEALED.load(Ordering::Relaxed)
}

/// The group of that name; none where this machine has none.
pub(super) fn group(name: &str) -> Option<FoundGroup> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    match Group::from_name(name).ok().flatten() {
        Some(group) => {
            let uid = |name: &String| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
            let group = FoundGroup { gid: group.gid.as_raw(), members: group.mem.iter().filter_map(uid).collect() };
            found.insert(name.to_owned(), group.clone());
            Some(group)
        }
        None => match found.get(name) {
            None if is_sealed() => Some(FoundGroup { gid: UNKNOWN, members: Vec::new() }),
            known => known.cloned(),
        },
    }
}
