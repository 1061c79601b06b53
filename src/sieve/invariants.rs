//! What must hold for every input, for tests and fuzzing: both peers are played from bytes, in pieces of any size. Panics where
//! a rule is broken; no program calls it.

use std::sync::Arc;

use super::login::{COMMAND, SieveLogin};
use super::offer::{Forwarding, SieveOffer};
use super::reply;
use super::script::{ScriptKind, kind};
use super::session::{ScriptOwner, SieveSession};
use super::upstream_login::UpstreamSieveLogin;
use crate::fault::RefusalCode;
use crate::private::{Credential, Mechanism, Private, Secret};
use crate::wire::contract::{Approach, Arrival, Carried, Conversation, Door, Motion};
use crate::wire::sasl::Tokens;

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

/// Where a played session is.
enum PlayedSieve {
    Before(SieveLogin),
    Asking(UpstreamSieveLogin, Credential),
    After(SieveSession),
    Over,
}

/// A session with its two peers in memory.
pub struct SievePlay {
    now: PlayedSieve,
    /// Logins ask the backend; else they are answered as wrong.
    backend: bool,
    owner: MemoryOwner,
    forwarding: Forwarding,
    from_client: Vec<u8>,
    from_backend: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// The same for the backend.
    pub to_backend: Vec<u8>,
    /// A handshake of TLS is due: what comes before it is lost.
    handshake: bool,
    /// What is said behind it.
    behind: Vec<u8>,
    /// The backend's connection is given up: what it still says is lost.
    deaf: bool,
}

impl SievePlay {
    /// Before login, on a listener that is `secure` or has STARTTLS. Where there is a `backend` it judges, else every login is wrong.
    pub fn before(secure: bool, backend: bool, owner: MemoryOwner, forwarding: Forwarding) -> SievePlay {
        let offer = SieveOffer {
            extensions: vec!["fileinto".into(), "enotify".into()],
            notify: vec!["mailto".into()],
            tokens: Tokens { bearer: true, xoauth2: false },
        };
        let login = SieveLogin::new(secure, Arc::new(offer), forwarding);
        let greeting = login.greeting();
        SievePlay { to_client: greeting, ..SievePlay::new(PlayedSieve::Before(login), backend, owner, forwarding) }
    }

    /// After login.
    pub fn after(owner: MemoryOwner, forwarding: Forwarding) -> SievePlay {
        SievePlay::new(PlayedSieve::After(SieveSession::new(Arc::new(owner), forwarding)), true, owner, forwarding)
    }

    /// The conversation with a backend alone, for `credential`.
    pub fn asking(starttls: bool, credential: Credential) -> SievePlay {
        let now = PlayedSieve::Asking(UpstreamSieveLogin::new(starttls), credential);
        SievePlay::new(now, true, MemoryOwner::default(), Forwarding::Allow)
    }

