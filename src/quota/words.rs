//! Small words that several parts of the book say to each other: whose write it is, how sure a number is, what moves.

/// How mail gets into a mailbox: it decides which states of an association refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By LMTP, from outside: only limits refuse it.
    Incoming,
    /// By a member (APPEND, COPY, REPLACE): the association's state counts too.
    Member,
}

/// How sure it is that what was stored is in the book once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is counted twice stays so until somebody counts again"]
pub enum Counted {
    /// It is.
    Once,
    /// A count or a push overlapped: it may be in that number too. Whoever can is to count again when the mailbox rests.
    PerhapsTwice,
}

/// What became of space that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is free.
    Free,
    /// A folder was renamed or deleted at the same time: it is in doubt. Whoever can is to count.
    Doubt,
}

/// Why messages or folders cannot be moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoShift {
    /// Somebody else moves messages there, or renames a folder: [`Turn::hindrances`].
    Busy,
    /// This process may not judge now: see [`super::Permit`].
    NotNow,
    /// The mailbox was not admitted.
    Unknown,
}

/// How good the new count is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Nobody wrote through us meanwhile: it is what the backend said.
    Exact,
    /// Somebody did: it may be above the truth. Refresh again when the mailbox rests.
    AtMost,
    /// The same, and whoever did it is a member whose session refreshes when it rests or ends ([`Counted::PerhapsTwice`]).
    Overlapped,
    /// Messages changed their folder meanwhile ([`super::Book::shift`]) and may have been missed: nothing was changed. Refresh again when
    /// that is over. Or it is one of many ([`super::WantedCounts`]), and a push came meanwhile.
    Disturbed,
    /// That there is nothing, though there was something, and nobody deleted it: of a storage that is not mounted doveadm says that too. Only of a
    /// count outside a session; the number stays, and a count is wanted.
    InVain,
    /// A refresh that began later was finished already, or the mailbox was removed; nothing was changed.
    Outdated,
}

/// What messages or folders go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// MOVE: messages change their folder.
    Move,
    /// RENAME: messages change their folder, and its name may be another's.
    Rename,
    /// DELETE: the name of the folder may be another's.
    Delete,
}

impl Turn {
    /// How many there are.
    pub(super) const COUNT: usize = 3;

    /// Those in which messages are in another folder afterwards, where a count at the same time may miss them.
    pub(super) const CHANGING_FOLDER: &'static [Turn] = &[Turn::Move, Turn::Rename];

    /// Those that are in the way of this one: of several who move the same message, each may keep a copy of it, and so does whoever
    /// finds its folder renamed meanwhile.
    pub(super) fn hindrances(self) -> &'static [Turn] {
        match self {
            Turn::Move => &[Turn::Move, Turn::Rename],
            Turn::Rename => &[Turn::Move],
            Turn::Delete => &[],
        }
    }
}
