//! A session of a protocol that keeps to [`contract`](super::contract), with its two peers in memory: for tests and fuzzing, which give
//! it bytes in pieces of any size. Panics where a rule is broken that holds for all of them; no program calls it.

use super::contract::{Approach, Arrival, BeforeLogin, Carried, CarriedState, Conversation, Motion, Voice};
use crate::fault::Fault;
use crate::private::{Credential, Mechanism, Private, Secret};

/// The machines of one protocol.
pub trait Machines {
    /// The session before login.
    type BeforeLogin: BeforeLogin;
    /// The conversation with a backend.
    type Conversation: Conversation;
    /// The session after login.
    type Session: Carried;
    /// The words of ours.
    type Voice: Voice;

    /// Octets of a client that has not logged in that may be held.
    const HELD: usize;
    /// Whether octets of a client may go on as they are, after login.
    const PASSES: bool;

    /// A session before login, behind TLS.
    fn greeting(&self) -> Self::BeforeLogin;

    /// A session after login.
    fn session(&self) -> Self::Session;

    /// How often anybody but the two peers was told something.
    fn told(&self) -> usize {
        0
    }
}

/// Where a played session is.
enum PlayedStage<M: Machines> {
    Before(M::BeforeLogin),
    Asking(M::Conversation, Credential),
    After(M::Session),
    Over,
}

/// A session with its two peers in memory.
pub struct ContractPlay<M: Machines> {
    stage: PlayedStage<M>,
    machines: M,
    /// Logins ask the backend; else they are answered as wrong.
    judges: bool,
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

/// What is left of a play: what client and backend heard, and whether it is over.
#[derive(PartialEq, Eq)]
pub struct PlayOutcome {
    /// The client.
    pub client: Vec<u8>,
    /// The backend.
    pub backend: Vec<u8>,
    /// Whether the session is over.
    pub closed: bool,
    /// See [`Machines::told`].
    pub told: usize,
}

impl<M: Machines> ContractPlay<M> {
    /// Before login. `judges`: a backend judges logins, else each is wrong.
    pub fn at_greeting(before: M::BeforeLogin, judges: bool, machines: M) -> ContractPlay<M> {
        ContractPlay::new(PlayedStage::Before(before), judges, machines)
    }

    /// The conversation with a backend alone, for Alice.
    pub fn in_conversation(starttls: bool, machines: M) -> ContractPlay<M> {
        let secret = Secret::new(b"pw");
        let alice = Credential { user: Private::new("alice@velo.example".into()), secret, mechanism: Mechanism::Password };
        ContractPlay::new(PlayedStage::Asking(M::Conversation::begin(starttls), alice), true, machines)
    }

    /// After login.
    pub fn logged_in(machines: M) -> ContractPlay<M> {
        ContractPlay::new(PlayedStage::After(machines.session()), true, machines)
    }

    fn new(stage: PlayedStage<M>, judges: bool, machines: M) -> ContractPlay<M> {
        let (from_client, from_backend, to_client, to_backend, behind) = Default::default();
        let (handshake, deaf) = (false, false);
        ContractPlay { stage, machines, judges, from_client, from_backend, to_client, to_backend, handshake, behind, deaf }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.stage, PlayedStage::Over)
    }

    /// Whether words of ours would stand between two responses now.
    pub fn may_answer(&self) -> bool {
        matches!(&self.stage, PlayedStage::After(session) if session.state().may_answer())
    }

    /// The connections are gone.
    pub fn cut(&mut self) {
        self.stage = PlayedStage::Over;
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

    /// Plays `script`, client and backend in turns, cut at `\xff`, in pieces of at most `size(left)`.
    fn script(mut self, script: &[u8], size: &mut dyn FnMut(usize) -> usize) -> PlayOutcome {
        for (turn, words) in script.split(|byte| *byte == 0xff).enumerate() {
            self.begin_tls();
            self.next_turn();
            let mut rest = words;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
                if turn % 2 == 0 {
                    self.client(piece)
                } else {
                    self.backend(piece)
                }
                rest = behind;
            }
        }
        let closed = self.is_closed();
        // A session that is cut may have something to tell.
        self.cut();
        PlayOutcome { closed, told: self.machines.told(), client: self.to_client, backend: self.to_backend }
    }

