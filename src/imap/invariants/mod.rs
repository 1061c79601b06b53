//! What must hold for every input, for tests and fuzzing: both peers are played from bytes, in pieces of any size. Panics where
//! a rule is broken; no program calls it.

mod frames;

use super::ImapStep;
use super::login::{Before, ImapLogin, denied};
use super::options::SessionOptions;
use super::session::ImapSession;
use crate::wire::protection::Protection;

pub use super::stand_ins::{Alice, TestSentCopy};
pub use frames::check_frames;

/// What a driver holds of one direction at most.
const BUFFER: usize = 64 * 1024;

/// A session with its two peers in memory.
pub struct ImapPlay {
    login: Option<ImapLogin>,
    session: ImapSession,
    /// With nobody who counts and no Sent mailbox, nothing of the client is ever rewritten but how a literal is announced, and
    /// what had to be read whole.
    opaque: bool,
    from_client: Vec<u8>,
    from_backend: Vec<u8>,
    answers: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// The same for the backend.
    pub to_backend: Vec<u8>,
    /// The parts of that which are ours, and which are the backend's: how the two are mixed depends on the pieces.
    by_us: Vec<u8>,
    by_backend: Vec<u8>,
    closed: bool,
}

impl ImapPlay {
    /// After login, or before it, where there is no backend and every login is answered with `tried`.
    pub fn new(before_login: bool, terms: SessionOptions) -> ImapPlay {
        let login = before_login.then(|| ImapLogin::new(Protection::Secure));
        let opaque = terms.account.is_none() && terms.sent_copy.is_none();
        ImapPlay {
            login,
            opaque,
            session: ImapSession::new(terms),
            from_client: Vec::new(),
            from_backend: Vec::new(),
            answers: Vec::new(),
            to_client: Vec::new(),
            to_backend: Vec::new(),
            by_us: Vec::new(),
            by_backend: Vec::new(),
            closed: false,
        }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The client sends.
    pub fn client(&mut self, bytes: &[u8]) {
        self.from_client.extend_from_slice(bytes);
        self.run();
    }

    /// The backend sends.
    pub fn backend(&mut self, bytes: &[u8]) {
        self.from_backend.extend_from_slice(bytes);
        self.run();
    }

    /// Does what there is to do.
    pub fn run(&mut self) {
        while !self.closed && (self.login_turn() || self.client_turn() || self.backend_turn() || self.answer_turn()) {}
    }

    fn login_turn(&mut self) -> bool {
        let Some(login) = &mut self.login else { return false };
        match login.next(window(&self.from_client)) {
            Before::Need => return false,
            Before::Answer(count, answer) => {
                self.from_client.drain(..count);
                self.to_client.extend(answer);
            }
            Before::Try(count, attempt) => {
                self.from_client.drain(..count);
                self.to_client.extend([attempt.tag.octets(), b" tried\r\n"].concat());
            }
            Before::StartTls(_, words) | Before::Close(_, words, _) => self.close(&words),
        }
        true
    }

    fn client_turn(&mut self) -> bool {
        if self.login.is_some() {
            return false;
        }
        let input = window(&self.from_client);
        match self.session.from_client(input, input.len() == BUFFER) {
            ImapStep::Need => {
                assert!(input.len() < BUFFER, "the client's direction is stuck");
                return false;
            }
            ImapStep::Hold => return false,
            ImapStep::Forward(count) => self.to_backend.extend(self.from_client.drain(..count)),
            ImapStep::Rewrite(count, bytes) => {
                self.from_client.drain(..count);
                self.to_backend.extend(bytes);
            }
            ImapStep::Answer(count, bytes) => {
                self.from_client.drain(..count);
                self.by_us.extend_from_slice(&bytes);
                self.answers.extend(bytes);
            }
            ImapStep::Swallow(count) => drop(self.from_client.drain(..count)),
            ImapStep::Close(words, _) => self.close(&words),
        }
        true
    }

    fn backend_turn(&mut self) -> bool {
        let input = window(&self.from_backend);
        match self.session.from_backend(input, input.len() == BUFFER) {
            ImapStep::Need => {
                assert!(input.len() < BUFFER, "the backend's direction is stuck");
                return false;
            }
            ImapStep::Hold => return false,
            ImapStep::Forward(count) => {
                self.by_backend.extend_from_slice(&self.from_backend[..count]);
                self.to_client.extend(self.from_backend.drain(..count));
            }
            ImapStep::Rewrite(count, bytes) => {
                let line: Vec<u8> = self.from_backend.drain(..count).collect();
                let list = memchr::memmem::find(&line.to_ascii_uppercase(), b"CAPABILITY").is_some();
                assert!(list || !self.opaque, "only capability lists are rewritten");
                self.by_backend.extend_from_slice(&bytes);
                self.to_client.extend(bytes);
            }
            ImapStep::Swallow(count) => drop(self.from_backend.drain(..count)),
            ImapStep::Answer(count, bytes) => {
                self.from_backend.drain(..count);
                self.to_backend.extend(bytes);
            }
            ImapStep::Close(words, _) => self.close(&words),
        }
        true
    }

    fn answer_turn(&mut self) -> bool {
        let may = !self.answers.is_empty() && self.session.may_answer();
        if may {
            self.to_client.append(&mut self.answers);
        }
        may
    }

    fn close(&mut self, words: &[u8]) {
        self.to_client.extend(words);
        self.closed = true;
    }
}

fn window(input: &[u8]) -> &[u8] {
    input.get(..BUFFER).unwrap_or(input)
}

/// Both directions after login: `script` is cut at its `\xff` bytes into what client and backend say in turn. Each turn is
/// played in one piece and in pieces whose sizes `random` decides; both peers must hear the same.
pub fn check_session(script: &[u8], terms: &mut dyn FnMut() -> SessionOptions, random: &mut dyn FnMut() -> u64) {
    let whole = played(script, terms(), &mut |left| left);
    let pieces = played(script, terms(), &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left);
    // What went out of a command before its flaw was seen depends on the pieces.
    let closed = whole.is_closed() && pieces.is_closed();
    let agree = |one: &[u8], other: &[u8]| one == other || closed && (one.starts_with(other) || other.starts_with(one));
    assert!(whole.is_closed() == pieces.is_closed(), "the end depends on how the bytes came");
    assert!(agree(&whole.to_backend, &pieces.to_backend), "what the backend hears depends on how the bytes came");
    assert!(agree(&whole.by_us, &pieces.by_us), "what we tell the client depends on how the bytes came");
    assert!(agree(&whole.by_backend, &pieces.by_backend), "what the backend tells the client depends on how the bytes came");
}

fn played(script: &[u8], terms: SessionOptions, size: &mut dyn FnMut(usize) -> usize) -> ImapPlay {
    let mut play = ImapPlay::new(false, terms);
    play.run();
    for (turn, mut rest) in script.split(|byte| *byte == 0xff).enumerate() {
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
            if turn % 2 == 0 {
                play.client(piece)
            } else {
                play.backend(piece)
            }
            rest = behind;
        }
        play.session.rest();
        play.run();
    }
    play
}

