//! What must hold for every input, for tests and fuzzing: play both peers from a script of bytes, in pieces of any size.

use std::sync::Arc;

use super::session::{Act, Environment, Limits, Params, Protection, Session, Verdict};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Address, Credential};
use crate::scrub::invariants::shared_scrubber;
use crate::scrub::{Context, Profile, Refusal, Scrubbed, Scrubber, Writer};
use crate::smtp::client::Capabilities;
use crate::smtp::command::Command;
use crate::smtp::upstream::{ConnAct, Done};
use crate::wire::sasl::Name;

/// The password that the stand-in of the backend accepts, for every address.
pub const PASSWORD: &[u8] = b"right";

/// What a client says to be logged in as `alice@asso.example`.
pub const LOGGED_IN: &[u8] = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";

/// Steps after which a session that gets no further input is called stuck.
const STUCK: usize = 100_000;

/// Rules for tests: everybody owns exactly their own address, and the clock stands still.
pub struct TestEnvironment(&'static Scrubber);

impl TestEnvironment {
    /// With the built-in header policy and a key that is no secret.
    pub fn new() -> TestEnvironment {
        TestEnvironment(shared_scrubber())
    }
}

impl Default for TestEnvironment {
    fn default() -> TestEnvironment {
        TestEnvironment::new()
    }
}

impl Environment for TestEnvironment {
    fn owns(&self, user: &Address, sender: &Address) -> bool {
        *user == sender.without_tag('+')
    }

    fn admits(&self, user: &Address) -> Result<(), RefusalCode> {
        if user.reveal_local() == "busy" { Err(RefusalCode::TooManyMessages) } else { Ok(()) }
    }

    fn counts(&self, _: &Address, recipients: usize) -> Result<(), RefusalCode> {
        if recipients > 2 { Err(RefusalCode::TooManyMessages) } else { Ok(()) }
    }

    fn envelope_id(&self, user: &Address, old: &[u8]) -> String {
        self.0.envelope_id(user, old)
    }

    fn needs_body_start(&self, header: &[u8]) -> bool {
        self.0.needs_body_start(header)
    }

    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, RefusalCode> {
        let owns = |address: &Address| self.owns(user, address);
        let context = Context {
            profile: Profile::Submission,
            writer: Writer::Person,
            mailbox: user,
            hostname: "mail.nolog.example",
            now: 1_795_363_200,
            random: [3; 16],
            owns: &owns,
            body_start,
        };
        self.0.scrub(header, &context).map_err(Refusal::code)
    }
}

/// Parameters for tests: small bounds.
pub fn test_params() -> Params {
    Params {
        hostname: "mail.nolog.example".into(),
        relay: Capabilities::all(),
        mechanisms: vec![Name::Plain, Name::Login],
        limits: Limits { message: 100_000, header: 4096, recipients: 3, ..Limits::default() },
    }
}

/// What the stand-in of the backend says.
pub fn test_verdict(credential: Credential) -> Verdict {
    match Address::parse(credential.user.reveal()) {
        Some(user) if user.reveal_local() == "relayed" => Verdict::Relay(user, credential),
        Some(user) if user.reveal_local() == "down" => {
            drop(user);
            Verdict::Unknown(RefusalCode::BackendDown)
        }
        Some(user) if credential.secret.reveal() == PASSWORD => Verdict::Accepted(user),
        _ => Verdict::Denied,
    }
}

/// A session with its two peers in memory.
pub struct Play {
    session: Session,
    env: TestEnvironment,
    /// Bytes from the client that are not done with.
    client: Vec<u8>,
    /// Bytes from the relay that are not done with.
    relay: Vec<u8>,
    /// All that the client received and nobody looked at yet.
    pub to_client: Vec<u8>,
    /// The same for the relay.
    pub to_relay: Vec<u8>,
    /// Whether the relay takes connections.
    pub relay_up: bool,
    /// Whether the relay is asked for STARTTLS.
    pub relay_starttls: bool,
    /// Where in `to_relay` a connection was ended by us, as long as nothing is taken from there.
    pub cuts: Vec<usize>,
    /// Messages that the relay took over, and those that were refused.
    pub ended: [u32; 2],
    connected: bool,
    /// What a relay could do whose connection is parked.
    parked: Option<Capabilities>,
    closed: bool,
    waits: Option<Side>,
}

impl Play {
    /// A new session.
    pub fn new(protection: Protection) -> Play {
        Play {
            session: Session::new(Arc::new(test_params()), protection),
            env: TestEnvironment::new(),
            client: Vec::new(),
            relay: Vec::new(),
            to_client: Vec::new(),
            to_relay: Vec::new(),
            relay_up: true,
            relay_starttls: false,
            cuts: Vec::new(),
            ended: [0, 0],
            connected: false,
            parked: None,
            closed: false,
            waits: None,
        }
    }

    /// A new session that shares connections to relays, as the one for a webmail.
    pub fn parking() -> Play {
        let session = Session::new(Arc::new(test_params()), Protection::Secure).parking();
        Play { session, ..Play::new(Protection::Secure) }
    }

    /// The next client of the same relay, which finds the connection that is parked, if there is one.
    pub fn next_session(&mut self) {
        let parked = self.parked.take();
        *self = Play { parked, relay_up: self.relay_up, ..Play::parking() };
        self.run();
    }

    /// Whether a connection to the relay is parked.
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a relay is connected.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The client sends.
    pub fn client(&mut self, bytes: &[u8]) {
        self.client.extend_from_slice(bytes);
        self.run();
    }

    /// The relay sends.
    pub fn relay(&mut self, bytes: &[u8]) {
        if self.connected {
            self.relay.extend_from_slice(bytes);
            self.run();
        }
    }

    /// The relay closes.
    pub fn relay_closes(&mut self) {
        if std::mem::take(&mut self.connected) {
            self.relay.clear();
            if self.waits == Some(Side::Backend) {
                self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend)));
            }
            self.run();
        }
    }

    /// Steps until both sides have to wait. Panics when a bound or a rule is broken: this is for tests.
    pub fn run(&mut self) {
        for _ in 0..STUCK {
            if self.closed {
                return;
            }
            let step = self.session.step(&self.env, &self.client, &self.relay);
            assert!(step.client <= self.client.len() && step.relay <= self.relay.len());
            if let Some(accepted) = self.session.ended() {
                self.ended[usize::from(!accepted)] += 1;
            }
            self.client.drain(..step.client);
            self.relay.drain(..step.relay);
            assert!(self.session.gathered() < 512 * 1024, "more is gathered than any session may hold");
            match step.act {
                Act::Again | Act::Denied => {}
                Act::Send => self.send(),
                Act::Read(side) => {
                    self.send();
                    if side == Side::Backend && !self.connected {
                        self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend)));
                        continue;
                    }
                    self.waits = Some(side);
                    return;
                }
                Act::Forward(count) => {
                    self.send();
                    let bytes: Vec<u8> = self.client.drain(..count).collect();
                    match self.connected {
                        true => self.to_relay.extend(bytes),
                        false => self.session.relay_is(Done::Failed(Fault::Gone(Side::Backend))),
                    }
                }
                Act::StartTls => {
                    self.send();
                    self.client.clear();
                    self.session.tls_started();
                }
                Act::Judge(credential) => self.session.judged(test_verdict(credential)),
                Act::Relay(act) => self.obey(act),
                Act::Close => {
                    self.send();
                    self.closed = true;
                }
            }
        }
        panic!("no progress");
    }

    fn obey(&mut self, act: ConnAct) {
        let done = match act {
            ConnAct::Connect => match self.parked.take() {
                Some(capabilities) => Done::Reused(capabilities),
                None if self.relay_up => Done::Connected { starttls: self.relay_starttls },
                None => Done::Failed(Fault::Down),
            },
            ConnAct::Secure => {
                self.relay.clear();
                Done::Secured
            }
            ConnAct::Park(capabilities) => {
                assert!(self.connected && self.relay.is_empty());
                self.connected = false;
                self.parked = Some(capabilities);
                return;
            }
            ConnAct::HangUp(manner) => {
                if std::mem::take(&mut self.connected) {
                    self.to_relay.extend_from_slice(manner.last_words());
                    self.cuts.push(self.to_relay.len());
                }
                self.relay.clear();
                return;
            }
        };
        self.connected = !matches!(done, Done::Failed(_));
        self.session.relay_is(done);
    }

    fn send(&mut self) {
        self.to_client.extend(self.session.answers());
        let commands = self.session.commands();
        if self.connected {
            self.to_relay.extend_from_slice(&commands);
        }
    }
}

