//! What the session does about DELETE and RENAME of a folder (RFC 9051 6.3.5, 6.3.6): both are held in the book of whoever owns it.
//!
//! RENAME does not go to the backend while somebody moves messages there: he who finds the folder gone under him keeps all his
//! copies, and its messages are in the folder of the new name as well. Folders stay with their owners.

use super::grammar::quoted;
use super::pending::Pending;
use super::phase::ClientPhase;
use super::places::MailboxOwner;
use super::session::{ImapSession, SWALLOW};
use super::tag::Tag;
use super::transferring::hindered;
use super::{ImapStep, reply, verbs};
use crate::fault::RefusalCode;
use crate::quota::Turn;

impl ImapSession {
    /// DELETE, as far as it can go now.
    pub(super) fn delete(&mut self, tag: Tag<'static>, name: Vec<u8>, taken: usize) -> ImapStep {
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(&tag, code), SWALLOW);
        }
        if self.wants_places() {
            return self.ask_places(Pending::Delete { tag, name }, taken);
        }
        let places = self.known_places();
        let owner = places.owner(&name);
        // Nothing is in the way of a deletion.
        let _ = self.turns(&tag, &name, owner, Turn::Delete);
        match owner {
            MailboxOwner::Other(owner) => self.gate.deletion_for(&tag, owner),
            MailboxOwner::Own | MailboxOwner::Nobody => self.gate.shrank(),
        }
        self.send_about_folder(&tag, b"DELETE", &[&name], taken)
    }

    /// RENAME, as far as it can go now.
    pub(super) fn rename(&mut self, tag: Tag<'static>, names: (Vec<u8>, Vec<u8>), taken: usize) -> ImapStep {
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(&tag, code), SWALLOW);
        }
        if self.wants_places() {
            return self.ask_places(Pending::Rename { tag, names }, taken);
        }
        let places = self.known_places();
        let owner = places.owner(&names.0);
        let unclear = places.is_unclear(&names.0) || places.is_unclear(&names.1);
        if unclear || owner != places.owner(&names.1) {
            return self.refuse(taken, None, reply::no(&tag, "NOPERM", RefusalCode::NotYourFolder), SWALLOW);
        }
        // What was asked before it comes to its end first, as before a MOVE.
        if !self.tags.is_empty() {
            return self.keep(Pending::Rename { tag, names }, taken);
        }
        if let Err(why) = self.turns(&tag, &names.0, owner, Turn::Rename) {
            return self.refuse(taken, None, hindered(&tag, why), SWALLOW);
        }
        // The Sent mailbox may be called otherwise now.
        self.places_asked = false;
        self.send_about_folder(&tag, b"RENAME", &[&names.0, &names.1], taken)
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
