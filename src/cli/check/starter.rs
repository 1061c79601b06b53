//! Who starts nologd and who it becomes, and a look at files with the rights of the latter.

use nix::unistd::{Uid, User};

use super::unit::Unit;
use crate::config::Config;
use crate::sandbox;

/// Who starts nologd, and who it becomes.
pub(super) struct Starter {
    user: Option<String>,
    /// Whether it is root who runs this.
    pub(super) root: bool,
}

impl Starter {
    pub(super) fn new(config: &Config, unit: &Unit) -> Starter {
        let user = config.user.clone().or_else(|| unit.user.clone()).filter(|user| user != "root");
        Starter { user, root: Uid::effective().is_root() }
    }

    /// The user without rights that the daemon stays. `None`: who starts it.
    pub(super) fn becomes(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Does `work` with the rights of that user. `None`: it cannot be done from here.
    pub(super) fn as_user<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        match &self.user {
            None => Some(work()),
            Some(user) if self.root => sandbox::as_user(user, work).ok(),
            Some(user) => {
                let own = User::from_name(user).ok().flatten().is_some_and(|user| user.uid == Uid::effective());
                own.then(work)
            }
        }
    }

    /// For a sentence: `user nologd`, or whoever it is.
    pub(super) fn said(&self) -> String {
        self.user.as_ref().map_or_else(|| "who starts nologd".to_owned(), |user| format!("user {user}"))
    }
}
