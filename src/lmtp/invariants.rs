//! A session with its peers in memory, for tests and fuzzing: the relay that brings mail, and two backends.

use std::sync::Arc;

use super::backend::Slot;
use super::environment::Environment;
use super::session::{Act, Params, Peer, Session};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Address, Domain};
use crate::quota::{self, Amount, Association, Book, Day, Limit, Name, Origin, OverQuota, Reservation, Unknown};
use crate::route::BackendId;
use crate::smtp::upstream::{ConnAct, Done};
use crate::store::Memory;

/// Steps after which a session that gets no further input is called stuck.
const STUCK: usize = 100_000;
/// The two backends.
const ONE: BackendId = BackendId::new(0);
const TWO: BackendId = BackendId::new(1);
/// Octets of a mailbox of `velo`, and of all of `jardin`.
const ROOM: u64 = 10_000;

/// A book of four associations: `velo` (backend one, an alias `contact@`, 10,000 octets a mailbox), `jardin` (backend two,
/// 10,000 octets in all, two mailboxes), `ferme` (backend one, suspended), `loin` (a backend that takes no mail).
pub struct TestEnvironment {
    book: Book,
    /// What is said where there is no room.
    pub over: OverQuota,
    /// What is said of unknown domains.
    pub unknown: Unknown,
    announced: Vec<Reservation>,
}

impl TestEnvironment {
    /// The book as it is at the start: empty mailboxes that nobody has seen.
    pub fn new() -> TestEnvironment {
        let store = Arc::new(Memory::default());
        let book = Book::open(store, quota::Params::default()).unwrap_or_else(|_| unreachable!("memory does not fail"));
        let env = TestEnvironment { book, over: OverQuota::default(), unknown: Unknown::default(), announced: Vec::new() };
        let mut velo = association("velo", None);
        velo.mailbox_default = Limit::At(ROOM);
        let mailboxes = ["alice@velo.example", "bob@velo.example"].into_iter().filter_map(Address::parse);
        velo.aliases.extend(Address::parse("contact@velo.example").map(|alias| (alias, mailboxes.collect())));
        let mut jardin = association("jardin", Some("two"));
        (jardin.storage, jardin.mailboxes) = (Limit::At(ROOM), Limit::At(2));
        let mut ferme = association("ferme", None);
        ferme.state = quota::State::Suspended;
        for association in [velo, jardin, ferme, association("loin", Some("three"))] {
            assert!(env.book.add_association(association, env.today()).is_ok());
        }
        env
    }

    /// What is counted in a mailbox, and what is set aside; in octets.
    pub fn fill(&self, mailbox: &str) -> Option<(u64, u64)> {
        let view = self.book.mailbox(&Address::parse(mailbox)?)?;
        Some((view.used.octets, view.reserved.octets))
    }

    /// Every mailbox with what is counted in it and what is set aside, in octets.
    pub fn mailboxes(&self) -> Vec<(Address, u64, u64)> {
        let views = self.book.mailboxes(None).unwrap_or_default();
        views.into_iter().map(|view| (view.address, view.used.octets, view.reserved.octets)).collect()
    }

    /// The backend is asked about a mailbox, and says that it holds so many octets.
    pub fn count(&self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let seen = if octets > 0 { Amount::message(octets) } else { Amount::ZERO };
        self.book.begin_refresh(&mailbox).map(|refresh| refresh.finish(seen, self.today())).is_some()
    }

    /// A member announces a message and does not send it.
    pub fn announce(&mut self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let reserved = self.book.reserve(&mailbox, Amount::message(octets), Origin::Member, self.today());
        reserved.map(|reservation| self.announced.push(reservation)).is_ok()
    }

    /// Mail was deleted, and the session ended before it counted.
    pub fn shrinks(&self, mailbox: &str) -> bool {
        Address::parse(mailbox).map(|mailbox| self.book.unsee(&mailbox)).is_some()
    }

