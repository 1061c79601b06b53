//! What the session does about COPY and MOVE.
//!
//! How big the messages of a COPY are only the backend knows: it is asked, the sum is set aside, and the COPY goes to the backend
//! with exactly the messages of which the size was told. MOVE between the member's own folders takes no space, as long as
//! nobody else moves at the same time (Dovecot copies, then expunges: who finds a message gone keeps his copy); a count that overlaps
//! it could miss messages, so the book is told of it.
//!
//! Deleting is always possible: a program without MOVE copies to the Trash first. Where there is no room for a UID COPY to the
//! mailbox for deleted messages, it goes to the backend as UID MOVE (RFC 6851), which needs none; the STORE and EXPUNGE that
//! follow find nothing to do. COPY without UID is not turned: the message numbers that the program uses next would have
//! changed, and other messages would be deleted.

use super::backend_capabilities::BackendCapability;
use super::grammar::quoted;
use super::places::{MailboxOwner, Places};
use super::question::{Aim, Asked};
use super::session::{ClientPhase, ImapSession, Pending, SWALLOW, WaitingCommand};
use super::sizes::{NamedMessages, SizeQuestion};
use super::status::Status;
use super::tag::Tag;
use super::verbs::{self, Verb};
use super::{ImapStep, reply};
use crate::fault::RefusalCode;
use crate::quota::{NoShift, Reservation, Turn};

/// COPY or MOVE.
pub(super) struct Transfer {
    pub(super) tag: Tag<'static>,
    pub(super) verb: Verb,
    pub(super) by_uid: bool,
    pub(super) set: Vec<u8>,
    pub(super) mailbox: Vec<u8>,
    /// Of what size they are; where the backend did not tell, nothing is copied.
    pub(super) told: Option<Result<NamedMessages, Status>>,
    pub(super) asked: Asked,
}

impl WaitingCommand for Transfer {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.transfer(self, taken)
    }

    fn learn_sizes(&mut self, told: Result<NamedMessages, Status>) {
        (self.told, self.asked) = (Some(told), Asked::Sizes);
    }

    fn learn_folder(&mut self, there: Option<bool>) {
        self.asked = Asked::Folder(there);
    }
}

impl Transfer {
    /// The command as it goes to the backend: about the messages that are known by UID, or as the client said it.
    fn line(&self, verb: &[u8]) -> Vec<u8> {
        let (by_uid, set) = match &self.told {
            Some(Ok(told)) => (true, &told.set),
            _ => (self.by_uid, &self.set),
        };
        let uid: &[u8] = if by_uid { b" UID " } else { b" " };
        [self.tag.octets(), uid, verb, b" ", set, b" ", &quoted(&self.mailbox), b"\r\n"].concat()
    }

    fn word(&self) -> &'static [u8] {
        if self.verb == Verb::Move { b"MOVE" } else { b"COPY" }
    }
}

