//! What must hold for every input, for tests and fuzzing: both peers are played from bytes, in pieces of any size. Panics where
//! a rule is broken; no program calls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::login::{LINE, Pop3Login};
use super::reply::Pop3Voice;
use super::session::{Maildrop, Pop3Session};
use super::upstream_login::UpstreamPop3Login;
use crate::fault::RefusalCode;
use crate::wire::play::{ContractPlay, Machines, play_in_pieces};
use crate::wire::tokens::Tokens;

/// What is offered besides passwords.
const TOKENS: Tokens = Tokens { bearer: true, xoauth2: false };

/// A mailbox in memory.
#[derive(Default)]
pub struct MemoryMaildrop {
    /// Nothing may be deleted.
    pub read_only: bool,
    /// How often the book was told.
    pub freed: AtomicUsize,
}

impl Maildrop for MemoryMaildrop {
    fn may_delete(&self) -> Result<(), RefusalCode> {
        if self.read_only { Err(RefusalCode::ReadOnly) } else { Ok(()) }
    }

    fn freed(&self) {
        self.freed.fetch_add(1, Ordering::Relaxed);
    }

    fn perhaps_freed(&self) {
        self.freed();
    }
}

/// POP3's machines, in front of a mailbox in memory.
#[derive(Clone, Default)]
pub struct Pop3Machines(pub Arc<MemoryMaildrop>);

impl Machines for Pop3Machines {
    type BeforeLogin = Pop3Login;
    type Conversation = UpstreamPop3Login;
    type Session = Pop3Session;
    type Voice = Pop3Voice;
    const HELD: usize = LINE;
    const PASSES: bool = false;

    fn greeting(&self) -> Pop3Login {
        Pop3Login::new(true, TOKENS)
    }

    fn session(&self) -> Pop3Session {
        Pop3Session::new(self.0.clone())
    }

    fn told(&self) -> usize {
        self.0.freed.load(Ordering::Relaxed)
    }
}

/// A session with its two peers in memory.
pub type Pop3Play = ContractPlay<Pop3Machines>;

impl Pop3Play {
    /// Before login, on a listener that is `secure` or has STLS. Where a backend `judges` it is asked, else every login is wrong.
    pub fn before(secure: bool, judges: bool, machines: Pop3Machines) -> Pop3Play {
        ContractPlay::at_greeting(Pop3Login::new(secure, TOKENS), judges, machines)
    }
}

/// Plays `script`, client and backend in turns, cut at `\xff`: the first octet says where it begins. Panics where what the two hear
/// depends on the pieces, or where what is no command of ours goes to the backend.
pub fn check_pop3(script: &[u8], random: &mut dyn FnMut() -> u64) {
    let Some((kind, script)) = script.split_first() else { return };
    let heard = play_in_pieces(script, random, || {
        let machines = Pop3Machines(Arc::new(MemoryMaildrop { read_only: kind & 4 != 0, freed: AtomicUsize::new(0) }));
        match kind % 4 {
            0 => Pop3Play::before(false, false, machines),
            1 => Pop3Play::before(true, true, machines),
            2 => ContractPlay::in_conversation(kind & 8 != 0, machines),
            _ => ContractPlay::logged_in(machines),
        }
    });
    let lines: Vec<_> = heard.backend.split_inclusive(|byte| *byte == b'\n').collect();
    // Names and passwords may be in any letters (RFC 6856).
    let any_letters = |line: &[u8]| line.starts_with(b"USER ") || line.starts_with(b"PASS ");
    let is_ours = |line: &&[u8]| line.ends_with(b"\r\n") && (line.is_ascii() || any_letters(line));
    assert!(lines.iter().all(is_ours), "no line of ours went to the backend");
    let is_not_theirs = |line: &&[u8]| line.starts_with(b"STLS\r") || line.starts_with(b"XCLIE");
    assert!(!lines.iter().any(is_not_theirs) || *kind % 4 == 2, "what is ours went on");
}
