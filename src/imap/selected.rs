//! The folder that the client has open, and whether it is still the one of that name.
//!
//! Where another session renames or deletes it and makes a new one, STATUS goes on to tell of the old one: Dovecot takes the name for
//! the folder that is open, and RFC 9051 6.3.11 leaves it to the server. A count would miss what is in the new one.

use super::session::{Peers, Session};
use super::verbs::{Row, Verb};
use crate::quota::Turn;

/// The folder that the client opened last.
pub(super) struct Selected {
    pub(super) name: Box<[u8]>,
    /// How often other sessions had renamed or deleted folders by then; none: this session did so with this one.
    renames: Option<u64>,
    /// The CLOSE or UNSELECT that is under way.
    leaving: Option<Box<[u8]>>,
}

impl Selected {
    /// RFC 9051 5.1. Nobody can delete it.
    pub(super) fn is_inbox(&self) -> bool {
        self.name.eq_ignore_ascii_case(b"INBOX")
    }
}

impl Session {
    /// SELECT or EXAMINE goes to the backend.
    pub(super) fn select(&mut self, name: &[u8]) {
        self.selected = Some(Selected { name: name.into(), renames: Some(self.gate.renames()), leaving: None });
    }

    /// A command that may close the folder goes to the backend.
    pub(super) fn closing(&mut self, tag: &[u8], row: &Row) {
        if let (Some(selected), Verb::Close | Verb::Unselect) = (&mut self.selected, row.verb) {
            selected.leaving = Some(tag.into());
        }
    }

    /// The backend said OK to `tag`.
    pub(super) fn closed(&mut self, tag: &[u8]) {
        self.selected.take_if(|selected| selected.leaving.as_deref() == Some(tag));
    }

    /// This session renames or deletes `name`; none: it is not known which.
    pub(super) fn renames(&mut self, tag: &[u8], name: Option<&[u8]>, turn: Turn) {
        if let Some(selected) = &mut self.selected
            && name.is_none_or(|name| selected.name.starts_with(name))
        {
            selected.renames = None;
        }
        self.gate.shift(tag, turn);
    }

    /// Whether STATUS tells what is in every folder.
    pub(super) fn sees_all(&self) -> bool {
        let same = |selected: &Selected| selected.is_inbox() || selected.renames == Some(self.gate.renames());
        self.leaves || self.peers == Peers::BackendOnly || self.selected.as_ref().is_none_or(same)
    }

    /// What a count does first.
    pub(super) fn look(&self) -> super::count::Look {
        use super::count::Look;
        match &self.selected {
            None => Look::Straight,
            // The client does not need it any more: another is opened, which closes it and removes nothing (RFC 9051 6.3.2).
            Some(selected) if (self.leaves || self.peers == Peers::BackendOnly) && !selected.is_inbox() => Look::Inbox,
            Some(_) => Look::Sync,
        }
    }
}