impl ImapSession {
    /// COPY or MOVE, as far as it can go now.
    pub(super) fn transfer(&mut self, transfer: Box<Transfer>, taken: usize) -> ImapStep {
        if self.gate.account().is_none() {
            return self.send_transfer(&transfer, transfer.word(), taken);
        }
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(&transfer.tag, code), SWALLOW);
        }
        // Behind answers that its client does not read, a move would be in the way of others for as long as he likes.
        if transfer.verb == Verb::Move && !self.tags.is_empty() {
            return self.keep(Pending::Judged(transfer), taken);
        }
        // Which folder it is out of, the backend is just about to say.
        if !self.selecting.is_empty() {
            return self.keep(Pending::Judged(transfer), taken);
        }
        if let Some(told) = &transfer.told
            && let Some(answer) = unusable(told, &transfer)
        {
            return self.refuse(taken, None, answer, SWALLOW);
        }
        // By number first of all: another question may change the numbers.
        if !transfer.by_uid && transfer.asked == Asked::Nothing && (transfer.verb == Verb::Copy || self.wants_places()) {
            return self.ask_sizes(transfer, taken);
        }
        if self.wants_places() {
            return self.ask_places(Pending::Judged(transfer), taken);
        }
        let places = self.known_places();
        let own = |mailbox: &[u8]| places.owner(mailbox) == MailboxOwner::Own;
        let from_own = self.selected.as_ref().is_none_or(|selected| own(&selected.name));
        let within = transfer.verb == Verb::Move && from_own && own(&transfer.mailbox);
        // Several at once, and each may keep a copy of the same message: the others pay for theirs.
        if within && self.gate.shift_alone(&transfer.tag, Turn::Move).is_ok() {
            return self.send_transfer(&transfer, b"MOVE", taken);
        }
        let from = self.whose(&places).filter(|_| transfer.verb == Verb::Move);
        if let Some(from) = from.as_ref().filter(|from| places.owner(&transfer.mailbox) == MailboxOwner::Other(from)) {
            return self.shift_for(&transfer, from, taken);
        }
        if transfer.asked == Asked::Nothing {
            return self.ask_sizes(transfer, taken);
        }
        match self.set_aside_for(&transfer, places.owner(&transfer.mailbox)) {
            Ok(reservation) => self.paid(&transfer, reservation, from.as_deref(), taken),
            Err(code @ (RefusalCode::MailboxFull | RefusalCode::AssociationFull)) => {
                let own_trash = own(&transfer.mailbox) && places.is_trash(&transfer.mailbox);
                let turned = from_own && transfer.by_uid && transfer.verb == Verb::Copy && own_trash;
                self.no_room_for(transfer, taken, code, turned)
            }
            Err(code) => self.refuse(taken, None, reply::refused(&transfer.tag, code), SWALLOW),
        }
    }

    /// MOVE from one folder of another mailbox to another of the same.
    fn shift_for(&mut self, transfer: &Transfer, from: &[u8], taken: usize) -> ImapStep {
        match self.gate.shift_for(&transfer.tag, from, Turn::Move) {
            Ok(()) => self.send_transfer(transfer, b"MOVE", taken),
            Err(why) => self.refuse(taken, None, hindered(&transfer.tag, why), SWALLOW),
        }
    }

    /// Whose the open folder is, where it is somebody else's.
    pub(super) fn whose(&self, places: &Places) -> Option<Vec<u8>> {
        match places.owner(&self.selected.as_ref()?.name) {
            MailboxOwner::Other(owner) => Some(owner.to_vec()),
            MailboxOwner::Own | MailboxOwner::Nobody => None,
        }
    }

    fn ask_sizes(&mut self, transfer: Box<Transfer>, taken: usize) -> ImapStep {
        let (sizes, command) = SizeQuestion::new(&transfer.set, transfer.by_uid);
        self.ask(Aim::Sizes(sizes), &command, Pending::Judged(transfer), taken)
    }

    fn set_aside_for(&self, transfer: &Transfer, owner: MailboxOwner<'_>) -> Result<Reservation, RefusalCode> {
        let (Some(account), Some(Ok(told))) = (self.gate.account(), &transfer.told) else { return Err(RefusalCode::SizeUnknown) };
        match owner {
            MailboxOwner::Own => account.reserve(told.amount),
            MailboxOwner::Other(owner) => account.reserve_for(owner, told.amount),
            MailboxOwner::Nobody => Err(RefusalCode::NotYourFolder),
        }
    }

    /// `from`: whose the messages are that move, where they are somebody else's.
    fn paid(&mut self, transfer: &Transfer, reservation: Reservation, from: Option<&[u8]>, taken: usize) -> ImapStep {
        if let Some(Err(why)) = from.map(|from| self.gate.shift_for(&transfer.tag, from, Turn::Move))
            && why != NoShift::Unknown
        {
            return self.refuse(taken, None, hindered(&transfer.tag, why), SWALLOW);
        }
        if let Some(from) = from {
            self.gate.deletion_for(&transfer.tag, from);
        }
        let amount = reservation.amount();
        self.gate.held.space(&transfer.tag, reservation, amount);
        self.gate.held.handed_over(&transfer.tag);
        if transfer.verb == Verb::Move {
            self.gate.shift(&transfer.tag, Turn::Move);
            self.gate.shrinks(&transfer.tag);
        }
        self.send_transfer(transfer, transfer.word(), taken)
    }

    /// Before a refusal the backend is counted, whoever may have deleted; and it may not have the folder at all.
    fn no_room_for(&mut self, mut transfer: Box<Transfer>, taken: usize, code: RefusalCode, turned: bool) -> ImapStep {
        if transfer.asked == Asked::Sizes {
            transfer.asked = Asked::Usage;
            return self.count(Pending::Judged(transfer), taken);
        }
        if turned
            && self.rules.backend_capabilities.has(BackendCapability::Move)
            && self.gate.shift_alone(&transfer.tag, Turn::Move).is_ok()
        {
            return self.send_transfer(&transfer, b"MOVE", taken);
        }
        if transfer.asked == Asked::Usage {
            let command = [b"STATUS ", &quoted(&transfer.mailbox)[..], b" (MESSAGES)"].concat();
            return self.ask(Aim::Exists(None), &command, Pending::Judged(transfer), taken);
        }
        self.gate.refused();
        let answer = match transfer.asked {
            Asked::Folder(Some(false)) => reply::no(&transfer.tag, "TRYCREATE", RefusalCode::NoSuchFolder),
            _ => reply::refused(&transfer.tag, code),
        };
        self.refuse(taken, None, answer, SWALLOW)
    }

    fn send_transfer(&mut self, transfer: &Transfer, word: &[u8], taken: usize) -> ImapStep {
        let line = transfer.line(word);
        if let Some(reuse) = &mut self.reuse {
            reuse.command(&transfer.tag, verbs::row(word), &line, None);
        }
        self.tags.open(&transfer.tag);
        self.phase = ClientPhase::Command;
        ImapStep::Rewrite(taken, line)
    }
}

/// The answer where messages or folders cannot be moved at this moment (RFC 5530 3).
pub(super) fn hindered(tag: &Tag<'_>, why: NoShift) -> Vec<u8> {
    let code = match why {
        NoShift::Busy => RefusalCode::FolderBusy,
        NoShift::NotNow => RefusalCode::TakingOver,
        // Of several who move the same message, each would keep a copy that nobody pays.
        NoShift::Unknown => RefusalCode::NotYourFolder,
    };
    reply::refused(tag, code)
}

/// The answer where it is not known what to copy, or where that is nothing. Unknown is not free.
fn unusable(told: &Result<NamedMessages, Status>, transfer: &Transfer) -> Option<Vec<u8>> {
    match told {
        Ok(told) if !told.set.is_empty() => None,
        // RFC 9051 6.4.8: a UID that is not there is no error; nor is an empty `$` (RFC 5182 2.1).
        Ok(_) if transfer.by_uid || transfer.set == b"$" => Some(reply::ok(&transfer.tag, "No such messages")),
        Ok(_) => Some(reply::no(&transfer.tag, "", RefusalCode::NoSuchMessage)),
        Err(Status::Bad) => Some(reply::bad(&transfer.tag, RefusalCode::Syntax)),
        Err(_) => Some(reply::no(&transfer.tag, "UNAVAILABLE", RefusalCode::SizeUnknown)),
    }
}
