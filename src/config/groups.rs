//! Groups of this machine, by name. They are looked up at the start; behind the sandbox nobody can, so a reload takes what was found then.

use std::collections::BTreeMap;
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

/// The group of that name; none where this machine has none and had none at the start.
pub(super) fn group(name: &str) -> Option<FoundGroup> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    match Group::from_name(name).ok().flatten() {
        Some(group) => {
            let uid = |name: &String| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
            let group = FoundGroup { gid: group.gid.as_raw(), members: group.mem.iter().filter_map(uid).collect() };
            found.insert(name.to_owned(), group.clone());
            Some(group)
        }
        None => found.get(name).cloned(),
    }
}
