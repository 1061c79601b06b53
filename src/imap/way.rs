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

/// The ways in which this backend can be asked, the best first, and which of them failed here.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    ways: [Option<Way>; 3],
    at: usize,
}

impl Ways {
    pub(super) fn new(ways: [Option<Way>; 3]) -> Ways {
        Ways { ways, at: 0 }
    }

    /// The best that is left.
    pub(super) fn now(&self) -> Option<Way> {
        self.ways.iter().skip(self.at).flatten().next().copied()
    }

    /// It failed: the next one is tried. False: there is none.
    pub(super) fn next(&mut self) -> bool {
        let now = self.now();
        self.at = self.ways.iter().position(|way| *way == now).map_or(self.ways.len(), |at| at + 1);
        self.now().is_some()
    }

    /// All may be tried again. True: some had failed.
    pub(super) fn renew(&mut self) -> bool {
        std::mem::take(&mut self.at) > 0
    }
}