    /// The backend pushes what a mailbox holds.
    pub fn push(&self, mailbox: &str, octets: u64) -> bool {
        let mailbox = Address::parse(mailbox);
        mailbox.map(|mailbox| self.book.pushed(&mailbox, Some(octets), None)).is_some()
    }

    /// Whether the backend was asked about a mailbox, and nothing happened since that makes the answer doubtful.
    pub fn is_counted(&self, mailbox: &str) -> bool {
        Address::parse(mailbox).is_some_and(|mailbox| self.book.is_seen(&mailbox))
    }

    /// Stores a message of `octets` in a mailbox by another way.
    pub fn store(&self, mailbox: &str, octets: u64) -> bool {
        let Some(mailbox) = Address::parse(mailbox).filter(|mailbox| self.book.admit(mailbox).is_ok()) else { return false };
        let reserved = self.book.reserve(&mailbox, Amount::message(octets), Origin::Member, self.today());
        reserved.map(|reservation| reservation.commit()).is_ok()
    }
}

impl Default for TestEnvironment {
    fn default() -> TestEnvironment {
        TestEnvironment::new()
    }
}

fn association(name: &str, backend: Option<&str>) -> Association {
    let parsed = Name::parse(name).unwrap_or_else(|| unreachable!("a constant that is a name"));
    let mut association = Association::new(parsed, Domain::parse(&format!("{name}.example")));
    association.backend = backend.map(Into::into);
    association
}

impl Environment for TestEnvironment {
    fn book(&self) -> &Book {
        &self.book
    }

    fn today(&self) -> Day {
        Day::from_unix(1_795_363_200)
    }

    fn over(&self) -> OverQuota {
        self.over
    }

    fn unknown(&self) -> Unknown {
        self.unknown
    }

    fn backend(&self, name: Option<&str>) -> Option<BackendId> {
        match name {
            None => Some(ONE),
            Some("two") => Some(TWO),
            Some(_) => None,
        }
    }
}

/// One backend.
#[derive(Default)]
pub struct Backend {
    /// Bytes from it that are not done with.
    input: Vec<u8>,
    /// All that it received and nobody looked at yet.
    pub received: Vec<u8>,
    /// It takes no connections.
    pub is_down: bool,
    /// It is asked for STARTTLS.
    pub starttls: bool,
    /// Where in `received` its connections began, as long as nothing is taken from there.
    pub began: Vec<usize>,
    connected: bool,
    /// It closed, and nobody has noticed yet.
    closed: bool,
}

impl Backend {
    /// Whether a connection to it is open.
    pub fn is_connected(&self) -> bool {
        self.connected
    }
}

/// A session with its peers.
pub struct Play {
    session: Session,
    /// The book and the config.
    pub env: TestEnvironment,
    client: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// One and two.
    pub backends: [Backend; 2],
    closed: bool,
}

