//! After login: one command at a time goes to the backend, and its response is followed to its end.
//!
//! A script streams, or is held until it was read where filters that forward are refused. What is refused is swallowed to its end.

use std::sync::Arc;

use super::answering;
use super::command::{Asks, SieveCommand, SieveKind, is_script, parse};
use super::forwarding::Forwarding;
use super::frame::{self, SieveLine};
use super::reply;
use super::response::Response;
use super::script::{self, ScriptKind};
use super::state::{HeldScript, SieveWait};
use crate::fault::{Fault, RefusalCode, Side};
use crate::wire::contract::{Carried, CarriedState, Motion};

/// Octets of one command after login, without its script.
pub const COMMAND: usize = 4 * 1024;

/// Octets of a script that streams. Dovecot takes 1 MiB where nobody said otherwise.
pub const SCRIPT: u64 = 16 * 1024 * 1024;

/// Octets of a script that is read. A filter of a webmail has some thousands.
pub const JUDGED: u64 = 256 * 1024;

/// Octets of one literal that is refused and swallowed; one that announces more ends the session.
pub const SWALLOWED: u64 = 64 * 1024 * 1024;

/// The person's place in the book.
pub trait ScriptOwner: Send + Sync {
    /// Whether anything may be changed now.
    ///
    /// # Errors
    /// What the person is told.
    fn may_change(&self) -> Result<(), RefusalCode>;

    /// Whether so many octets more would find room now.
    ///
    /// # Errors
    /// What the person is told.
    fn has_room(&self, octets: u64) -> Result<(), RefusalCode>;
}

/// A session after login.
pub struct SieveSession {
    waits: SieveWait,
    owner: Arc<dyn ScriptOwner>,
    forwarding: Forwarding,
}

impl SieveSession {
    /// Begins after the login's OK.
    pub fn new(owner: Arc<dyn ScriptOwner>, forwarding: Forwarding) -> SieveSession {
        SieveSession { waits: SieveWait::Command, owner, forwarding }
    }

    fn command(&mut self, input: &[u8]) -> Motion {
        match frame::read(input, COMMAND, is_script) {
            SieveLine::Need => Motion::Need,
            SieveLine::Lost(fault) => self.fail(fault),
            SieveLine::Unfit(len, None) => Motion::Answer(len, reply::refused(RefusalCode::Syntax)),
            SieveLine::Unfit(len, Some(size)) => self.swallow(len, RefusalCode::Syntax, size),
            SieveLine::Whole(len, verb, operands) => {
                match parse(verb, operands, false).and_then(|command| self.permitted(command)) {
                    Ok(command) => self.whole(len, command),
                    Err(code) => Motion::Answer(len, reply::refused(code)),
                }
            }
            SieveLine::Open(len, verb, operands, size) => {
                let judged = self.forwarding == Forwarding::Refuse;
                let most = if judged { JUDGED } else { SCRIPT };
                let fits = |command| if size > most { Err(RefusalCode::ScriptTooLong) } else { Ok(command) };
                match parse(verb, operands, true).and_then(|command| self.permitted(command)).and_then(fits) {
                    Ok(command) if judged => {
                        self.waits = SieveWait::Held(HeldScript { command, octets: Vec::new() }, size);
                        Motion::Rewrite(len, Vec::new())
                    }
                    Ok(command) => {
                        self.waits = SieveWait::Script(command.kind, size);
                        Motion::Rewrite(len, opened(command.spelling, size))
                    }
                    Err(code) => self.swallow(len, code, size),
                }
            }
        }
    }

    fn permitted(&self, command: SieveCommand) -> Result<SieveCommand, RefusalCode> {
        match command.kind.asks() {
            Asks::Nobody => Ok(command),
            Asks::Change => self.owner.may_change().map(|()| command),
            Asks::Room(octets) => self.owner.has_room(octets).map(|()| command),
        }
    }

    /// A command that has come whole, with its script if there is one.
    fn whole(&mut self, len: usize, mut command: SieveCommand) -> Motion {
        let script = command.script.take();
        let mut spelling = command.spelling;
        if let Some(script) = script {
            // Much may have changed since the first octet of it.
            let judged = if command.kind.asks() == Asks::Change { self.owner.may_change() } else { Ok(()) };
            if let Err(code) = judged.and_then(|()| self.judged(&script)) {
                return Motion::Answer(len, reply::refused(code));
            }
            spelling = opened(spelling, script.len() as u64);
            spelling.extend_from_slice(&script);
        }
        spelling.extend_from_slice(b"\r\n");
        self.waits = SieveWait::Response(command.kind, Response::new(command.kind.has_lines()));
        Motion::Rewrite(len, spelling)
    }

    fn judged(&self, script: &[u8]) -> Result<(), RefusalCode> {
        if self.forwarding == Forwarding::Allow {
            return Ok(());
        }
        match script::kind(script) {
            ScriptKind::Stays => Ok(()),
            ScriptKind::Sends => Err(RefusalCode::ForwardingOff),
            ScriptKind::Unclear => Err(RefusalCode::Syntax),
        }
    }

