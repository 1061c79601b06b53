//! Backends that run by themselves, one thread for each connection. What they do follows from what they are asked, so that a
//! test can have every failure without telling them first. They remember every byte they hear.

#![allow(dead_code)] // every test file uses its own part of this

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::{Wire, listen};

/// The one password.
pub const PASSWORD: &str = "right";

/// A backend that listens as long as the test runs.
pub struct Scripted {
    pub port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Scripted {
    /// IMAP. Login: the local part `down` is told UNAVAILABLE, `gone` is hung up on; for the rest `password` decides.
    /// Mailboxes to SELECT: `garbage`, `half` and `foreign` break the protocol in these ways; the others are empty.
    pub fn imap(password: &str) -> Scripted {
        let password = password.to_owned();
        Scripted::start(move |session| imap(session, &password))
    }

    /// SMTP. Recipients: `refused` gets 550, `garbage` no SMTP, `gone` is hung up on; senders `nobody` are refused.
    pub fn smtp() -> Scripted {
        Scripted::start(smtp)
    }

    fn start(serve: impl Fn(&mut Session) + Send + Sync + 'static) -> Scripted {
        let (listener, port) = listen();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (remembered, serve) = (heard.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut session = Session { wire: Wire::new(stream), heard: remembered.clone() };
                let serve = serve.clone();
                thread::spawn(move || serve(&mut session));
            }
        });
        Scripted { port, heard }
    }

    /// Every byte of every connection so far.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

struct Session {
    wire: Wire,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Session {
    /// The next line without its end; `None` when the other end is gone.
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.wire.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.wire.heard.drain(..=at).collect();
                self.heard.lock().unwrap().extend_from_slice(&line);
                return Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            self.more()?;
        }
    }

    fn octets(&mut self, count: usize) -> Option<()> {
        while self.wire.heard.len() < count {
            self.more()?;
        }
        let octets: Vec<u8> = self.wire.heard.drain(..count).collect();
        self.heard.lock().unwrap().extend_from_slice(&octets);
        Some(())
    }

    fn more(&mut self) -> Option<()> {
        self.wire.hear(Duration::from_secs(600)).then_some(())
    }

    fn say(&mut self, text: &str) -> bool {
        self.wire.send(text.as_bytes())
    }

    /// And hangs up.
    fn say_last(&mut self, text: &str) -> bool {
        self.say(text);
        false
    }
}

fn imap(session: &mut Session, password: &str) {
    session.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ IDLE] ready\r\n");
    while let Some(line) = session.line() {
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        let (verb, arguments) = command.split_once(' ').unwrap_or((command, ""));
        let going = match verb.to_ascii_uppercase().as_str() {
            "AUTHENTICATE" => authenticate(session, tag, arguments, password),
            "SELECT" => select(session, tag, arguments.trim_matches('"')),
            "APPEND" => append(session, tag, arguments),
            "IDLE" => session.say("+ idling\r\n") && session.line().is_some() && session.say(&format!("{tag} OK done\r\n")),
            "LOGOUT" => session.say_last(&format!("* BYE bye\r\n{tag} OK bye\r\n")),
            // nologd itself, counting: there is nothing in any mailbox.
            _ if tag.len() == 17 => session.say(&format!("{tag} OK done\r\n")),
            // An echo, as servers do in their texts.
            _ => session.say(&format!("* OK you said {command}\r\n{tag} OK {verb} done\r\n")),
        };
        if !going {
            return;
        }
    }
}

fn authenticate(session: &mut Session, tag: &str, arguments: &str, password: &str) -> bool {
    let response = arguments.split(' ').nth(1).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    session.heard.lock().unwrap().extend_from_slice(&response);
    let text = String::from_utf8_lossy(&response).into_owned();
    let mut parts = text.split('\0').skip(1);
    let (user, given) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match user.split('@').next() {
        Some("gone") => false,
        Some("down") => session.say(&format!("{tag} NO [UNAVAILABLE] {user} later\r\n")),
        _ if given == password && user.ends_with("@asso.example") => {
            session.say(&format!("{tag} OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE] {user} logged in\r\n"))
        }
        _ => session.say(&format!("{tag} NO [AUTHENTICATIONFAILED] {user} with {given}? no\r\n")),
    }
}

fn select(session: &mut Session, tag: &str, mailbox: &str) -> bool {
    match mailbox.split('-').next() {
        Some("garbage") => session.say(&format!("\x16\x03 {mailbox} is not IMAP\n")),
        Some("half") => session.say_last(&format!("* 1 FETCH (BODY[] {{5000}}\r\nhalf of {mailbox}")),
        Some("foreign") => session.say(&format!("zz9 OK {mailbox}\r\n")),
        Some("missing") => session.say(&format!("{tag} NO [NONEXISTENT] no {mailbox} {{5}}\r\n")),
        _ => session.say(&format!("* 0 EXISTS\r\n{tag} OK [READ-WRITE] {mailbox}\r\n")),
    }
}

fn append(session: &mut Session, tag: &str, arguments: &str) -> bool {
    let announced = arguments.rsplit_once('{').map(|(_, size)| size.trim_end_matches('}')).unwrap_or_default();
    let waits = !announced.ends_with('+');
    let size: usize = announced.trim_end_matches('+').parse().unwrap_or(0);
    if waits && !session.say("+ go\r\n") {
        return false;
    }
    session.octets(size).is_some() && session.line().is_some() && session.say(&format!("{tag} OK stored\r\n"))
}

fn smtp(session: &mut Session) {
    session.say("220 relay.example ESMTP\r\n");
    while let Some(line) = session.line() {
        let verb: String = line.chars().take_while(|char| char.is_ascii_alphabetic()).collect();
        let address = line.split_once('<').map_or("", |(_, rest)| rest);
        let going = match (verb.to_ascii_uppercase().as_str(), address.split(['@', '-']).next()) {
            ("EHLO", _) => session.say("250-relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"),
            ("RCPT", Some("refused")) => session.say(&format!("550 5.1.1 no {address} here\r\n")),
            ("RCPT", Some("garbage")) => session.say(&format!("{address} is not SMTP\r\n")),
            ("RCPT", Some("gone")) => false,
            ("DATA", _) => session.say("354 go\r\n") && message(session) && session.say("250 2.0.0 queued as 4Zx\r\n"),
            ("QUIT", _) => session.say_last("221 bye\r\n"),
            _ => session.say(&format!("250 2.0.0 {line}\r\n")),
        };
        if !going {
            return;
        }
    }
}

fn message(session: &mut Session) -> bool {
    while let Some(line) = session.line() {
        if line == "." {
            return true;
        }
    }
    false
}
