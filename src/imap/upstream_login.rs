//! Towards the backend, until it accepts the credentials: greeting, STARTTLS where asked for, AUTHENTICATE or LOGIN.
//!
//! Pure: it is fed with what the backend sent and says what to send next. One round trip after the greeting, where the
//! backend tells its capabilities in the greeting, as Dovecot and Cyrus do.
//! Absent on purpose: sending ID, but for a [`Hint`] where the admin wants one. A backend learns nothing about clients, and of us
//! only what the conversation shows. The hint goes out in front of the login in one piece with it: it costs no round trip.
//! Nor is a password sent to a backend that says it takes none here (LOGINDISABLED, RFC 9051 7.2.2).

use zeroize::Zeroizing;

use super::capability;
use super::frame::{Direction, Frame, Framer};
use super::pieces::Pieces;
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Hint, Mechanism};
use crate::wire::sasl;
use crate::wire::tokens::Tokens;

/// What comes next.
pub enum LoginProgress {
    /// More bytes are needed.
    Need,
    /// Take the bytes away and send these (nothing, maybe).
    Send(usize, Zeroizing<Vec<u8>>),
    /// Take all bytes away and start TLS; then go on with an empty input.
    StartTls,
    /// Take the bytes away: the person is logged in.
    Done(usize),
}

/// The conversation with one backend.
pub struct UpstreamLogin {
    framer: Framer,
    stage: LoginStage,
    starttls: bool,
    hint: Option<Hint>,
    capabilities: Vec<u8>,
    /// What it takes besides passwords, as soon as that is known.
    tokens: Option<Tokens>,
    /// What is still to be sent of the login, the last piece first: each waits for a `+` of its own.
    pieces: Vec<Zeroizing<Vec<u8>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LoginStage {
    Greeting,
    StartTls,
    /// TLS has just begun: nothing is known of what came before.
    Secured,
    /// CAPABILITY was asked for, before login.
    Asked,
    /// AUTHENTICATE or LOGIN was sent, or its first piece.
    Trying,
    /// CAPABILITY was asked for, after login.
    AskedAgain,
}

/// The tag of ID, with what follows it.
const HINTED: &[u8] = b"n0 ";
const STARTTLS: &[u8] = b"n1 STARTTLS\r\n";
const CAPABILITY: &[u8] = b"n2 CAPABILITY\r\n";
const CAPABILITY_AGAIN: &[u8] = b"n4 CAPABILITY\r\n";

impl UpstreamLogin {
    /// Begins with the backend's greeting; `starttls`: TLS is asked for and nothing is said without it. `hint` is told in ID to
    /// a backend that has it.
    pub fn new(starttls: bool, hint: Option<Hint>) -> UpstreamLogin {
        let (framer, stage) = (Framer::new(Direction::Server), LoginStage::Greeting);
        UpstreamLogin { framer, stage, starttls, hint, capabilities: Vec::new(), tokens: None, pieces: Vec::new() }
    }

    /// What the backend takes besides passwords; known when a login is sent.
    pub fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    /// The backend's capabilities; complete after [`LoginProgress::Done`].
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    /// Largest literal that the backend takes without being asked first (RFC 7888 5).
    pub fn non_sync(&self) -> Option<u64> {
        capability::non_sync(&self.capabilities)
    }

    /// What comes next, for the first bytes of `input`. Without a `credential` it is done as soon as [`UpstreamLogin::tokens`] is
    /// known, and nobody is logged in.
    ///
    /// # Errors
    /// `Denied` when the credentials are refused, `Barred` when the person is for another reason, or everybody; `Down` when the
    /// backend says that it cannot judge them, `Garbage(Backend)` for everything that is no IMAP at this point.
    pub fn next(&mut self, input: &[u8], full: bool, credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        if self.stage == LoginStage::Secured {
            self.stage = LoginStage::Asked;
            return Ok(send(0, CAPABILITY));
        }
        match self.framer.next(input, full)? {
            Frame::Need => Ok(LoginProgress::Need),
            Frame::Line { len, literal: None, .. } => self.line(&input[..len], credential),
            _ => Err(Fault::Garbage(Side::Backend)),
        }
    }

    fn line(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        let len = line.len();
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if let Some(list) = capability::find(text) {
            self.capabilities = text[list].to_vec();
        }
        let untagged = line.starts_with(b"* ");
        if untagged && line.len() >= 5 && line[2..5].eq_ignore_ascii_case(b"BYE") {
            return Err(if is_too_many(line) { Fault::Barred(RefusalCode::TooManyConnections) } else { Fault::Down });
        }
        match self.stage {
            LoginStage::Greeting => self.greeting(line, credential),
            // Without a piece: a challenge that tells why a token is refused (RFC 7628 3.2.3); cancelled, so that the refusal comes.
            LoginStage::Trying if line.starts_with(b"+") => match self.pieces.pop() {
                Some(piece) => Ok(LoginProgress::Send(len, piece)),
                None => Ok(send(len, b"*\r\n")),
            },
            _ if untagged => Ok(send(len, b"")),
            // A backend that refuses the hint is no worse off than one that never got it.
            LoginStage::Trying if self.hint.is_some() && line.starts_with(HINTED) => Ok(send(len, b"")),
            _ => self.tagged(line, credential),
        }
    }

