//! How a backend can be asked what the mailbox holds, and what such a count does first.

/// How a backend can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ListStatus,
    Status,
    Quota,
    Sizes {
        /// The last folder can be left by UNSELECT (RFC 3691).
        unselect: bool,
    },
}

/// What a count does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing: no folder is open.
    Straight,
    /// EXAMINE INBOX, and CLOSE behind: no folder is open, and mail has come in lately.
    Visit,
    /// NOOP, for the folder that is open.
    Sync,
    /// EXAMINE INBOX, in place of the folder that is open and is not needed any more.
    Inbox,
}
