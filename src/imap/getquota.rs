//! What the session does about GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): they are answered out of the book, which hears the truth
//! first.

use super::session::{ClientPhase, ImapSession, Pending, WaitingCommand};
use super::tag::Tag;
use super::{ImapStep, account, reply};
use crate::fault::RefusalCode;

/// One of them.
pub(super) struct GetQuota {
    pub(super) tag: Tag<'static>,
    /// The whole command.
    pub(super) text: Vec<u8>,
    /// The backend was counted for it, or could not be.
    pub(super) asked: bool,
}

impl WaitingCommand for GetQuota {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.getquota(self, taken)
    }
}

impl ImapSession {
    pub(super) fn getquota(&mut self, mut command: Box<GetQuota>, taken: usize) -> ImapStep {
        if !std::mem::replace(&mut command.asked, true) && self.gate.account().is_some() && self.may_count() {
            return self.count(Pending::Judged(command), taken);
        }
        let answer = match self.gate.account() {
            Some(account) => account::answer(&command.tag, &command.text, &**account),
            None => reply::no(&command.tag, "NOPERM", RefusalCode::NotHere),
        };
        self.phase = ClientPhase::Command;
        ImapStep::Answer(taken, answer)
    }
}
