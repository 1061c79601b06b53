//! Runs `tests/dialogues` against the real program, over TLS, between a client and a backend that speak the lines of the file.
//! The format is explained in `support/dialogue.rs`; orders mean what they mean to the runners in memory.
//!
//! One nologd for each dialogue, so that none sees what another left behind. Absent on purpose: pieces of one octet, which the
//! runners in memory do; what the kernel makes of the pieces is nobody's choice here.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::time::Duration;

use crate::dialogue;
use crate::house;
use crate::scripted;
use crate::wire;

use dialogue::{Dialogue, Expected, Fit, Side, Step, dialogues, show};
use house::{House, Settings};
use nologd::demo::Place;
use scripted::{PASSWORD, Scripted};
use wire::{Wire, accept, listen};

/// How long silence is waited for: what comes later than this and is not expected goes unseen.
const SILENCE: Duration = Duration::from_millis(60);

/// How long anything may take that must come. Shorter than the other tests' own: a dialogue that fails should not take minutes.
const PATIENCE: Duration = Duration::from_secs(4);

/// `alice@asso.example` with the password of the scripted backend, as PLAIN.
const ALICE: &str = "AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==";

#[test]
fn imap() {
    run_all("imap", 28, imap_play);
}

/// The same with every step written down: nothing that is said changes, but for the alert.
#[test]
fn imap_while_an_incident_is_on() {
    run_all("imap", 28, |dialogue| if dialogue.orders("before login") { Ok(()) } else { imap_session(dialogue, true) });
}

#[test]
fn submission() {
    run_all("submission", 36, submission_play);
}

#[test]
fn pop3() {
    // What becomes of the book is looked at in memory.
    let elsewhere = ["before login", "starttls listener", "asking with starttls", "read-only", "cut"];
    let session =
        |dialogue: &Dialogue| if elsewhere.iter().any(|order| dialogue.orders(order)) { Ok(()) } else { pop3_session(dialogue) };
    run_all("pop3", 24, session);
}

#[test]
fn sieve() {
    let elsewhere = ["before login", "starttls listener", "asking with starttls", "read-only", "room"];
    let session =
        |dialogue: &Dialogue| if elsewhere.iter().any(|order| dialogue.orders(order)) { Ok(()) } else { sieve_session(dialogue) };
    run_all("sieve", 22, session);
}

