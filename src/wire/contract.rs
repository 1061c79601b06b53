//! What a driver and a protocol agree on, for protocols in which one command at a time is answered (POP3, ManageSieve): before login,
//! while a backend judges the credentials, and after login. A protocol that keeps to it needs no loop of its own.
//!
//! Absent on purpose: IMAP, whose commands overlap, and which has questions of its own under way besides the client's.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::fault::{Fault, RefusalCode};
use crate::private::Credential;

/// What to do with the first bytes from a client that has not logged in.
pub enum Arrival {
    /// More bytes are needed.
    Need,
    /// Take the bytes away and answer (with nothing, maybe).
    Answer(usize, Vec<u8>),
    /// Take the bytes away, answer, drop all other input, and start TLS.
    StartTls(usize, Vec<u8>),
    /// Take the bytes away and try this at the backend.
    Try(usize, Credential),
    /// The client leaves, or an error ends the session: these are the last words.
    Close(usize, Vec<u8>, Option<Fault>),
}

/// A session before login.
pub trait BeforeLogin: Send {
    /// The first words, before anything was read.
    fn greeting(&self) -> Vec<u8>;

    /// The session that begins once TLS is on, of which nothing from before counts, and its first words.
    fn secured(&self) -> (Self, Vec<u8>)
    where
        Self: Sized;

    /// What to do with the first bytes of `input`.
    fn next(&mut self, input: &[u8]) -> Arrival;
}

/// What comes next in a conversation with a backend.
pub enum Approach {
    /// More bytes are needed.
    Need,
    /// Take the bytes away and send these (nothing, maybe).
    Send(usize, Zeroizing<Vec<u8>>),
    /// Take all bytes away and start TLS; then go on with an empty input.
    StartTls,
    /// Take the bytes away: the person is logged in.
    Done(usize),
}

/// The conversation with a backend until it accepts a credential.
pub trait Conversation: Send + Sized {
    /// The protocol, as admins are told of it.
    const PROTOCOL: &'static str;
    /// The command that asks for TLS, as admins are told of it.
    const STARTTLS: &'static str;
    /// What ends a conversation in which nobody logged in.
    const GOODBYE: &'static [u8];
    /// How long a server of this protocol is left alone after its greeting, where TLS comes with the first octet.
    const SETTLES: Duration = Duration::ZERO;

    /// Begins with the backend's greeting; `starttls`: TLS is asked for and nothing is said without it.
    fn begin(starttls: bool) -> Self;

    /// Whether the backend takes passwords on this connection; no, before it has said so.
    fn takes_passwords(&self) -> bool;

    /// What comes next, for the first bytes of `input`. Without a `credential` it is done when the backend has said what it can do, and
    /// nobody is logged in.
    ///
    /// # Errors
    /// `Denied` when the credentials are refused, `Barred` when the person is for another reason, or everybody; `Down` when the
    /// backend says that it cannot judge them, `Garbage(Backend)` for everything that makes no sense at this point.
    fn next(&mut self, input: &[u8], credential: Option<&Credential>) -> Result<Approach, Fault>;
}

/// What to do with the first bytes of one side, after login.
#[derive(Debug, PartialEq, Eq)]
pub enum Motion {
    /// More bytes are needed.
    Need,
    /// Nothing, until the other side has spoken.
    Hold,
    /// Pass them on as they are.
    Forward(usize),
    /// Take them away, and send these (nothing, maybe) to the other side.
    Rewrite(usize, Vec<u8>),
    /// Take them away, and answer the client.
    Answer(usize, Vec<u8>),
    /// The session ends, with these words to the client.
    Close(Vec<u8>, Fault),
}

impl Motion {
    /// How many of the bytes it takes away.
    pub fn taken(&self) -> usize {
        match self {
            Motion::Need | Motion::Hold | Motion::Close(..) => 0,
            Motion::Forward(count) | Motion::Rewrite(count, _) | Motion::Answer(count, _) => *count,
        }
    }
}

/// A session after login.
pub trait Carried: Send {
    /// What to do with the first bytes of the client.
    fn client_says(&mut self, input: &[u8]) -> Motion;

    /// What to do with the first bytes of the backend.
    fn backend_says(&mut self, input: &[u8]) -> Motion;

    /// Where it is between the two.
    fn state(&self) -> CarriedState;
}

/// Where a session is after login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriedState {
    /// No command is under way.
    AtRest,
    /// The client has to say the rest of a command.
    InCommand,
    /// The backend has to speak.
    Asked,
    /// The same after a goodbye: it is waited for also when the client is gone.
    Leaving,
    /// The backend has to speak, and is in the middle of a response.
    InResponse,
    /// The goodbye was answered.
    Left,
    /// It failed.
    Broken,
}

impl CarriedState {
    /// Whether no command is under way.
    pub fn is_at_rest(self) -> bool {
        matches!(self, CarriedState::AtRest | CarriedState::Left)
    }

    /// Whether the client is the one that has to speak.
    pub fn awaits_client(self) -> bool {
        matches!(self, CarriedState::AtRest | CarriedState::InCommand | CarriedState::Left)
    }

    /// Whether words of ours would stand between two responses, and not inside one.
    pub fn may_answer(self) -> bool {
        matches!(self, CarriedState::AtRest | CarriedState::InCommand | CarriedState::Asked | CarriedState::Leaving)
    }
}

/// Words of ours to a client.
pub trait Voice {
    /// The answer to a login that was accepted. `note`: plain ASCII without quotes, of at most 480 octets, that the person is to read.
    fn welcome(note: Option<&str>) -> Vec<u8>;

    /// The answer to a login that was refused: the same for an unknown user, an unknown domain and a wrong password.
    fn denied() -> Vec<u8>;

    /// The answer to a login that could not be tried.
    fn refused(code: RefusalCode) -> Vec<u8>;

    /// The last words of a session that ends for `code`.
    fn ended(code: RefusalCode) -> Vec<u8>;
}