    fn new(now: PlayedSieve, backend: bool, owner: MemoryOwner, forwarding: Forwarding) -> SievePlay {
        let (from_client, from_backend, to_client, to_backend, behind) = Default::default();
        let (handshake, deaf) = (false, false);
        SievePlay { now, backend, owner, forwarding, from_client, from_backend, to_client, to_backend, handshake, behind, deaf }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.now, PlayedSieve::Over)
    }

    /// Whether words of ours would stand between two responses now.
    pub fn may_answer(&self) -> bool {
        matches!(&self.now, PlayedSieve::After(session) if session.may_answer())
    }

    /// The connections are gone.
    pub fn cut(&mut self) {
        self.now = PlayedSieve::Over;
    }

    /// TLS begins now. False: nobody wanted it.
    pub fn begin_tls(&mut self) -> bool {
        let wanted = std::mem::take(&mut self.handshake);
        self.to_client.append(&mut self.behind);
        wanted
    }

    /// Another side begins to speak.
    pub fn next_turn(&mut self) {
        self.deaf = false;
        self.run();
    }

    /// The client says `bytes`.
    pub fn client(&mut self, bytes: &[u8]) {
        if !self.handshake {
            self.from_client.extend_from_slice(bytes);
            self.run();
        }
    }

    /// The backend says `bytes`.
    pub fn backend(&mut self, bytes: &[u8]) {
        if !self.handshake && !self.deaf {
            self.from_backend.extend_from_slice(bytes);
            self.run();
        }
    }

    fn run(&mut self) {
        while self.turn() {}
        let waits = matches!(self.now, PlayedSieve::Before(_)) && !self.handshake;
        assert!(!waits || self.from_client.len() <= COMMAND, "more is held than a command");
    }

    fn turn(&mut self) -> bool {
        if self.handshake {
            return false;
        }
        match std::mem::replace(&mut self.now, PlayedSieve::Over) {
            PlayedSieve::Over => false,
            PlayedSieve::Before(login) => self.before_login(login),
            PlayedSieve::Asking(upstream, credential) => self.asked(upstream, credential),
            PlayedSieve::After(session) => self.after_login(session),
        }
    }

    fn before_login(&mut self, mut login: SieveLogin) -> bool {
        let (taken, answer) = match login.next(&self.from_client) {
            Arrival::Need => {
                self.now = PlayedSieve::Before(login);
                return false;
            }
            Arrival::Answer(taken, answer) => {
                self.now = PlayedSieve::Before(login);
                (taken, answer)
            }
            Arrival::StartTls(_, answer) => {
                let (secured, words) = login.secured();
                (self.behind, self.handshake) = (words, true);
                self.now = PlayedSieve::Before(secured);
                // All that was buffered is dropped.
                (self.from_client.len(), answer)
            }
            Arrival::Try(taken, credential) if self.backend => {
                self.now = PlayedSieve::Asking(UpstreamSieveLogin::new(false), credential);
                (taken, Vec::new())
            }
            Arrival::Try(taken, _) => {
                self.now = PlayedSieve::Before(login);
                (taken, reply::denied())
            }
            Arrival::Close(taken, words, _) => (taken, words),
        };
        self.from_client.drain(..taken);
        self.to_client.extend_from_slice(&answer);
        true
    }

    fn asked(&mut self, mut upstream: UpstreamSieveLogin, credential: Credential) -> bool {
        match upstream.next(&self.from_backend, &credential) {
            Ok(Approach::Need) => {
                self.now = PlayedSieve::Asking(upstream, credential);
                return false;
            }
            Ok(Approach::Send(taken, bytes)) => {
                self.from_backend.drain(..taken);
                self.to_backend.extend_from_slice(&bytes);
                self.now = PlayedSieve::Asking(upstream, credential);
            }
            Ok(Approach::StartTls) => {
                self.from_backend.clear();
                self.handshake = true;
                self.now = PlayedSieve::Asking(upstream, credential);
            }
            Ok(Approach::Done(taken)) => {
                self.from_backend.drain(..taken);
                self.to_client.extend(reply::ok("Logged in"));
                self.now = PlayedSieve::After(SieveSession::new(Arc::new(self.owner), self.forwarding));
            }
            Err(fault) => {
                self.from_backend.clear();
                self.deaf = true;
                self.to_client.extend(reply::refused(fault.code()));
                self.now = PlayedSieve::Before(SieveLogin::new(true, Arc::default(), self.forwarding));
            }
        }
        true
    }

    fn after_login(&mut self, mut session: SieveSession) -> bool {
        let step = session.client_says(&self.from_client);
        let from_client = !matches!(step, Motion::Need | Motion::Hold);
        let step = if from_client { step } else { session.backend_says(&self.from_backend) };
        let (source, target) = match from_client {
            true => (&mut self.from_client, &mut self.to_backend),
            false => (&mut self.from_backend, &mut self.to_client),
        };
        match step {
            Motion::Need | Motion::Hold => {
                let left = session.has_left();
                self.now = if left { PlayedSieve::Over } else { PlayedSieve::After(session) };
                return false;
            }
            Motion::Forward(count) => {
                assert!(count > 0, "nothing went on");
                target.extend(source.drain(..count));
            }
            Motion::Rewrite(count, bytes) => {
                source.drain(..count);
                target.extend_from_slice(&bytes);
            }
            Motion::Answer(count, bytes) => {
                source.drain(..count);
                self.to_client.extend_from_slice(&bytes);
            }
            Motion::Close(words, _) => {
                self.to_client.extend_from_slice(&words);
                return true;
            }
        }
        self.now = PlayedSieve::After(session);
        true
    }
}

/// Alice's password.
pub fn alice() -> Credential {
    Credential { user: Private::new("alice@velo.example".into()), secret: Secret::new(b"pw"), mechanism: Mechanism::Password }
}

/// Plays `script`, client and backend in turns, cut at `\xff`: the first octet says where it begins. Panics where what the two hear
/// depends on the pieces, where what is no command of ours goes to the backend, or a script that sends where those are refused.
pub fn check_sieve(script: &[u8], random: &mut dyn FnMut() -> u64) {
    let Some((kind, script)) = script.split_first() else { return };
    let whole = played(*kind, script, &mut |left| left);
    for size in [1, 7] {
        assert!(whole == played(*kind, script, &mut |_| size), "it depends on how the bytes came");
    }
    let pieces = played(*kind, script, &mut |left| 1 + usize::try_from(random() % 300).unwrap_or(0) % left.max(1));
    assert!(whole == pieces, "it depends on how the bytes came");
    let mut rest = &*whole.1;
    while !rest.is_empty() {
        rest = command_of_ours(rest, *kind);
    }
}

/// Takes one command from what a backend was told, as any server would read it.
fn command_of_ours(told: &[u8], played: u8) -> &[u8] {
    let end = memchr::memchr(b'\n', told).map_or(told.len(), |end| end + 1);
    let (line, rest) = told.split_at(end);
    assert!(line.ends_with(b"\r\n"), "half a line went to the backend");
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

fn played(kind: u8, script: &[u8], size: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, Vec<u8>, bool) {
    let owner = MemoryOwner { read_only: kind & 4 != 0, room: 1000 };
    let forwarding = if kind & 8 != 0 { Forwarding::Refuse } else { Forwarding::Allow };
    let mut play = match kind % 4 {
        0 => SievePlay::before(false, false, owner, forwarding),
        1 => SievePlay::before(true, true, owner, forwarding),
        2 => SievePlay::asking(kind & 8 != 0, alice()),
        _ => SievePlay::after(owner, forwarding),
    };
    for (turn, words) in script.split(|byte| *byte == 0xff).enumerate() {
        play.begin_tls();
        play.next_turn();
        let mut rest = words;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
            if turn % 2 == 0 {
                play.client(piece)
            } else {
                play.backend(piece)
            }
            rest = behind;
        }
    }
    (std::mem::take(&mut play.to_client), std::mem::take(&mut play.to_backend), play.is_closed())
}