    fn greeting(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        // PREAUTH would mean to be somebody already; it is refused like any other nonsense.
        if line.len() < 5 || !line[..5].eq_ignore_ascii_case(b"* OK ") {
            return Err(Fault::Garbage(Side::Backend));
        }
        if self.starttls {
            self.stage = LoginStage::StartTls;
            return Ok(send(line.len(), STARTTLS));
        }
        if self.capabilities.is_empty() {
            self.stage = LoginStage::Asked;
            return Ok(send(line.len(), CAPABILITY));
        }
        self.attempt(line.len(), credential)
    }

    fn tagged(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        let tag: &[u8] = match self.stage {
            LoginStage::StartTls => b"n1 ",
            LoginStage::Asked => b"n2 ",
            LoginStage::AskedAgain => b"n4 ",
            _ => b"n3 ",
        };
        let status = line.strip_prefix(tag).ok_or(Fault::Garbage(Side::Backend))?;
        let ok = status.len() >= 3 && status[..3].eq_ignore_ascii_case(b"OK ");
        match self.stage {
            LoginStage::Trying if !ok => Err(refusal(status)),
            // An OK to half a login: nobody can say who is logged in.
            LoginStage::Trying if !self.pieces.is_empty() => Err(Fault::Garbage(Side::Backend)),
            _ if !ok => Err(Fault::Garbage(Side::Backend)),
            LoginStage::StartTls => {
                // What was said in the clear may be somebody else's word.
                self.capabilities.clear();
                self.stage = LoginStage::Secured;
                Ok(LoginProgress::StartTls)
            }
            LoginStage::Asked => self.attempt(line.len(), credential),
            LoginStage::Trying if self.capabilities.is_empty() => {
                self.stage = LoginStage::AskedAgain;
                Ok(send(line.len(), CAPABILITY_AGAIN))
            }
            _ => Ok(LoginProgress::Done(line.len())),
        }
    }

    fn attempt(&mut self, len: usize, credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        self.tokens = Some(capability::tokens(&self.capabilities));
        let Some(credential) = credential else { return Ok(LoginProgress::Done(len)) };
        let (name, response) = sasl::initial_response(credential);
        let offered = capability::has(&self.capabilities, format!("AUTH={}", name.word()).as_bytes());
        match (offered, credential.mechanism) {
            (true, _) => {}
            (false, Mechanism::Password) if capability::has(&self.capabilities, b"LOGINDISABLED") => {
                return Err(Fault::Barred(RefusalCode::BackendSetup));
            }
            (false, Mechanism::Password) => {}
            // It cannot read the token, so nothing is known of it.
            (false, Mechanism::OAuthBearer | Mechanism::XOAuth2) => return Err(Fault::Barred(RefusalCode::LoginMethod)),
        }
        let sasl_ir = capability::has(&self.capabilities, b"SASL-IR");
        let non_sync = self.non_sync().unwrap_or(0);
        self.hint = self.hint.filter(|_| capability::has(&self.capabilities, b"ID"));
        // The list after login is another one.
        self.capabilities.clear();
        self.stage = LoginStage::Trying;
        let mut pieces = Pieces::new(2 * response.len() + 256);
        if let Some(hint) = self.hint {
            pieces.add(format!("n0 ID (\"x-originating-ip\" \"{}\")\r\n", hint.reveal()).as_bytes());
        }
        if offered {
            pieces.add(format!("n3 AUTHENTICATE {}", name.word()).as_bytes());
            match sasl_ir {
                true => pieces.add(b" "),
                false => pieces.wait(),
            }
            pieces.add(&response);
        } else {
            pieces.add(b"n3 LOGIN ");
            pieces.astring(credential.user.reveal().as_bytes(), non_sync);
            pieces.add(b" ");
            pieces.astring(credential.secret.reveal(), non_sync);
        }
        pieces.add(b"\r\n");
        let (first, rest) = pieces.into_parts();
        self.pieces = rest;
        Ok(LoginProgress::Send(len, first))
    }
}

/// What a NO to the login says of the password (RFC 5530 3): most words say that it is not at fault.
fn refusal(status: &[u8]) -> Fault {
    let code = status.get(3..).and_then(|text| text.strip_prefix(b"[")).unwrap_or_default();
    let word = code.split(|byte| matches!(byte, b']' | b' ')).next().unwrap_or_default().to_ascii_uppercase();
    match &*word {
        b"LIMIT" => Fault::Barred(RefusalCode::TooManyConnections),
        b"UNAVAILABLE" if is_too_many(status) => Fault::Barred(RefusalCode::TooManyConnections),
        b"UNAVAILABLE" | b"SERVERBUG" | b"INUSE" => Fault::Down,
        // Of another node, that judges.
        b"OVERQUOTA" => Fault::Barred(RefusalCode::TooManyMailboxes),
        b"EXPIRED" => Fault::Barred(RefusalCode::PasswordExpired),
        b"CONTACTADMIN" => Fault::Barred(RefusalCode::AskAdmins),
        b"AUTHORIZATIONFAILED" | b"NOPERM" => Fault::Barred(RefusalCode::NotAllowed),
        b"PRIVACYREQUIRED" => Fault::Barred(RefusalCode::BackendSetup),
        _ => Fault::Denied,
    }
}

/// Dovecot 2.3 has no code of its own for it (2.4 says LIMIT), and an admin would look for an outage.
fn is_too_many(line: &[u8]) -> bool {
    memchr::memmem::find(&line.to_ascii_lowercase(), b"maximum number of connections").is_some()
}

fn send(len: usize, bytes: &[u8]) -> LoginProgress {
    LoginProgress::Send(len, Zeroizing::new(bytes.to_vec()))
}

#[cfg(test)]
mod tests;