/// Plays `input` as the client against a relay that says yes to everything, once whole and once in pieces whose sizes
/// `random` decides. Panics when the two differ, when a password reaches the relay, or when the relay gets a message whose
/// lines do not end in CRLF.
pub fn check(input: &[u8], random: &mut dyn FnMut() -> u64) {
    let parking = random().is_multiple_of(2);
    let whole = played(input, parking, &mut |left| left);
    let pieces = played(input, parking, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left.max(1));
    assert!(whole.0 == pieces.0, "the client's answers depend on how the bytes came");
    assert!(whole.1 == pieces.1, "what the relay gets depends on how the bytes came");
    assert!(whole.2 == pieces.2, "the end depends on how the bytes came");
    let relayed = &whole.1;
    assert!(memchr::memmem::find(relayed, PASSWORD).is_none(), "the relay hears the password");
    for (at, byte) in relayed.iter().enumerate() {
        match byte {
            b'\r' => assert!(relayed.get(at + 1) == Some(&b'\n')),
            b'\n' => assert!(at > 0 && relayed.get(at - 1) == Some(&b'\r')),
            _ => {}
        }
    }
}

/// Reads `line` as a command: no path and no parameter in it may hold an octet that ends a line or a path.
pub fn check_command(line: &[u8]) {
    let (path, parameters) = match Command::parse(line) {
        Ok(Command::Mail(path, parameters) | Command::Rcpt(path, parameters)) => (path, parameters),
        _ => return,
    };
    let quiet = |bytes: &[u8]| !bytes.iter().any(|byte| byte.is_ascii_control());
    assert!(quiet(path.reveal()), "a control character in a path");
    for parameter in parameters.iter() {
        assert!(quiet(parameter.keyword) && quiet(parameter.value.unwrap_or_default()), "a control character in a parameter");
        assert!(!parameter.keyword.contains(&b' ') && !parameter.value.unwrap_or_default().contains(&b' '));
    }
}

