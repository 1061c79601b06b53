//! What the session does about DELETE and RENAME of a folder (RFC 9051 6.3.5, 6.3.6): both are held in the book of whoever owns it.
//!
//! RENAME does not go to the backend while somebody moves messages there: he who finds the folder gone under him keeps all his
//! copies, and its messages are in the folder of the new name as well. Folders stay with their owners.

use super::grammar::quoted;
use super::places::MailboxOwner;
use super::session::{ClientPhase, ImapSession, Pending, SWALLOW, WaitingCommand};
use super::tag::Tag;
use super::transferring::hindered;
use super::{ImapStep, reply, verbs};
use crate::fault::RefusalCode;
use crate::quota::Turn;

/// DELETE.
pub(super) struct Delete {
    pub(super) tag: Tag<'static>,
    pub(super) name: Vec<u8>,
}

/// RENAME.
pub(super) struct Rename {
    pub(super) tag: Tag<'static>,
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

impl WaitingCommand for Delete {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.delete(self, taken)
    }
}

impl WaitingCommand for Rename {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.rename(self, taken)
    }
}

impl ImapSession {
    /// DELETE, as far as it can go now.
    pub(super) fn delete(&mut self, delete: Box<Delete>, taken: usize) -> ImapStep {
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(&delete.tag, code), SWALLOW);
        }
        if self.wants_places() {
            return self.ask_places(Pending::Judged(delete), taken);
        }
        let places = self.known_places();
        let owner = places.owner(&delete.name);
        // Nothing is in the way of a deletion.
        let _ = self.turns(&delete.tag, &delete.name, owner, Turn::Delete);
        match owner {
            MailboxOwner::Other(owner) => self.gate.deletion_for(&delete.tag, owner),
            MailboxOwner::Own | MailboxOwner::Nobody => self.gate.shrinks(&delete.tag),
        }
        self.send_about_folder(&delete.tag, b"DELETE", &[&delete.name], taken)
    }

    /// RENAME, as far as it can go now.
    pub(super) fn rename(&mut self, rename: Box<Rename>, taken: usize) -> ImapStep {
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(&rename.tag, code), SWALLOW);
        }
        if self.wants_places() {
            return self.ask_places(Pending::Judged(rename), taken);
        }
        let places = self.known_places();
        let owner = places.owner(&rename.from);
        let unclear = places.is_unclear(&rename.from) || places.is_unclear(&rename.to);
        if unclear || owner != places.owner(&rename.to) {
            return self.refuse(taken, None, reply::no(&rename.tag, "NOPERM", RefusalCode::NotYourFolder), SWALLOW);
        }
        // What was asked before it comes to its end first, as before a MOVE.
        if !self.tags.is_empty() {
            return self.keep(Pending::Judged(rename), taken);
        }
        if let Err(why) = self.turns(&rename.tag, &rename.from, owner, Turn::Rename) {
            return self.refuse(taken, None, hindered(&rename.tag, why), SWALLOW);
        }
        // The Sent mailbox may be called otherwise now.
        self.places_asked = false;
        self.send_about_folder(&rename.tag, b"RENAME", &[&rename.from, &rename.to], taken)
    }

    fn send_about_folder(&mut self, tag: &Tag<'_>, word: &[u8], names: &[&[u8]], taken: usize) -> ImapStep {
        let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
        let line = [tag.octets(), b" ", word, b" ", &names.join(&b' '), b"\r\n"].concat();
        if let Some(reuse) = &mut self.reuse {
            reuse.command(tag, verbs::row(word), &line, None);
        }
        self.tags.open(tag);
        self.phase = ClientPhase::Command;
        ImapStep::Rewrite(taken, line)
    }
}
