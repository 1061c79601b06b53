//! What must hold for every input, for tests and fuzzing: both peers are played from bytes, in pieces of any size. Panics where
//! a rule is broken; no program calls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::login::{LINE, Pop3Login};
use super::reply;
use super::session::{Maildrop, Pop3Session};
use super::upstream_login::UpstreamPop3Login;
use crate::fault::RefusalCode;
use crate::private::{Credential, Mechanism, Private, Secret};
use crate::wire::contract::{Approach, Arrival, Carried, Conversation, Door, Motion};

/// What a driver holds of one direction at most.
const BUFFER: usize = 64 * 1024;

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
}

/// Where a played session is.
enum Played {
    /// Before login.
    Before(Pop3Login),
    /// The backend is asked.
    Asking(UpstreamPop3Login, Credential),
    /// After login.
    After(Pop3Session),
    /// Over.
    Over,
}

/// A session with its two peers in memory.
pub struct Pop3Play {
    now: Played,
    /// Logins ask the backend; else they are answered as wrong.
    backend: bool,
    maildrop: Arc<MemoryMaildrop>,
    from_client: Vec<u8>,
    from_backend: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// The same for the backend.
    pub to_backend: Vec<u8>,
    /// A handshake of TLS is due: what comes before it is lost.
    handshake: bool,
    /// The backend's connection is given up: what it still says is lost.
    deaf: bool,
}

impl Pop3Play {
    /// Before login, on a listener that is `secure` or has STLS. Where there is a `backend` it judges, else every login is wrong.
    pub fn before(secure: bool, backend: bool, maildrop: Arc<MemoryMaildrop>) -> Pop3Play {
        Pop3Play::new(Played::Before(Pop3Login::new(secure)), backend, maildrop)
    }

    /// After login.
    pub fn after(maildrop: Arc<MemoryMaildrop>) -> Pop3Play {
        Pop3Play::new(Played::After(Pop3Session::new(maildrop.clone())), true, maildrop)
    }

    /// The conversation with a backend alone, for `credential`.
    pub fn asking(starttls: bool, credential: Credential) -> Pop3Play {
        Pop3Play::new(Played::Asking(UpstreamPop3Login::new(starttls), credential), true, Arc::default())
    }

    fn new(now: Played, backend: bool, maildrop: Arc<MemoryMaildrop>) -> Pop3Play {
        let (from_client, from_backend, to_client, to_backend) = Default::default();
        Pop3Play { now, backend, maildrop, from_client, from_backend, to_client, to_backend, handshake: false, deaf: false }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.now, Played::Over)
    }

    /// Whether somebody is logged in.
    pub fn is_logged_in(&self) -> bool {
        matches!(self.now, Played::After(_))
    }

    /// The connections are gone.
    pub fn cut(&mut self) {
        self.now = Played::Over;
    }

    /// TLS begins now. False: nobody wanted it.
    pub fn begin_tls(&mut self) -> bool {
        std::mem::take(&mut self.handshake)
    }

    /// Another side begins to speak.
    pub fn next_turn(&mut self) {
        self.deaf = false;
        self.run();
    }

    /// The client says `bytes`.
    pub fn client(&mut self, bytes: &[u8]) {
        if self.handshake {
            return;
        }
        self.from_client.extend_from_slice(bytes);
        self.run();
    }

    /// The backend says `bytes`.
    pub fn backend(&mut self, bytes: &[u8]) {
        if self.handshake || self.deaf {
            return;
        }
        self.from_backend.extend_from_slice(bytes);
        self.run();
    }

    fn run(&mut self) {
        while self.turn() {}
        let most = if matches!(self.now, Played::Before(_)) { LINE } else { BUFFER };
        let waits = matches!(self.now, Played::Before(_));
        assert!(!waits || self.from_client.len() <= most, "more is held than a line");
    }

    fn turn(&mut self) -> bool {
        if self.handshake {
            return false;
        }
        match std::mem::replace(&mut self.now, Played::Over) {
            Played::Over => false,
            Played::Before(login) => self.before_login(login),
            Played::Asking(upstream, credential) => self.asked(upstream, credential),
            Played::After(session) => self.after_login(session),
        }
    }

    fn before_login(&mut self, mut login: Pop3Login) -> bool {
        let step = login.next(&self.from_client);
        let keep = |play: &mut Pop3Play, taken: usize, answer: &[u8]| {
            play.from_client.drain(..taken);
            play.to_client.extend_from_slice(answer);
        };
        match step {
            Arrival::Need => {
                self.now = Played::Before(login);
                return false;
            }
            Arrival::Answer(taken, answer) => {
                keep(self, taken, &answer);
                self.now = Played::Before(login);
            }
            Arrival::StartTls(taken, answer) => {
                keep(self, taken, &answer);
                // All that was buffered is dropped.
                self.from_client.clear();
                self.handshake = true;
                self.now = Played::Before(Pop3Login::new(true));
            }
            Arrival::Try(taken, credential) => {
                keep(self, taken, b"");
                if self.backend {
                    self.now = Played::Asking(UpstreamPop3Login::new(false), credential);
                } else {
                    self.to_client.extend(reply::denied());
                    self.now = Played::Before(login);
                }
            }
            Arrival::Close(taken, words, _) => keep(self, taken, &words),
        }
        true
    }

    fn asked(&mut self, mut upstream: UpstreamPop3Login, credential: Credential) -> bool {
        match upstream.next(&self.from_backend, &credential) {
            Ok(Approach::Need) => {
                self.now = Played::Asking(upstream, credential);
                return false;
            }
            Ok(Approach::Send(taken, bytes)) => {
                self.from_backend.drain(..taken);
                self.to_backend.extend_from_slice(&bytes);
                self.now = Played::Asking(upstream, credential);
            }
            Ok(Approach::StartTls) => {
                self.from_backend.clear();
                self.handshake = true;
                self.now = Played::Asking(upstream, credential);
            }
            Ok(Approach::Done(taken)) => {
                self.from_backend.drain(..taken);
                self.to_client.extend(reply::welcome());
                self.now = Played::After(Pop3Session::new(self.maildrop.clone()));
            }
            Err(fault) => {
                self.from_backend.clear();
                self.deaf = true;
                self.to_client.extend(reply::ended(fault));
                self.now = Played::Before(Pop3Login::new(true));
            }
        }
        true
    }

    fn after_login(&mut self, mut session: Pop3Session) -> bool {
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
                self.now = if left { Played::Over } else { Played::After(session) };
                return false;
            }
            Motion::Forward(count) => {
                assert!(count > 0 && !from_client, "the client's own octets went on");
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
        self.now = Played::After(session);
        true
    }
}

