//! Before login we are the server: CAPABILITY, AUTHENTICATE, STARTTLS, NOOP, LOGOUT (RFC 5804 2).
//!
//! Whole commands of at most [`COMMAND`] octets, literals included; nobody has proven anything yet.

use std::sync::Arc;

use super::capability::SieveCapabilities;
use super::frame::{self, Operand, SieveLine};
use super::{capability, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::wire::contract::{Arrival, BeforeLogin};
use crate::wire::sasl::{self, Exchange, MechanismName};

/// Octets of one command before login.
pub const COMMAND: usize = sasl::MAX_ANSWER + 1024;

/// Commands before login, also honest ones. A mail program needs about five.
const COMMANDS: u8 = 50;

/// Octets of the tag of NOOP.
const TAG: usize = 512;

/// A session before login. After STARTTLS a new one is made: nothing from before counts.
pub struct SieveLogin {
    /// TLS is on, or the socket never leaves this machine.
    secure: bool,
    list: Arc<SieveCapabilities>,
    exchange: Option<Exchange>,
    left: u8,
}

impl SieveLogin {
    /// Credentials are refused, and STARTTLS is offered, where it is not `secure`.
    pub fn new(secure: bool, list: Arc<SieveCapabilities>) -> SieveLogin {
        SieveLogin { secure, list, exchange: None, left: COMMANDS }
    }

    fn capabilities(&self, words: &str) -> Vec<u8> {
        capability::before_login(self.secure, &self.list, words)
    }

    fn command(&mut self, len: usize, verb: &[u8], operands: &[Operand]) -> Arrival {
        let answer = match (&*verb.to_ascii_uppercase(), operands) {
            (b"CAPABILITY", []) => self.capabilities("Done"),
            (b"LOGOUT", []) => return Arrival::Close(len, reply::ok("Goodbye"), None),
            (b"NOOP", []) => reply::ok("Done"),
            (b"NOOP", [Operand::Text(tag)]) if is_tag(tag) => reply::tagged(tag),
            (b"STARTTLS", []) if !self.secure => return Arrival::StartTls(len, reply::ok("Begin TLS negotiation now")),
            (b"AUTHENTICATE", _) if !self.secure => reply::refused(RefusalCode::TlsFirst),
            (b"AUTHENTICATE", [Operand::Text(name)]) => return self.authenticate(len, name, None),
            (b"AUTHENTICATE", [Operand::Text(name), Operand::Text(initial)]) => {
                return self.authenticate(len, name, Some(initial));
            }
            (b"STARTTLS" | b"UNAUTHENTICATE" | b"XCLIENT", _) => reply::refused(RefusalCode::NotHere),
            (b"CHECKSCRIPT" | b"DELETESCRIPT" | b"GETSCRIPT" | b"HAVESPACE" | b"LISTSCRIPTS" | b"PUTSCRIPT", _)
            | (b"RENAMESCRIPT" | b"SETACTIVE", _) => reply::refused(RefusalCode::LoginFirst),
            _ => reply::refused(RefusalCode::Syntax),
        };
        Arrival::Answer(len, answer)
    }

    fn authenticate(&mut self, len: usize, name: &[u8], initial: Option<&Vec<u8>>) -> Arrival {
        match MechanismName::parse(name).filter(|name| self.list.tokens.allow(*name)) {
            Some(name) => self.sasl(len, sasl::start(name, initial.map(Vec::as_slice))),
            None => Arrival::Answer(len, reply::refused(RefusalCode::LoginMethod)),
        }
    }

    fn sasl(&mut self, len: usize, step: sasl::SaslStep) -> Arrival {
        match step {
            sasl::SaslStep::Challenge(text, exchange) => {
                self.exchange = Some(exchange);
                Arrival::Answer(len, format!("\"{text}\"\r\n").into_bytes())
            }
            sasl::SaslStep::Done(credential) => Arrival::Try(len, credential),
            sasl::SaslStep::Refused(sasl::SaslRefusal::Foreign | sasl::SaslRefusal::Empty) => {
                Arrival::Answer(len, reply::denied())
            }
            sasl::SaslStep::Refused(_) => Arrival::Answer(len, reply::refused(RefusalCode::Syntax)),
        }
    }
}

impl BeforeLogin for SieveLogin {
    fn greeting(&self) -> Vec<u8> {
        self.capabilities("nologd ready")
    }

    /// RFC 5804 2.2: what is true now is told without being asked.
    fn secured(&self) -> (SieveLogin, Vec<u8>) {
        let login = SieveLogin::new(true, self.list.clone());
        let words = login.capabilities("TLS is on");
        (login, words)
    }

    fn next(&mut self, input: &[u8]) -> Arrival {
        let line = frame::read(input, COMMAND, |_, _| false);
        if matches!(line, SieveLine::Need) {
            return Arrival::Need;
        }
        let exchange = self.exchange.take();
        self.left = self.left.saturating_sub(1);
        match line {
            SieveLine::Lost(fault) => close(input.len(), fault),
            // A literal behind what is no command, or longer than any here: it is not worth waiting for.
            SieveLine::Unfit(len, Some(_)) | SieveLine::Open(len, ..) => close(len, Fault::TooLong(Side::Client)),
            SieveLine::Unfit(len, _) | SieveLine::Whole(len, ..) if self.left == 0 => close(len, Fault::Limit),
            SieveLine::Unfit(len, None) => Arrival::Answer(len, reply::refused(RefusalCode::Syntax)),
            SieveLine::Whole(len, verb, operands) => match (exchange, &*operands) {
                (Some(exchange), [Operand::Text(text)]) if verb.is_empty() => self.sasl(len, exchange.answer(text)),
                (Some(_), _) => Arrival::Answer(len, reply::refused(RefusalCode::Syntax)),
                (None, operands) => self.command(len, verb, operands),
            },
            SieveLine::Need => Arrival::Need,
        }
    }
}

fn is_tag(tag: &[u8]) -> bool {
    tag.len() <= TAG && std::str::from_utf8(tag).is_ok_and(|tag| !tag.chars().any(char::is_control))
}

fn close(len: usize, fault: Fault) -> Arrival {
    Arrival::Close(len, reply::bye(fault), Some(fault))
}