    fn swallow(&mut self, len: usize, code: RefusalCode, size: u64) -> Motion {
        if size > SWALLOWED {
            return self.fail(Fault::TooLong(Side::Client));
        }
        self.waits = SieveWait::Refused(code, size);
        Motion::Rewrite(len, Vec::new())
    }

    /// Behind a literal that was swallowed: the line goes on, maybe with another one.
    fn refused(&mut self, input: &[u8], code: RefusalCode) -> Motion {
        match frame::rest(input, COMMAND) {
            SieveLine::Unfit(len, None) => {
                self.waits = SieveWait::Command;
                Motion::Answer(len, reply::refused(code))
            }
            SieveLine::Unfit(len, Some(size)) => self.swallow(len, code, size),
            SieveLine::Lost(fault) => self.fail(fault),
            _ => Motion::Need,
        }
    }

    /// Behind a script: CRLF, and nothing else. What was streamed cannot be taken back, so anything else ends the session, and the
    /// backend never has the end of the command.
    fn script_ends(&mut self, input: &[u8]) -> Motion {
        match input {
            [] | [b'\r'] => return Motion::Need,
            [b'\r', b'\n', ..] => {}
            _ => return self.fail(Fault::Garbage(Side::Client)),
        }
        // Much may have changed since the first octet of it. For the backend the command is not whole yet.
        if let SieveWait::Script(kind, _) = self.waits
            && kind.asks() == Asks::Change
            && let Err(code) = self.owner.may_change()
        {
            return self.fail(Fault::Barred(code));
        }
        match std::mem::replace(&mut self.waits, SieveWait::Command) {
            SieveWait::Held(HeldScript { mut command, octets }, _) => {
                command.script = Some(octets.into());
                self.whole(2, command)
            }
            SieveWait::Script(kind, _) => {
                self.waits = SieveWait::Response(kind, Response::new(kind.has_lines()));
                Motion::Rewrite(2, b"\r\n".to_vec())
            }
            other => {
                self.waits = other;
                Motion::Need
            }
        }
    }

    fn fail(&mut self, fault: Fault) -> Motion {
        let words = if self.state().may_answer() { reply::bye(fault) } else { Vec::new() };
        self.waits = SieveWait::Broken(fault);
        Motion::Close(words, fault)
    }
}

/// A command up to its script, whose octets follow.
fn opened(mut spelling: Vec<u8>, size: u64) -> Vec<u8> {
    spelling.extend(format!(" {{{size}+}}\r\n").bytes());
    spelling
}

impl Carried for SieveSession {
    fn client_says(&mut self, input: &[u8]) -> Motion {
        let taken = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        match &mut self.waits {
            SieveWait::Command if input.is_empty() => Motion::Need,
            SieveWait::Command => self.command(input),
            SieveWait::Script(_, 0) | SieveWait::Held(_, 0) => self.script_ends(input),
            SieveWait::Refused(code, 0) => {
                let code = *code;
                self.refused(input, code)
            }
            SieveWait::Script(..) | SieveWait::Held(..) | SieveWait::Refused(..) if input.is_empty() => Motion::Need,
            SieveWait::Script(_, left) => {
                let count = taken(*left);
                *left -= count as u64;
                Motion::Forward(count)
            }
            SieveWait::Held(held, left) => {
                let count = taken(*left);
                *left -= count as u64;
                held.octets.extend_from_slice(&input[..count]);
                Motion::Rewrite(count, Vec::new())
            }
            SieveWait::Refused(_, left) => {
                let count = taken(*left);
                *left -= count as u64;
                Motion::Rewrite(count, Vec::new())
            }
            SieveWait::Response(..) | SieveWait::Nothing => Motion::Hold,
            SieveWait::Broken(fault) => Motion::Close(Vec::new(), *fault),
        }
    }

    fn backend_says(&mut self, input: &[u8]) -> Motion {
        let heard = match &self.waits {
            SieveWait::Broken(fault) => return Motion::Close(Vec::new(), *fault),
            _ if input.is_empty() => return Motion::Need,
            SieveWait::Command | SieveWait::Held(..) | SieveWait::Refused(..) => answering::unasked(input),
            // It may refuse a script before it has all of it; the client hears that when it has said all.
            SieveWait::Script(..) | SieveWait::Nothing => return Motion::Hold,
            SieveWait::Response(SieveKind::Capability, _) => self.waits.list(self.forwarding, input),
            SieveWait::Response(kind, response) => {
                let (kind, response) = (*kind, *response);
                self.waits.response(kind, response, input)
            }
        };
        heard.unwrap_or_else(|fault| self.fail(fault))
    }

    fn state(&self) -> CarriedState {
        match &self.waits {
            SieveWait::Command => CarriedState::AtRest,
            SieveWait::Script(..) | SieveWait::Held(..) | SieveWait::Refused(..) => CarriedState::InCommand,
            SieveWait::Response(_, response) if response.at_line_start() => CarriedState::Asked,
            SieveWait::Response(..) => CarriedState::InResponse,
            SieveWait::Nothing => CarriedState::Left,
            SieveWait::Broken(_) => CarriedState::Broken,
        }
    }
}