/// What both sides got, and whether the session is over. The relay answers each line as it must, as long as there is one. Of a
/// message that was cut off, how much went out depends on the pieces: it is left out.
fn played(input: &[u8], parking: bool, size: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, Vec<u8>, bool) {
    let mut play = if parking { Play::parking() } else { Play::new(Protection::Secure) };
    let mut yes = Yes::default();
    play.run();
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
        play.client(piece);
        while let Some(answer) = yes.answer(&play) {
            play.relay(&answer);
        }
        rest = behind;
    }
    yes.notice_cuts(&play);
    let relayed = std::mem::take(&mut play.to_relay);
    let left = if yes.in_data { yes.seen } else { relayed.len() };
    yes.whole.extend_from_slice(&relayed[yes.kept..left]);
    (std::mem::take(&mut play.to_client), yes.whole, play.is_closed())
}

/// A relay that accepts everything.
#[derive(Default)]
struct Yes {
    /// What came, without messages that were cut off.
    whole: Vec<u8>,
    /// Up to where it is in `whole`, or left out of it.
    kept: usize,
    /// Up to where it was answered.
    seen: usize,
    cuts: usize,
    greeted: bool,
    in_data: bool,
}

impl Yes {
    fn notice_cuts(&mut self, play: &Play) {
        while let Some(cut) = play.cuts.get(self.cuts) {
            let end = if self.in_data { self.seen } else { *cut };
            self.whole.extend_from_slice(&play.to_relay[self.kept..end]);
            (self.kept, self.seen) = (*cut, *cut);
            (self.greeted, self.in_data) = (false, false);
            self.cuts += 1;
        }
    }

    fn answer(&mut self, play: &Play) -> Option<Vec<u8>> {
        self.notice_cuts(play);
        if !play.is_connected() {
            return None;
        }
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(b"220 relay\r\n".to_vec());
        }
        let news = play.to_relay.get(self.seen..)?;
        if self.in_data {
            let end = memchr::memmem::find(news, b"\r\n.\r\n")?;
            self.seen += end + 5;
            self.in_data = false;
            return Some(b"250 2.0.0 Ok\r\n".to_vec());
        }
        let end = memchr::memmem::find(news, b"\r\n")?;
        self.in_data = &news[..end] == b"DATA";
        // The CRLF of DATA is looked at again: the lone dot may be the first line.
        self.seen += if self.in_data { end } else { end + 2 };
        Some(if self.in_data { b"354 go\r\n".to_vec() } else { b"250 2.0.0 Ok\r\n".to_vec() })
    }
}
