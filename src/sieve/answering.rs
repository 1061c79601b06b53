//! After login, the backend's direction: what answers the command that is under way, and what nobody asked for.

use super::capability;
use super::command::SieveKind;
use super::reply;
use super::response::{self, Response, Scanned};
use super::session::{SieveSession, SieveWait};
use crate::fault::{Fault, RefusalCode, Side};
use crate::wire::contract::Motion;

impl SieveSession {
    /// Servers say why they go, without being asked. Anything else would be taken for the answer to the next command.
    pub(super) fn unasked(&mut self, input: &[u8]) -> Motion {
        match capability::find(input, false) {
            Ok(None) => Motion::Need,
            Ok(Some((_, response::Final::Bye))) => self.fail(Fault::Gone(Side::Backend)),
            Ok(Some(_)) => self.fail(Fault::Garbage(Side::Backend)),
            Err(fault) => self.fail(fault),
        }
    }

    /// The answer to CAPABILITY, as the client is told it.
    pub(super) fn list(&mut self, input: &[u8]) -> Motion {
        match capability::find(input, true) {
            Ok(None) => Motion::Need,
            // In place of an answer.
            Ok(Some((len, response::Final::Bye))) => {
                self.waits = SieveWait::Nothing;
                Motion::Rewrite(len, reply::turned_away(RefusalCode::BackendDown))
            }
            Ok(Some((len, response::Final::Ok))) => {
                self.waits = SieveWait::Command;
                Motion::Rewrite(len, capability::after_login(&input[..len], self.forwarding))
            }
            Ok(Some((len, response::Final::No))) => {
                self.waits = SieveWait::Command;
                Motion::Rewrite(len, reply::refused(RefusalCode::BackendDown))
            }
            Err(fault) => self.fail(fault),
        }
    }

    /// The answer to any other command, line by line.
    pub(super) fn response(&mut self, kind: SieveKind, mut response: Response, input: &[u8]) -> Motion {
        if response.at_line_start() && !matches!(input.first(), Some(b'"' | b'{')) {
            match response::code(input) {
                None => return Motion::Need,
                // It leads to the mail server itself, around us.
                Some(code) if code == b"REFERRAL" => return self.fail(Fault::Barred(RefusalCode::AskAdmins)),
                Some(code) if code == response::ENDLESS => return self.fail(Fault::Garbage(Side::Backend)),
                Some(_) => {}
            }
        }
        match response.scan_line(input) {
            (_, Scanned::Nonsense) => self.fail(Fault::Garbage(Side::Backend)),
            (len, Scanned::More) => {
                self.waits = SieveWait::Response(kind, response);
                Motion::Forward(len)
            }
            (len, Scanned::Ended(last)) => {
                let over = kind == SieveKind::Logout || last == response::Final::Bye;
                self.waits = if over { SieveWait::Nothing } else { SieveWait::Command };
                Motion::Forward(len)
            }
        }
    }
}
