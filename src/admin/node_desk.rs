//! What commands ask of one of two machines, and what it tells.

use serde::{Deserialize, Serialize};

use super::layout::rows;
use crate::node::{Choice, Duty, Millis, Node};
use crate::quota::Permission;
use crate::words::nullable;

/// Why the other machine's book could not be taken over. The numbers are those of the event `copy-unusable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyTrouble {
    /// It was sealed with another key, or is damaged.
    OtherKey = 1,
    /// A newer nologd wrote it.
    Newer = 2,
    /// The disk here does not take it.
    Unwritable = 3,
    /// The witness speaks another version.
    OtherVersion = 4,
    /// It has no association, and the book here has some.
    Empty = 5,
    /// etcd was emptied, or put back to an older state: what is in force here stays.
    PutBack = 6,
}

words! {
    CopyTrouble, "No such trouble.":
    OtherKey = "other-key", Newer = "newer", Unwritable = "unwritable", OtherVersion = "other-version", Empty = "empty",
    PutBack = "put-back",
}

impl CopyTrouble {
    /// What it is, and what to do.
    pub fn text(self) -> &'static str {
        match self {
            CopyTrouble::OtherKey => "it cannot be opened: message-id.key must be the same file on both machines",
            CopyTrouble::PutBack => "etcd was emptied or put back: `nologd share publish` on the node whose settings are right",
            CopyTrouble::Newer => "a newer nologd wrote it: update this machine",
            CopyTrouble::Unwritable => "the disk here does not take it: make room",
            CopyTrouble::OtherVersion => "the witness is of another version: update it",
            CopyTrouble::Empty => {
                "it has no association, and the book here has: where this one is the right one, `node take-over --with-own-book` here"
            }
        }
    }
}

/// Which book a machine begins with when it is to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginWith {
    /// That of the witness.
    NewestCopy,
    /// Its own.
    OwnBook,
    /// Its own, though there is no association in it.
    EmptyBook,
}

/// Who knows and does it.
pub trait NodeDesk: Send + Sync {
    /// How it stands.
    fn told(&self) -> NodeTold;
    /// This machine is to judge.
    ///
    /// # Errors
    /// Why not: a sentence for the admin.
    fn take_over(&self, book: BeginWith) -> Result<(), &'static str>;
    /// The other one is to judge, or what was said is taken back. False: this one does not judge, and is not to.
    fn stand_by(&self) -> bool;
}

/// What the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DutyShown {
    /// It waits.
    Waits,
    /// It is to judge as soon as the storage is closed to everybody else.
    Closes,
    /// It has the lease, and is about to judge.
    Begins,
    /// It judges.
    Judges,
    /// It judged, and ends.
    Ended,
}

words! { DutyShown, "No such duty.": Waits = "waits", Closes = "closes", Begins = "begins", Judges = "judges", Ended = "ended" }

/// What it may store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantsShown {
    /// Nothing.
    Nothing,
    /// Where all mailboxes are counted.
    Counted,
    /// All.
    All,
}

words! { GrantsShown, "No such grants.": Nothing = "nothing", Counted = "counted", All = "all" }

/// By which book an admin said that it is to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenShown {
    /// That of the witness.
    NewestCopy,
    /// Its own.
    OwnBook,
}

words! { ChosenShown, "No such book.": NewestCopy = "newest-copy", OwnBook = "own-book" }

/// How it stands.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NodeTold {
    /// The machine's name at the witness; none where the witness cannot be reached.
    #[serde(deserialize_with = "nullable")]
    pub name: Option<String>,
    /// What it does.
    pub duty: DutyShown,
    /// Whether it has the lease at this moment, and the book in force: the address belongs here.
    pub leads: bool,
    /// What it may store.
    pub grants: GrantsShown,
    /// Whether it has the newest copy of the book, as the witness says now. False where that cannot be reached.
    pub up_to_date: bool,
    /// By which book an admin said that it is to judge; none where nothing was said that still holds.
    #[serde(deserialize_with = "nullable")]
    pub chosen: Option<ChosenShown>,
    /// For so many seconds that holds, where nothing comes of it.
    pub chosen_seconds: u64,
    /// Why a copy cannot be used.
    #[serde(deserialize_with = "nullable")]
    pub trouble: Option<CopyTrouble>,
}

impl NodeTold {
    /// As `node` stands at `now`.
    pub fn of(node: &Node, now: Millis, name: Option<String>, trouble: Option<CopyTrouble>) -> NodeTold {
        let duty = match node.duty() {
            Duty::Waiting if node.is_closing() => DutyShown::Closes,
            Duty::Waiting => DutyShown::Waits,
            Duty::Won => DutyShown::Begins,
            Duty::Judging(_) => DutyShown::Judges,
            Duty::Over => DutyShown::Ended,
        };
        let grants = match node.permission(now) {
            Permission::Nothing => GrantsShown::Nothing,
            Permission::Confirmed => GrantsShown::Counted,
            Permission::All => GrantsShown::All,
        };
        let leads = duty == DutyShown::Judges && now < node.until();
        let (choice, left) = node.choice(now);
        let chosen = match choice {
            Choice::None => None,
            Choice::Here => Some(ChosenShown::NewestCopy),
            Choice::OwnBook(_) => Some(ChosenShown::OwnBook),
        };
        NodeTold { name, duty, leads, grants, up_to_date: node.knows_newest(), chosen, chosen_seconds: left / 1000, trouble }
    }

    pub(super) fn print(&self) -> String {
        let judges = match (self.duty, self.leads) {
            (DutyShown::Judges, true) => "yes",
            (DutyShown::Judges, false) => "not at this moment: the lease has run out, and the witness does not answer",
            (DutyShown::Begins, _) => "in a moment",
            (DutyShown::Closes, _) => "as soon as the storage is closed to the other one: there, close-storage has not ended yet",
            (DutyShown::Waits, _) => "no, it waits",
            (DutyShown::Ended, _) => "no more: it ends, and the next one waits",
        };
        let stores = match self.grants {
            GrantsShown::All => "all",
            GrantsShown::Counted => "where all mailboxes are counted; the storage did not tell some",
            GrantsShown::Nothing if self.leads => "nothing yet: the storage is being asked what the mailboxes hold",
            GrantsShown::Nothing => "nothing",
        };
        let copy = match self.trouble {
            Some(why) => why.text(),
            None if self.up_to_date => "the newest",
            None if self.name.is_none() => "not known whether it is the newest",
            None => "none yet, or an old one",
        };
        let chosen = self.chosen.map(|book| {
            let book = match book {
                ChosenShown::NewestCopy => "the newest copy",
                ChosenShown::OwnBook => "its own book",
            };
            format!("by {book}, as an admin said; forgotten in {} s, where nothing comes of it", self.chosen_seconds)
        });
        let witness =
            self.name.as_ref().map_or("cannot be reached".into(), |name| format!("answers, and calls this machine {name}"));
        let line = |label, text: &str| (label, text.to_owned());
        let mut lines = vec![line("this machine judges", judges)];
        lines.extend(chosen.map(|chosen| line("is to judge", &chosen)));
        lines.extend([line("takes mail", stores), line("the witness", &witness), line("copy of the book", copy)]);
        rows(&lines)
    }
}