/// Before login: answers and attempts are the same in any pieces, and no answer is more than a few lines.
pub fn check_login(input: &[u8], random: &mut dyn FnMut() -> u64) {
    for protection in [Protection::Secure, Protection::StartTls] {
        let whole = tried(input, protection, &mut |left| left);
        let pieces = tried(input, protection, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left);
        assert!(whole == pieces, "login depends on how the bytes came");
        assert!(protection == Protection::Secure || whole.1.is_empty(), "a credential without TLS");
    }
}

type Attempts = Vec<(String, Vec<u8>)>;

fn tried(input: &[u8], protection: Protection, size: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, Attempts, bool) {
    let (mut login, mut said, mut attempts, mut held, mut rest) =
        (ImapLogin::new(protection), Vec::new(), Vec::new(), Vec::new(), input);
    loop {
        match login.next(window(&held)) {
            Before::Need if rest.is_empty() => return (said, attempts, false),
            Before::Need => {
                assert!(held.len() < BUFFER, "more is held than anybody may who has not logged in");
                let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
                held.extend_from_slice(piece);
                rest = behind;
            }
            Before::Answer(count, answer) => {
                assert!(answer.len() < 1024);
                held.drain(..count);
                said.extend(answer);
            }
            Before::Try(count, attempt) => {
                held.drain(..count);
                let credential = attempt.credential;
                attempts.push((credential.user.reveal().to_string(), credential.secret.reveal().to_vec()));
                said.extend(denied(&attempt.tag));
            }
            Before::StartTls(_, words) | Before::Close(_, words, _) => {
                said.extend(words);
                return (said, attempts, true);
            }
        }
    }
}
