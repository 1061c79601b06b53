//! What a session does with the folder that is open: which commands open, close and rename it, and what a count sees because of it.

use super::places::MailboxOwner;
use super::selected::{Selected, Selecting};
use super::session::ImapSession;
use super::tag::Tag;
use super::verbs::{Verb, VerbRow};
use super::way::Look;
use crate::quota::{NoShift, Turn};

impl ImapSession {
    /// SELECT or EXAMINE goes to the backend.
    pub(super) fn select(&mut self, tag: &Tag<'_>, name: &[u8]) {
        let selected = Selected { name: name.into(), renames: Some(self.gate.renames()), leaving: None };
        self.selecting.push(Selecting(tag.kept(), selected));
    }

    /// The backend ended `tag`; `ok`: by OK.
    pub(super) fn selected(&mut self, tag: &Tag<'_>, ok: bool) {
        let Some(at) = self.selecting.iter().position(|selecting| selecting.0 == *tag) else { return };
        let Selecting(_, selected) = self.selecting.remove(at);
        // A session that idles for hours holds no room for the next one.
        self.selecting.shrink_to_fit();
        if ok {
            self.selected = Some(selected);
        }
    }

    /// A command that may close the folder goes to the backend.
    pub(super) fn closing(&mut self, tag: &Tag<'_>, row: &VerbRow) {
        if let (Some(selected), Verb::Close | Verb::Unselect) = (&mut self.selected, row.verb) {
            selected.leaving = Some(tag.kept());
        }
    }

    /// The backend said OK to `tag`.
    pub(super) fn closed(&mut self, tag: &Tag<'_>) {
        self.selected.take_if(|selected| selected.leaving.as_ref() == Some(tag));
    }

    /// This session renames `name` or deletes it, in the book of whoever owns it.
    ///
    /// # Errors
    /// For a RENAME: somebody moves messages there at this moment, which it would leave there twice, or nothing may be granted now.
    pub(super) fn turns(&mut self, tag: &Tag<'_>, name: &[u8], owner: MailboxOwner<'_>, turn: Turn) -> Result<(), NoShift> {
        let begun = match owner {
            MailboxOwner::Other(owner) => self.gate.shift_for(tag, owner, turn),
            MailboxOwner::Own | MailboxOwner::Nobody => self.gate.shift_alone(tag, turn),
        };
        // What nobody counts, nobody can be in the way of.
        if let Err(NoShift::Busy | NoShift::NotNow) = begun {
            return begun;
        }
        if let Some(selected) = self.selected.as_mut().filter(|selected| selected.name.starts_with(name)) {
            selected.renames = None;
        }
        Ok(())
    }

    /// The client leaves: what could not be counted well because of its folder can be now.
    pub(super) fn needs_no_folder(&mut self) {
        let hindered = self.selected.as_ref().is_some_and(|selected| !selected.is_inbox());
        let unseen = self.gate.account().is_some_and(|account| !account.is_seen());
        if !std::mem::replace(&mut self.leaves, true) && hindered && unseen {
            self.gate.wants_count();
        }
    }

    /// Whether STATUS tells what is in every folder.
    pub(super) fn sees_all(&self) -> bool {
        let same = |selected: &Selected| selected.is_inbox() || selected.renames == Some(self.gate.renames());
        self.leaves || self.selected.as_ref().is_none_or(same)
    }

    /// What a count does first. `late`: mail has come in that it may not see at once.
    pub(super) fn look(&self, late: bool) -> Look {
        match &self.selected {
            None if late => Look::Visit,
            None => Look::Straight,
            // The client does not need it any more: another is opened, which closes it and removes nothing (RFC 9051 6.3.2).
            Some(selected) if self.leaves && !selected.is_inbox() => Look::Inbox,
            Some(_) => Look::Sync,
        }
    }

    /// Whether a count that begins so waits for whoever has the INBOX locked.
    pub(super) fn waits(&self, look: Look) -> bool {
        match look {
            Look::Straight => false,
            Look::Visit | Look::Inbox => true,
            Look::Sync => self.selected.as_ref().is_some_and(|selected| selected.is_inbox()),
        }
    }
}