/// Runs what sockets can carry; that must be `at_least` so many.
fn run_all(folder: &str, at_least: usize, play: impl Fn(&Dialogue) -> Result<(), String>) {
    let (mut failed, mut run) = (Vec::new(), 0);
    for dialogue in dialogues(folder, at_least).iter().filter(|dialogue| !dialogue.orders("in memory")) {
        run += 1;
        if let Err(why) = play(dialogue) {
            failed.push(format!("{}: {why}", dialogue.name));
        }
    }
    assert!(run >= at_least || dialogue::only().is_some(), "only {run} dialogues were run");
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Both ends of the dialogue.
struct Play {
    client: Wire,
    /// The connection that the `B` lines are spoken on.
    backend: Option<Wire>,
    listener: Option<TcpListener>,
    /// The relay's next answer is the one to STARTTLS.
    securing: bool,
    house: House,
}

fn imap_play(dialogue: &Dialogue) -> Result<(), String> {
    if dialogue.orders("before login") {
        let backend = Scripted::imap(PASSWORD);
        let house = House::start(&Settings::new(backend.port, 1));
        let mut client = Wire::tls(house.ports.imaps);
        client.line();
        return Play { client, backend: None, listener: None, securing: false, house }.run(dialogue);
    }
    imap_session(dialogue, false)
}

/// nologd asks what the backend takes, as soon as it runs: the greeting tells.
fn asked_at_the_start(listener: &TcpListener) -> Result<(), String> {
    let mut asking = accept(listener, PATIENCE).ok_or("the backend was not asked")?;
    asking.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    match asking.line().as_str() {
        "n5 LOGOUT\r\n" => Ok(()),
        asked => Err(format!("the backend was asked {asked:?}")),
    }
}

fn imap_session(dialogue: &Dialogue, incident: bool) -> Result<(), String> {
    let (listener, port) = listen();
    let mut settings = Settings::new(port, 1);
    settings.limits = "message_octets = 5000\n".to_owned();
    settings.admin = incident;
    let house = House::start(&settings);
    asked_at_the_start(&listener)?;
    if incident {
        house.ask("incident start alice@asso.example");
    }
    let mut client = Wire::tls(house.ports.imaps);
    client.line();
    client.send(format!("c1 AUTHENTICATE PLAIN {ALICE}\r\n").as_bytes());
    let mut backend = accept(&listener, PATIENCE).ok_or("the backend was not dialed")?;
    let literals = match (dialogue.orders("no literal-plus"), dialogue.orders("literal-minus")) {
        (true, _) => "",
        (_, true) => " LITERAL-",
        _ => " LITERAL+",
    };
    backend.send(format!("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN{literals}] ready\r\n").as_bytes());
    let asked = backend.line();
    if asked != format!("n3 AUTHENTICATE PLAIN {ALICE}\r\n") {
        return Err(format!("the backend was asked {asked:?}"));
    }
    backend.send(format!("n3 OK [CAPABILITY IMAP4rev1{literals}] in\r\n").as_bytes());
    if incident && !client.line().starts_with("* OK [ALERT] ") {
        return Err("the owner was not told".to_owned());
    }
    let welcome = client.line();
    if !welcome.starts_with("c1 OK ") {
        return Err(format!("no login: {welcome:?}"));
    }
    // At first sight nologd counts, under a tag that nobody can guess. There is no folder here.
    let count = backend.line();
    match count.split_once(' ') {
        Some((tag, "LIST \"\" \"*\"\r\n")) if tag.len() == 17 => backend.send(format!("{tag} OK done\r\n").as_bytes()),
        _ => return Err(format!("the backend was asked {count:?}")),
    };
    let mut play = Play { client, backend: Some(backend), listener: Some(listener), securing: false, house };
    play.run(dialogue)?;
    if incident { only_known_words(&play.house.ask("incident show alice@asso.example")) } else { Ok(()) }
}

fn sieve_session(dialogue: &Dialogue) -> Result<(), String> {
    let imap = Scripted::imap(PASSWORD);
    let (listener, behind) = listen();
    let place = Place::new().unwrap();
    let port = place.port().unwrap();
    let mut settings = Settings::new(imap.port, 1);
    settings.sieve = Some([behind, port]);
    if dialogue.orders("forwarding refused") {
        settings.limits = "[sieve]\nforward = \"refuse\"\n".to_owned();
    }
    let house = House::start(&settings);
    // What mail programs read before they log in.
    let greeting = b"\"SIEVE\" \"fileinto\"\r\n\"SASL\" \"PLAIN\"\r\nOK\r\n";
    let mut asking = accept(&listener, PATIENCE).ok_or("the backend was not asked")?;
    asking.send(greeting);
    if asking.line() != "LOGOUT\r\n" {
        return Err("the backend was asked more".to_owned());
    }
    let mut client = Wire::tls(port);
    let told = client.until("OK ");
    if !told.contains("\"SIEVE\" \"fileinto\"\r\n") {
        return Err(format!("greeted with {told:?}"));
    }
    client.send(format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n").as_bytes());
    let mut backend = accept(&listener, PATIENCE).ok_or("the backend was not dialed")?;
    backend.send(greeting);
    let asked = backend.line();
    if asked != format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n") {
        return Err(format!("the backend was asked {asked:?}"));
    }
    backend.send(b"OK\r\n");
    if client.line() != "OK \"Logged in\"\r\n" {
        return Err("no login".to_owned());
    }
    Play { client, backend: Some(backend), listener: Some(listener), securing: false, house }.run(dialogue)
}

fn pop3_session(dialogue: &Dialogue) -> Result<(), String> {
    let imap = Scripted::imap(PASSWORD);
    let (listener, behind) = listen();
    let place = Place::new().unwrap();
    let port = place.port().unwrap();
    let mut settings = Settings::new(imap.port, 1);
    settings.backend = format!("pop3 = \"pop3://127.0.0.1:{behind}\"\n");
    settings.listens = format!("[[listen]]\nservice = \"pop3\"\naddress = \"127.0.0.1:{port}\"\ntls = \"implicit\"\n");
    let house = House::start(&settings);
    // What mail programs read before they log in.
    const CAPA: &[u8] = b"+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n";
    let listed = |server: &mut Wire| {
        server.send(b"+OK ready\r\n");
        let asked = server.line();
        server.send(CAPA);
        if asked == "CAPA\r\n" { Ok(()) } else { Err(format!("the backend was asked {asked:?}")) }
    };
    let mut asking = accept(&listener, PATIENCE).ok_or("the backend was not asked")?;
    listed(&mut asking)?;
    if asking.line() != "QUIT\r\n" {
        return Err("the backend was asked more".to_owned());
    }
    let mut client = Wire::tls(port);
    client.line();
    let told = client.ask("CAPA\r\n", ".\r\n");
    if !told.contains("\r\nSASL PLAIN LOGIN XOAUTH2\r\n") {
        return Err(format!("told {told:?}"));
    }
    client.send(format!("AUTH PLAIN {ALICE}\r\n").as_bytes());
    let mut backend = accept(&listener, PATIENCE).ok_or("the backend was not dialed")?;
    listed(&mut backend)?;
    let asked = backend.line();
    if asked != format!("AUTH PLAIN {ALICE}\r\n") {
        return Err(format!("the backend was asked {asked:?}"));
    }
    backend.send(b"+OK\r\n");
    if client.line() != "+OK Logged in\r\n" {
        return Err("no login".to_owned());
    }
    Play { client, backend: Some(backend), listener: Some(listener), securing: false, house }.run(dialogue)
}

/// An incident shows steps, and each in capital letters, numbers and the names of sides; nothing that was said in small letters.
fn only_known_words(shown: &str) -> Result<(), String> {
    let known = ["client", "backend", "nologd", "imap", "Other"];
    let steps: Vec<_> = shown.lines().skip(2).collect();
    let small = |word: &&str| word.contains(|char: char| char.is_ascii_lowercase()) && !known.contains(word);
    match steps.iter().flat_map(|step| step.split_whitespace()).find(small) {
        Some(word) => Err(format!("{word:?} was written down")),
        None if steps.len() < 3 => Err(format!("too little was written down:\n{shown}")),
        None => Ok(()),
    }
}

fn submission_play(dialogue: &Dialogue) -> Result<(), String> {
    let imap = Scripted::imap(PASSWORD);
    let (listener, port) = listen();
    let listener = (!dialogue.orders("relay down")).then_some(listener);
    let mut settings = Settings::new(imap.port, port);
    if dialogue.orders("relay starttls") {
        settings.relay = format!("smtp+starttls://localhost:{port}");
    }
    if dialogue.orders("judged by the relay") {
        settings.auth = "relay";
    }
    // The bounds and the key of the runner in memory.
    settings.limits = "message_octets = 100000\nrecipients = 3\n".to_owned();
    settings.policy = vec![("header_limit = 262144", "header_limit = 4096")];
    settings.key = Some([42; 32]);
    let house = House::start(&settings);
    let client = match dialogue.orders("listener starttls") {
        true => Wire::plain(house.ports.submission),
        false => Wire::tls(house.ports.submissions),
    };
    Play { client, backend: None, listener, securing: false, house }.run(dialogue)
}

impl Play {
    fn run(&mut self, dialogue: &Dialogue) -> Result<(), String> {
        for (number, step) in &dialogue.steps {
            self.step(step).map_err(|why| format!("line {number}: {why}"))?;
        }
        self.client.hear(SILENCE);
        if let Some(backend) = &mut self.backend {
            backend.hear(Duration::from_millis(1));
        }
        let backend = self.backend.as_ref().map_or(&[][..], |backend| &backend.heard);
        match (self.client.heard.is_empty(), backend.is_empty()) {
            (true, true) => Ok(()),
            _ => Err(format!("left over: C< {:?} B< {:?}", show(&self.client.heard), show(backend))),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(Side::Client, bytes) => {
                self.client.send(bytes);
                Ok(())
            }
            Step::Send(Side::Backend, bytes) => self.backend_says(bytes),
            Step::Expect(Side::Client, expected) => {
                let taken = take(&mut self.client, expected)?;
                if taken.starts_with(b"220 2.0.0 Ready") {
                    self.client.start_tls();
                }
                Ok(())
            }
            Step::Expect(Side::Backend, expected) => {
                let backend = self.backend.as_mut().ok_or("there is no backend")?;
                let taken = take(backend, expected)?;
                self.securing = taken == b"STARTTLS\r\n";
                Ok(())
            }
            Step::Unfinished => self.unfinished(),
            Step::Order(order) => self.order(order),
        }
    }

    fn backend_says(&mut self, bytes: &[u8]) -> Result<(), String> {
        // A greeting is for a new connection.
        let greets = self.backend.is_none() || bytes.starts_with(b"220 ") && !self.securing;
        if greets {
            let listener = self.listener.as_ref().ok_or("there is no relay")?;
            let fresh = accept(listener, PATIENCE).ok_or("the relay was not dialed")?;
            if let Some(mut before) = self.backend.replace(fresh) {
                before.hear(SILENCE);
                if !before.heard.is_empty() {
                    return Err(format!("the relay before also received {:?}", show(&before.heard)));
                }
            }
        }
        let backend = self.backend.as_mut().ok_or("there is no backend")?;
        backend.send(bytes);
        if std::mem::take(&mut self.securing) {
            backend.accept_tls();
        }
        Ok(())
    }

    fn unfinished(&mut self) -> Result<(), String> {
        let backend = self.backend.as_mut().ok_or("there is no backend")?;
        if !backend.ends(PATIENCE) {
            return Err("the relay still waits for the end".to_owned());
        }
        let rest = std::mem::take(&mut backend.heard);
        if show(&rest).contains(".\r\n") { Err(format!("an end: {:?}", show(&rest))) } else { Ok(()) }
    }

    fn order(&mut self, order: &str) -> Result<(), String> {
        let holds = match order {
            "logged in" => {
                let auth = format!("EHLO client.example\r\nAUTH PLAIN {ALICE}\r\n");
                self.client.ask(&auth, "235 ").ends_with("235 2.7.0 Authentication successful\r\n")
            }
            "envelope" => {
                self.order("logged in")?;
                self.client.send(b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\n");
                for reply in ["220 relay\r\n", "250-relay\r\n250 8BITMIME\r\n", "250 2.1.0 Ok\r\n"] {
                    self.backend_says(reply.as_bytes())?;
                    self.backend.as_mut().unwrap().line();
                }
                self.backend_says(b"250 2.1.5 Ok\r\n")?;
                self.client.until("250 2.1.5").ends_with("250 2.1.5 Ok\r\n")
            }
            "relay closes" => self.backend.take().is_some(),
            "relay hung up" => self.backend.as_mut().is_none_or(|backend| backend.ends(PATIENCE)),
            "relay kept" | "relay rests" => self.backend.as_mut().is_some_and(|backend| !backend.ends(SILENCE)),
            "closed" => self.client.ends(PATIENCE),
            "open" => !self.client.ends(SILENCE),
            // For those who set up the play.
            _ => true,
        };
        if holds { Ok(()) } else { Err(format!("not so: {order}; C< {:?}", show(&self.client.heard))) }
    }
}

/// Waits for what is expected, and takes it.
fn take(wire: &mut Wire, expected: &Expected) -> Result<Vec<u8>, String> {
    loop {
        match expected.fit(&wire.heard) {
            Fit::Yes(count) => return Ok(wire.heard.drain(..count).collect()),
            Fit::More if wire.hear(PATIENCE) => {}
            Fit::More | Fit::No => return Err(expected.missed(&wire.heard)),
        }
    }
}