/// Alice's password.
pub fn alice() -> Credential {
    Credential { user: Private::new("alice@velo.example".into()), secret: Secret::new(b"pw"), mechanism: Mechanism::Password }
}

/// Plays `script`, client and backend in turns, cut at `\xff`: the first octet says where it begins. Panics where what the two hear
/// depends on the pieces, or where what is no command of ours goes to the backend.
pub fn check_pop3(script: &[u8], random: &mut dyn FnMut() -> u64) {
    let Some((kind, script)) = script.split_first() else { return };
    let whole = played(*kind, script, &mut |left| left);
    for size in [1, 7] {
        assert!(whole == played(*kind, script, &mut |_| size), "it depends on how the bytes came");
    }
    let pieces = played(*kind, script, &mut |left| 1 + usize::try_from(random() % 300).unwrap_or(0) % left.max(1));
    assert!(whole == pieces, "it depends on how the bytes came");
    let (_, to_backend, ..) = whole;
    let lines: Vec<_> = to_backend.split_inclusive(|byte| *byte == b'\n').collect();
    // Names and passwords may be in any letters (RFC 6856).
    let any_letters = |line: &[u8]| line.starts_with(b"USER ") || line.starts_with(b"PASS ");
    let is_ours = |line: &&[u8]| line.ends_with(b"\r\n") && (line.is_ascii() || any_letters(line));
    assert!(lines.iter().all(is_ours), "no line of ours went to the backend");
    let is_not_theirs = |line: &&[u8]| line.starts_with(b"STLS\r") || line.starts_with(b"XCLIE");
    assert!(!lines.iter().any(is_not_theirs) || *kind % 4 == 2, "what is ours went on");
}

fn played(kind: u8, script: &[u8], size: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, Vec<u8>, bool, usize) {
    let maildrop = Arc::new(MemoryMaildrop { read_only: kind & 4 != 0, freed: AtomicUsize::new(0) });
    let mut play = match kind % 4 {
        0 => Pop3Play::before(false, false, maildrop.clone()),
        1 => Pop3Play::before(true, true, maildrop.clone()),
        2 => Pop3Play::asking(kind & 8 != 0, alice()),
        _ => Pop3Play::after(maildrop.clone()),
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
    let closed = play.is_closed();
    let (to_client, to_backend) = (std::mem::take(&mut play.to_client), std::mem::take(&mut play.to_backend));
    play.cut();
    (to_client, to_backend, closed, maildrop.freed.load(Ordering::Relaxed))
}