impl Play {
    /// A new session.
    pub fn new() -> Play {
        let params = Params { hostname: "mail.nolog.example".into(), recipients: 5 };
        let (client, to_client) = (Vec::new(), Vec::new());
        let (env, backends) = (TestEnvironment::new(), Default::default());
        Play { session: Session::new(Arc::new(params)), env, client, to_client, backends, closed: false }
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Ends the session where it is.
    pub fn into_house(self) -> TestEnvironment {
        let Play { session, env, .. } = self;
        drop(session);
        env
    }

    /// The client sends.
    pub fn client(&mut self, bytes: &[u8]) {
        self.client.extend_from_slice(bytes);
        self.run();
    }

    /// A backend sends.
    pub fn backend(&mut self, number: usize, bytes: &[u8]) {
        if self.backends[number].connected {
            self.backends[number].input.extend_from_slice(bytes);
            self.run();
        }
    }

    /// A backend closes; what it has sent before is still read.
    pub fn backend_closes(&mut self, number: usize) {
        self.backends[number].closed = self.backends[number].connected;
        self.run();
    }

    /// The client was silent for too long.
    pub fn too_slow(&mut self) {
        self.session.close(RefusalCode::TooSlow);
        self.run();
    }

    /// Steps until somebody has to be waited for. Panics when a bound or a rule is broken: this is for tests.
    pub fn run(&mut self) {
        for _ in 0..STUCK {
            if self.closed || !self.turn() {
                return;
            }
        }
        panic!("no progress");
    }

    fn number(&self, slot: Slot) -> usize {
        let backend = self.session.backend(slot).unwrap_or_else(|| unreachable!("a slot without a backend"));
        usize::from(backend == TWO)
    }

    /// One step; whether there is another one at once.
    fn turn(&mut self) -> bool {
        let asked = self.session.asks().map(|slot| self.number(slot));
        let input = asked.map_or(&[][..], |number| &self.backends[number].input);
        let step = self.session.step(&self.env, &self.client, input);
        assert!(step.client <= self.client.len() && step.backend <= input.len());
        self.client.drain(..step.client);
        if let Some(number) = asked {
            self.backends[number].input.drain(..step.backend);
        }
        assert!(self.session.gathered() < 64 * 1024, "more is gathered than any session may hold");
        match step.act {
            Act::Again => {}
            Act::Send => self.send(),
            Act::Read(peer) => return self.wait(peer),
            Act::Forward(count) => self.forward(count),
            Act::Backend(slot, act) => self.obey(slot, act),
            Act::Close => {
                self.send();
                self.closed = true;
            }
        }
        true
    }

    fn obey(&mut self, slot: Slot, act: ConnAct) {
        let number = self.number(slot);
        match act {
            ConnAct::Connect => self.connect(slot),
            ConnAct::Secure => {
                self.backends[number].input.clear();
                self.session.backend_is(slot, Done::Secured);
            }
            ConnAct::HangUp(manner) => {
                if self.backends[number].connected {
                    self.backends[number].received.extend_from_slice(manner.last_words());
                }
                self.cut(number);
            }
            ConnAct::Park(_) => panic!("incoming mail parks nothing"),
        }
    }

    fn cut(&mut self, number: usize) {
        let backend = &mut self.backends[number];
        (backend.connected, backend.closed) = (false, false);
        backend.input.clear();
    }

    fn lose(&mut self, slot: Slot, fault: Fault) {
        let number = self.number(slot);
        self.cut(number);
        self.session.backend_is(slot, Done::Failed(fault));
    }

    fn connect(&mut self, slot: Slot) {
        let number = self.number(slot);
        if self.backends[number].is_down {
            return self.lose(slot, Fault::Down);
        }
        let began = self.backends[number].received.len();
        self.backends[number].began.push(began);
        self.backends[number].connected = true;
        self.session.backend_is(slot, Done::Connected { starttls: self.backends[number].starttls });
    }

    fn wait(&mut self, peer: Peer) -> bool {
        self.send();
        let Peer::Backend(slot) = peer else { return false };
        let backend = &self.backends[self.number(slot)];
        if backend.closed || !backend.connected {
            self.lose(slot, Fault::Gone(Side::Backend));
            return true;
        }
        false
    }

    fn forward(&mut self, count: usize) {
        self.send();
        let bytes: Vec<u8> = self.client.drain(..count).collect();
        for slot in self.session.slots() {
            let number = self.number(slot);
            if !self.session.takes(slot) {
                continue;
            }
            match self.backends[number].closed || !self.backends[number].connected {
                true => self.lose(slot, Fault::Gone(Side::Backend)),
                false => self.backends[number].received.extend_from_slice(&bytes),
            }
        }
    }

    fn send(&mut self) {
        self.to_client.extend(self.session.answers());
        for slot in self.session.slots() {
            let (commands, number) = (self.session.commands(slot), self.number(slot));
            if self.backends[number].connected {
                self.backends[number].received.extend_from_slice(&commands);
            }
        }
    }
}

impl Default for Play {
    fn default() -> Play {
        Play::new()
    }
}