    fn run(&mut self) {
        while self.turn() {}
        let waits = matches!(self.stage, PlayedStage::Before(_)) && !self.handshake;
        assert!(!waits || self.from_client.len() <= M::HELD, "more is held than a command");
    }

    fn turn(&mut self) -> bool {
        if self.handshake {
            return false;
        }
        match std::mem::replace(&mut self.stage, PlayedStage::Over) {
            PlayedStage::Over => false,
            PlayedStage::Before(before) => self.before_login(before),
            PlayedStage::Asking(conversation, credential) => self.asked(conversation, credential),
            PlayedStage::After(session) => self.after_login(session),
        }
    }

    fn before_login(&mut self, mut before: M::BeforeLogin) -> bool {
        let (taken, answer) = match before.next(&self.from_client) {
            Arrival::Need => {
                self.stage = PlayedStage::Before(before);
                return false;
            }
            Arrival::Answer(taken, answer) => {
                self.stage = PlayedStage::Before(before);
                (taken, answer)
            }
            Arrival::StartTls(_, answer) => {
                let (secured, words) = before.secured();
                (self.behind, self.handshake) = (words, true);
                self.stage = PlayedStage::Before(secured);
                // All that was buffered is dropped.
                (self.from_client.len(), answer)
            }
            Arrival::Try(taken, credential) if self.judges => {
                self.stage = PlayedStage::Asking(M::Conversation::begin(false), credential);
                (taken, Vec::new())
            }
            Arrival::Try(taken, _) => {
                self.stage = PlayedStage::Before(before);
                (taken, M::Voice::denied())
            }
            Arrival::Close(taken, words, _) => (taken, words),
        };
        self.from_client.drain(..taken);
        self.to_client.extend_from_slice(&answer);
        true
    }

    fn asked(&mut self, mut conversation: M::Conversation, credential: Credential) -> bool {
        match conversation.next(&self.from_backend, Some(&credential)) {
            Ok(Approach::Need) => {
                self.stage = PlayedStage::Asking(conversation, credential);
                return false;
            }
            Ok(Approach::Send(taken, bytes)) => {
                self.from_backend.drain(..taken);
                self.to_backend.extend_from_slice(&bytes);
                self.stage = PlayedStage::Asking(conversation, credential);
            }
            Ok(Approach::StartTls) => {
                self.from_backend.clear();
                self.handshake = true;
                self.stage = PlayedStage::Asking(conversation, credential);
            }
            Ok(Approach::Done(taken)) => {
                self.from_backend.drain(..taken);
                self.to_client.extend(M::Voice::welcome(None));
                self.stage = PlayedStage::After(self.machines.session());
            }
            Err(fault) => {
                self.from_backend.clear();
                self.deaf = true;
                self.to_client.extend(if fault == Fault::Denied { M::Voice::denied() } else { M::Voice::refused(fault.code()) });
                self.stage = PlayedStage::Before(self.machines.greeting());
            }
        }
        true
    }

    fn after_login(&mut self, mut session: M::Session) -> bool {
        let step = session.client_says(&self.from_client);
        let from_client = !matches!(step, Motion::Need | Motion::Hold);
        let step = if from_client { step } else { session.backend_says(&self.from_backend) };
        let (source, target) = match from_client {
            true => (&mut self.from_client, &mut self.to_backend),
            false => (&mut self.from_backend, &mut self.to_client),
        };
        match step {
            Motion::Need | Motion::Hold => {
                self.stage = if session.state() == CarriedState::Left { PlayedStage::Over } else { PlayedStage::After(session) };
                return false;
            }
            Motion::Forward(count) => {
                assert!(count > 0 && (M::PASSES || !from_client), "the client's own octets went on, or nothing did");
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
        self.stage = PlayedStage::After(session);
        true
    }
}

/// Plays `script` in one piece, in small ones, and in pieces by chance, each time in a new play: what is heard is the same.
pub fn play_in_pieces<M: Machines>(
    script: &[u8],
    random: &mut dyn FnMut() -> u64,
    play: impl Fn() -> ContractPlay<M>,
) -> PlayOutcome {
    let whole = play().script(script, &mut |left| left);
    for size in [1, 7] {
        assert!(whole == play().script(script, &mut |_| size), "it depends on how the bytes came");
    }
    let pieces = play().script(script, &mut |left| 1 + usize::try_from(random() % 300).unwrap_or(0) % left.max(1));
    assert!(whole == pieces, "it depends on how the bytes came");
    whole
}
