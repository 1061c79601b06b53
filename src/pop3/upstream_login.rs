//! Towards the backend, until it accepts the credentials: greeting, STLS where asked for, CAPA, then AUTH or USER and PASS.
//!
//! Pure: it is fed with what the backend sent and says what to send next.
//! Absent on purpose: APOP and XCLIENT. A backend learns nothing about clients. Nor is a password sent to a backend that lists
//! no way to take one here.

use zeroize::Zeroizing;

use super::capability::{self, FoundList, PasswordWay};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Mechanism};
use crate::wire::contract::{Approach, Conversation};
use crate::wire::sasl;
use crate::wire::tokens::Tokens;

/// The longest status line of a backend that is read, in octets. RFC 2449 4 has 512.
pub(super) const STATUS: usize = 2048;

/// A command with an initial response is at most so long (RFC 5034 4).
const INITIAL: usize = 255;

/// The conversation with one backend.
pub struct UpstreamPop3Login {
    waits: WaitsFor,
    starttls: bool,
    way: PasswordWay,
    tokens: Tokens,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    Greeting,
    /// The answer to STLS.
    StartTls,
    /// TLS: nothing is known of what came before.
    Secured,
    /// The status line of CAPA.
    Capa,
    /// The list behind it.
    List,
    /// The challenge of AUTH that takes the response.
    Challenge,
    /// The answer to USER.
    User,
    /// The verdict.
    Verdict,
    /// The verdict about a token. A challenge may come first, that tells why it is refused (RFC 7628 3.2.3).
    TokenVerdict,
    /// The refusal: that challenge was cancelled.
    Refusal,
}

impl UpstreamPop3Login {
    /// Which mechanisms for tokens its list has; none, before it has said so.
    pub fn tokens(&self) -> Tokens {
        self.tokens
    }

    fn send(&mut self, then: WaitsFor, taken: usize, bytes: &[u8]) -> Approach {
        self.waits = then;
        Approach::Send(taken, Zeroizing::new(bytes.to_vec()))
    }

    fn list(&mut self, input: &[u8], credential: Option<&Credential>) -> Result<Approach, Fault> {
        match capability::find(input) {
            FoundList::Need => Ok(Approach::Need),
            FoundList::TooLong => Err(Fault::Garbage(Side::Backend)),
            FoundList::Whole(len) => self.attempt(len, Some(&input[..len]), credential),
        }
    }

    fn attempt(&mut self, len: usize, list: Option<&[u8]>, credential: Option<&Credential>) -> Result<Approach, Fault> {
        self.way = capability::password_way(list);
        self.tokens = capability::tokens(list);
        let Some(credential) = credential else { return Ok(Approach::Done(len)) };
        if !self.tokens.take(credential.mechanism) {
            return Err(Fault::Barred(RefusalCode::LoginMethod));
        }
        if credential.mechanism != Mechanism::Password {
            return Ok(self.auth(len, credential));
        }
        match self.way {
            PasswordWay::None => Err(Fault::Barred(RefusalCode::BackendSetup)),
            // A line cannot hold it, so nobody has judged it.
            PasswordWay::User if credential.secret.reveal().iter().any(|byte| matches!(byte, b'\r' | b'\n')) => {
                Err(Fault::Barred(RefusalCode::LoginMethod))
            }
            PasswordWay::User => {
                let line = line(b"USER ", credential.user.reveal().as_bytes());
                self.waits = WaitsFor::User;
                Ok(Approach::Send(len, line))
            }
            PasswordWay::Plain => Ok(self.auth(len, credential)),
        }
    }

    /// AUTH, with the response where the line has room for it.
    fn auth(&mut self, len: usize, credential: &Credential) -> Approach {
        let (name, response) = sasl::initial_response(credential);
        let verb = format!("AUTH {}", name.word());
        let line = line(format!("{verb} ").as_bytes(), &response);
        if line.len() > INITIAL {
            return self.send(WaitsFor::Challenge, len, format!("{verb}\r\n").as_bytes());
        }
        self.waits = verdict(credential);
        Approach::Send(len, line)
    }

    /// There is nothing more to say to it, so it is cancelled (RFC 5034 4), and the refusal comes.
    fn cancel(&mut self, input: &[u8]) -> Result<Approach, Fault> {
        let end = memchr::memchr(b'\n', &input[..input.len().min(sasl::MAX_ANSWER)]);
        match end {
            Some(end) => Ok(self.send(WaitsFor::Refusal, end + 1, b"*\r\n")),
            None if input.len() < sasl::MAX_ANSWER => Ok(Approach::Need),
            None => Err(Fault::Garbage(Side::Backend)),
        }
    }

    fn challenge(&mut self, input: &[u8], credential: &Credential) -> Result<Approach, Fault> {
        let Some(end) = memchr::memchr(b'\n', &input[..input.len().min(STATUS)]) else {
            return if input.len() < STATUS { Ok(Approach::Need) } else { Err(Fault::Garbage(Side::Backend)) };
        };
        self.waits = verdict(credential);
        Ok(Approach::Send(end + 1, line(b"", &sasl::initial_response(credential).1)))
    }

