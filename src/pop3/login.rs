//! Before login we are the server: CAPA, USER, PASS, AUTH, STLS, QUIT (RFC 1939 4, RFC 2449 5, RFC 2595 4, RFC 5034 4).
//!
//! Whole lines of at most [`LINE`] octets; nobody has proven anything yet.

use super::frame::{Pop3Line, line};
use super::{capability, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Mechanism, Private, Secret};
use crate::wire::contract::{Arrival, BeforeLogin};
use crate::wire::sasl::{self, Exchange, MechanismName};
use crate::wire::tokens::Tokens;

/// Octets of one line before login. RFC 2449 4 has 255, RFC 5034 4 lets the lines of AUTH be longer.
pub const LINE: usize = sasl::MAX_ANSWER + 256;

/// Lines before login, also honest ones. A mail program needs about five.
const LINES: u8 = 50;

/// Octets of a login name. An address has at most 320.
const NAME: usize = 512;

/// A session before login. After STLS a new one is made: nothing from before counts.
pub struct Pop3Login {
    /// TLS is on, or the socket never leaves this machine.
    secure: bool,
    /// What backends take besides passwords.
    tokens: Tokens,
    user: Option<Private<Box<str>>>,
    exchange: Option<Exchange>,
    left: u8,
}

impl Pop3Login {
    /// Credentials are refused, and STLS is offered, where it is not `secure`; `tokens` is what may be presented besides passwords.
    pub fn new(secure: bool, tokens: Tokens) -> Pop3Login {
        Pop3Login { secure, tokens, user: None, exchange: None, left: LINES }
    }

    fn command(&mut self, text: &[u8], len: usize) -> Arrival {
        let space = memchr::memchr(b' ', text);
        let (verb, argument) = text.split_at(space.unwrap_or(text.len()));
        let argument = argument.strip_prefix(b" ");
        // PASS belongs to the USER just before it, and to no other.
        let user = self.user.take();
        let answer = match (&*verb.to_ascii_uppercase(), argument) {
            (b"CAPA", None) => capability::before_login(self.secure, self.tokens),
            (b"QUIT", None) => return Arrival::Close(len, reply::ok("Goodbye"), None),
            (b"STLS", None) if !self.secure => return Arrival::StartTls(len, reply::ok("Begin TLS negotiation now")),
            (b"USER" | b"PASS" | b"AUTH", _) if !self.secure => reply::refused(RefusalCode::TlsFirst),
            (b"USER", Some(name)) => self.name(name),
            (b"PASS", Some(secret)) => return pass(user, secret, len),
            (b"AUTH", Some(arguments)) => return self.authenticate(arguments, len),
            (b"STLS" | b"APOP" | b"UTF8" | b"LANG" | b"XCLIENT", _) => reply::refused(RefusalCode::NotHere),
            (b"STAT" | b"LIST" | b"RETR" | b"DELE" | b"NOOP" | b"RSET" | b"TOP" | b"UIDL", _) => {
                reply::refused(RefusalCode::LoginFirst)
            }
            _ => reply::refused(RefusalCode::Syntax),
        };
        Arrival::Answer(len, answer)
    }

    /// Any name is taken: whether there is such a mailbox is not told.
    fn name(&mut self, name: &[u8]) -> Vec<u8> {
        let usable = |name: &&str| !name.is_empty() && name.len() <= NAME && !name.chars().any(char::is_control);
        match std::str::from_utf8(name).ok().filter(usable) {
            Some(name) => {
                self.user = Some(Private::new(name.into()));
                reply::ok("Send PASS")
            }
            None => reply::refused(RefusalCode::Syntax),
        }
    }

    fn authenticate(&mut self, arguments: &[u8], len: usize) -> Arrival {
        let mut words = arguments.splitn(2, |byte| *byte == b' ');
        let name = words.next().and_then(MechanismName::parse).filter(|name| self.tokens.allow(*name));
        match name {
            Some(name) => self.sasl(len, sasl::start(name, words.next())),
            None => Arrival::Answer(len, reply::refused(RefusalCode::LoginMethod)),
        }
    }

    fn sasl(&mut self, len: usize, step: sasl::SaslStep) -> Arrival {
        match step {
            sasl::SaslStep::Challenge(text, exchange) => {
                self.exchange = Some(exchange);
                Arrival::Answer(len, format!("+ {text}\r\n").into_bytes())
            }
            sasl::SaslStep::Done(credential) => Arrival::Try(len, credential),
            sasl::SaslStep::Refused(sasl::SaslRefusal::Foreign | sasl::SaslRefusal::Empty) => {
                Arrival::Answer(len, reply::denied())
            }
            sasl::SaslStep::Refused(_) => Arrival::Answer(len, reply::refused(RefusalCode::Syntax)),
        }
    }
}

impl BeforeLogin for Pop3Login {
    fn greeting(&self) -> Vec<u8> {
        reply::GREETING.to_vec()
    }

    fn secured(&self) -> (Pop3Login, Vec<u8>) {
        (Pop3Login::new(true, self.tokens), Vec::new())
    }

    fn next(&mut self, input: &[u8]) -> Arrival {
        let (len, clean) = match line(input, LINE) {
            Pop3Line::Need => return Arrival::Need,
            Pop3Line::TooLong => return close(input.len().min(LINE), Fault::TooLong(Side::Client)),
            Pop3Line::Whole { len, clean } => (len, clean),
        };
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return close(len, Fault::Limit);
        }
        let exchange = self.exchange.take();
        if !clean {
            self.user = None;
            return Arrival::Answer(len, reply::refused(RefusalCode::Syntax));
        }
        let text = &input[..len - 2];
        match exchange {
            Some(exchange) => self.sasl(len, exchange.answer(text)),
            None => self.command(text, len),
        }
    }
}

/// The secret is all that stands behind `PASS ` (RFC 1939 7: it may hold spaces).
fn pass(user: Option<Private<Box<str>>>, secret: &[u8], len: usize) -> Arrival {
    match user {
        None => Arrival::Answer(len, reply::refused(RefusalCode::Syntax)),
        // As a wrong one. No backend is asked.
        Some(_) if secret.is_empty() => Arrival::Answer(len, reply::denied()),
        Some(user) => Arrival::Try(len, Credential { user, secret: Secret::new(secret), mechanism: Mechanism::Password }),
    }
}

fn close(len: usize, fault: Fault) -> Arrival {
    Arrival::Close(len, reply::ended(fault), Some(fault))
}
