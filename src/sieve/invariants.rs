//! What must hold for every input, for tests and fuzzing: both peers are played from bytes, in pieces of any size. Panics where
//! a rule is broken; no program calls it.

use std::sync::Arc;

use super::capability::SieveCapabilities;
use super::forwarding::Forwarding;
use super::login::{COMMAND, SieveLogin};
use super::reply::SieveVoice;
use super::script::{ScriptKind, kind};
use super::session::{ScriptOwner, SieveSession};
use super::upstream_login::UpstreamSieveLogin;
use crate::fault::RefusalCode;
use crate::wire::contract::BeforeLogin;
use crate::wire::play::{ContractPlay, Machines, play_in_pieces};
use crate::wire::tokens::Tokens;

/// A place in a book in memory.
#[derive(Clone, Copy, Default)]
pub struct MemoryOwner {
    /// Nothing may be changed.
    pub read_only: bool,
    /// Octets that find room.
    pub room: u64,
}

impl ScriptOwner for MemoryOwner {
    fn may_change(&self) -> Result<(), RefusalCode> {
        if self.read_only { Err(RefusalCode::ReadOnly) } else { Ok(()) }
    }

    fn has_room(&self, octets: u64) -> Result<(), RefusalCode> {
        self.may_change()?;
        if octets > self.room { Err(RefusalCode::MailboxFull) } else { Ok(()) }
    }
}

/// ManageSieve's machines, in front of a book in memory.
#[derive(Clone, Copy, Default)]
pub struct SieveMachines {
    /// Whose scripts they are.
    pub owner: MemoryOwner,
    /// What becomes of filters that forward.
    pub forwarding: Forwarding,
}

impl Machines for SieveMachines {
    type BeforeLogin = SieveLogin;
    type Conversation = UpstreamSieveLogin;
    type Session = SieveSession;
    type Voice = SieveVoice;
    const HELD: usize = COMMAND;
    // The octets of scripts do.
    const PASSES: bool = true;

    fn greeting(&self) -> SieveLogin {
        SieveLogin::new(true, Arc::new(told_list().within(self.forwarding)))
    }

    fn session(&self) -> SieveSession {
        SieveSession::new(Arc::new(self.owner), self.forwarding)
    }
}

/// What the backend said of itself before.
fn told_list() -> SieveCapabilities {
    SieveCapabilities {
        extensions: vec!["fileinto".into(), "enotify".into()],
        notify: vec!["mailto".into()],
        tokens: Tokens { bearer: true, xoauth2: false },
    }
}

/// A session with its two peers in memory.
pub type SievePlay = ContractPlay<SieveMachines>;

impl SievePlay {
    /// Before login, on a listener that is `secure` or has STARTTLS. Where a backend `judges` it is asked, else every login is wrong.
    pub fn before(secure: bool, judges: bool, machines: SieveMachines) -> SievePlay {
        let login = SieveLogin::new(secure, Arc::new(told_list().within(machines.forwarding)));
        let greeting = login.greeting();
        let mut play = ContractPlay::at_greeting(login, judges, machines);
        play.to_client = greeting;
        play
    }
}

/// Plays `script`, client and backend in turns, cut at `\xff`: the first octet says where it begins. Panics where what the two hear
/// depends on the pieces, where what is no command of ours goes to the backend, or a script that sends where those are refused.
pub fn check_sieve(script: &[u8], random: &mut dyn FnMut() -> u64) {
    let Some((kind, script)) = script.split_first() else { return };
    let forwarding = if kind & 8 != 0 { Forwarding::Refuse } else { Forwarding::Allow };
    let machines = SieveMachines { owner: MemoryOwner { read_only: kind & 4 != 0, room: 1000 }, forwarding };
    let heard = play_in_pieces(script, random, || match kind % 4 {
        0 => SievePlay::before(false, false, machines),
        1 => SievePlay::before(true, true, machines),
        2 => ContractPlay::in_conversation(kind & 8 != 0, machines),
        _ => ContractPlay::logged_in(machines),
    });
    let mut rest = &*heard.backend;
    while !rest.is_empty() {
        rest = command_of_ours(rest, *kind);
    }
}

/// Takes one command from what a backend was told, as any server would read it.
fn command_of_ours(told: &[u8], played: u8) -> &[u8] {
    let end = memchr::memchr(b'\n', told).map_or(told.len(), |end| end + 1);
    let (line, rest) = told.split_at(end);
    assert!(line.ends_with(b"\r\n"), "half a line went to the backend");
    // A challenge that is cancelled, where a backend judges.
    if line == b"\"*\"\r\n" && matches!(played % 4, 1 | 2) {
        return rest;
    }
    let verb: Vec<u8> = line.iter().copied().take_while(u8::is_ascii_alphabetic).collect();
    let refused = [&b"UNAUTHENTICATE"[..], b"XCLIENT", b"STARTTLS", b"AUTHENTICATE"];
    assert!(!verb.is_empty() && (played % 4 != 3 || !refused.contains(&&*verb)), "what is no command of ours went on");
    let Some(size) = line.strip_suffix(b"+}\r\n").and_then(|line| line.rsplit(|byte| *byte == b'{').next()) else { return rest };
    let size: usize = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok()).unwrap_or(usize::MAX);
    // The session was cut inside of it.
    let Some((script, rest)) = rest.split_at_checked(size) else { return &[] };
    assert!(played & 8 == 0 || played % 4 == 2 || kind(script) == ScriptKind::Stays, "a script that sends went on");
    rest.strip_prefix(b"\r\n").unwrap_or_else(|| {
        assert!(rest.is_empty(), "more than CRLF behind a script");
        rest
    })
}