    fn pass(&mut self, len: usize, credential: &Credential) -> Approach {
        self.waits = WaitsFor::Verdict;
        Approach::Send(len, line(b"PASS ", credential.secret.reveal()))
    }
}

impl Conversation for UpstreamPop3Login {
    const PROTOCOL: &'static str = "POP3";
    const STARTTLS: &'static str = "STLS";
    const GOODBYE: &'static [u8] = b"QUIT\r\n";

    fn begin(starttls: bool) -> UpstreamPop3Login {
        UpstreamPop3Login { waits: WaitsFor::Greeting, starttls, way: PasswordWay::None, tokens: Tokens::default() }
    }

    fn takes_passwords(&self) -> bool {
        self.way != PasswordWay::None
    }

    fn next(&mut self, input: &[u8], credential: Option<&Credential>) -> Result<Approach, Fault> {
        const CAPA: &[u8] = b"CAPA\r\n";
        match (self.waits, credential) {
            (WaitsFor::Secured, _) => return Ok(self.send(WaitsFor::Capa, 0, CAPA)),
            (WaitsFor::List, _) => return self.list(input, credential),
            (WaitsFor::Challenge, Some(credential)) if may_be_challenge(input) => return self.challenge(input, credential),
            (WaitsFor::TokenVerdict, _) if may_be_challenge(input) => return self.cancel(input),
            _ => {}
        }
        let Some(status) = capability::status(input, STATUS) else { return Ok(Approach::Need) };
        let (len, good) = status.ok_or(Fault::Garbage(Side::Backend))?;
        match (self.waits, good) {
            (WaitsFor::Greeting, true) if self.starttls => Ok(self.send(WaitsFor::StartTls, len, b"STLS\r\n")),
            (WaitsFor::Greeting, true) => Ok(self.send(WaitsFor::Capa, len, CAPA)),
            (WaitsFor::Greeting, false) => Err(too_many(input, len).unwrap_or(Fault::Down)),
            (WaitsFor::StartTls, true) => {
                self.waits = WaitsFor::Secured;
                Ok(Approach::StartTls)
            }
            (WaitsFor::Capa, true) => Ok(self.send(WaitsFor::List, len, b"")),
            (WaitsFor::Capa, false) => self.attempt(len, None, credential),
            (WaitsFor::User, true) => Ok(self.pass(len, credential.ok_or(Fault::Garbage(Side::Backend))?)),
            (WaitsFor::Verdict | WaitsFor::TokenVerdict, true) => Ok(Approach::Done(len)),
            (WaitsFor::Challenge | WaitsFor::User | WaitsFor::Verdict, false) => Err(refusal(input, len)),
            (WaitsFor::TokenVerdict | WaitsFor::Refusal, false) => Err(refusal(input, len)),
            // Also a +OK to what was cancelled: nobody can say who is logged in.
            _ => Err(Fault::Garbage(Side::Backend)),
        }
    }
}

fn verdict(credential: &Credential) -> WaitsFor {
    if credential.mechanism == Mechanism::Password { WaitsFor::Verdict } else { WaitsFor::TokenVerdict }
}

/// RFC 5034 4 has a blank behind the `+`; not all servers send it.
fn may_be_challenge(input: &[u8]) -> bool {
    matches!(input, [] | [b'+'] | [b'+', b' ' | b'\r', ..])
}

/// Sized before it is filled: a buffer that grows would leave copies of the secret behind.
fn line(verb: &[u8], argument: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(verb.len() + argument.len() + 2));
    [verb, argument, b"\r\n"].iter().for_each(|part| line.extend_from_slice(part));
    line
}

/// What -ERR to a login says of the password (RFC 2449 8, RFC 3206): a code other than AUTH says that it is not at fault.
fn refusal(input: &[u8], len: usize) -> Fault {
    let text = input[..len].strip_prefix(b"-ERR ").unwrap_or_default();
    let code = text.strip_prefix(b"[").and_then(|rest| rest.split(|byte| *byte == b']').next()).unwrap_or_default();
    if let Some(fault) = too_many(input, len) {
        return fault;
    }
    match &*code.to_ascii_uppercase() {
        b"SYS/TEMP" => Fault::Down,
        b"SYS/PERM" => Fault::Barred(RefusalCode::AskAdmins),
        b"LOGIN-DELAY" => Fault::Barred(RefusalCode::TooManyTries),
        _ => Fault::Denied,
    }
}

/// IN-USE: another session has the mailbox to itself. Dovecot has no code for its limit of connections.
fn too_many(input: &[u8], len: usize) -> Option<Fault> {
    let text = input[..len].to_ascii_lowercase();
    let told = text.starts_with(b"-err [in-use]") || memchr::memmem::find(&text, b"maximum number of connections").is_some();
    told.then_some(Fault::Barred(RefusalCode::TooManyConnections))
}
