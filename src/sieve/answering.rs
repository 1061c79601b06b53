//! After login, the backend's direction: what answers the command that is under way, and what nobody asked for. A fault ends the session.

use super::capability;
use super::command::SieveKind;
use super::forwarding::Forwarding;
use super::reply;
use super::response::{self, Response, Scanned};
use super::state::SieveWait;
use crate::fault::{Fault, RefusalCode, Side};
use crate::wire::contract::Motion;

/// Servers say why they go, without being asked. Anything else would be taken for the answer to the next command.
pub(super) fn unasked(input: &[u8]) -> Result<Motion, Fault> {
    match capability::find(input, false)? {
        None => Ok(Motion::Need),
        Some((_, response::Final::Bye)) => Err(Fault::Gone(Side::Backend)),
        Some(_) => Err(Fault::Garbage(Side::Backend)),
    }
}

impl SieveWait {
    /// The answer to CAPABILITY, as the client is told it.
    pub(super) fn list(&mut self, forwarding: Forwarding, input: &[u8]) -> Result<Motion, Fault> {
        let Some((len, last)) = capability::find(input, true)? else { return Ok(Motion::Need) };
        let (then, told) = match last {
            // In place of an answer.
            response::Final::Bye => (SieveWait::Nothing, reply::turned_away(RefusalCode::BackendDown)),
            response::Final::Ok => (SieveWait::Command, capability::after_login(&input[..len], forwarding)),
            response::Final::No => (SieveWait::Command, reply::refused(RefusalCode::BackendDown)),
        };
        *self = then;
        Ok(Motion::Rewrite(len, told))
    }

    /// The answer to any other command, line by line.
    pub(super) fn response(&mut self, kind: SieveKind, mut response: Response, input: &[u8]) -> Result<Motion, Fault> {
        if response.at_line_start() && !matches!(input.first(), Some(b'"' | b'{')) {
            match response::code(input) {
                None => return Ok(Motion::Need),
                // It leads to the mail server itself, around us.
                Some(code) if code == b"REFERRAL" => return Err(Fault::Barred(RefusalCode::AskAdmins)),
                Some(code) if code == response::ENDLESS => return Err(Fault::Garbage(Side::Backend)),
                Some(_) => {}
            }
        }
        match response.scan_line(input) {
            (_, Scanned::Nonsense) => Err(Fault::Garbage(Side::Backend)),
            (len, Scanned::More) => {
                *self = SieveWait::Response(kind, response);
                Ok(Motion::Forward(len))
            }
            (len, Scanned::Ended(last)) => {
                let over = kind == SieveKind::Logout || last == response::Final::Bye;
                *self = if over { SieveWait::Nothing } else { SieveWait::Command };
                Ok(Motion::Forward(len))
            }
        }
    }
}
