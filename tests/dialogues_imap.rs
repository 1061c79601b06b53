//! Runs `tests/dialogues/imap/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (there is no backend then), `literal-minus` and `no literal-plus` (what the backend takes), `closed`
//! (the session must have ended by now).

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use nologd::imap::Step;
use nologd::imap::login::{Before, Login, Protection};
use nologd::imap::session::{SentCopy, Session, Terms};
use nologd::policy::headers::Profile;
use nologd::private::Domain;
use nologd::scrub::invariants::{context, scrubber};

#[path = "support/dialogue.rs"]
mod dialogue;

use dialogue::{Dialogue, Side, Step as Line, dialogues, show};

#[test]
fn in_memory() {
    let mut failed = Vec::new();
    for dialogue in dialogues("imap", 30) {
        for size in [1, 7, usize::MAX] {
            if let Err(why) = run(&dialogue, size) {
                failed.push(format!("{} at chunk size {size}: {why}", dialogue.name));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// The built-in rules, for alice@asso.example, with a small bound.
struct Rules;

impl SentCopy for Rules {
    fn header_limit(&self) -> usize {
        200
    }
    fn body_wanted(&self, _: &[u8]) -> usize {
        0
    }
    fn scrub(&self, header: &[u8], body_start: &[u8]) -> Option<Vec<u8>> {
        let domain = Domain::parse("asso.example")?;
        let scrubbed = scrubber().scrub(header, &context(Profile::Sent, &domain, body_start)).ok()?;
        scrubbed.touched().then(|| scrubbed.into_header())
    }
}

/// Both sides of a session, as byte strings.
struct Play {
    login: Option<Login>,
    session: Session,
    from_client: Vec<u8>,
    from_backend: Vec<u8>,
    to_client: Vec<u8>,
    to_backend: Vec<u8>,
    answers: Vec<u8>,
    closed: bool,
}

impl Play {
    fn new(dialogue: &Dialogue) -> Play {
        let non_sync = if dialogue.orders("no literal-plus") {
            None
        } else if dialogue.orders("literal-minus") {
            Some(4096)
        } else {
            Some(u64::MAX)
        };
        let login = dialogue.orders("before login").then(|| Login::new(Protection::Secure));
        let session = Session::new(Terms { non_sync, sent_copy: Some(Arc::new(Rules)) });
        let empty = Vec::new;
        let (from_client, from_backend, to_client, to_backend) = (empty(), empty(), empty(), empty());
        Play { login, session, from_client, from_backend, to_client, to_backend, answers: empty(), closed: false }
    }

    fn turn(&mut self) {
        while !self.closed && (self.login_turn() || self.client_turn() || self.backend_turn() || self.answer_turn()) {}
    }

    fn login_turn(&mut self) -> bool {
        let Some(login) = &mut self.login else { return false };
        match login.next(&self.from_client) {
            Before::Need => false,
            Before::Answer(count, answer) => {
                self.from_client.drain(..count);
                self.to_client.extend(answer);
                true
            }
            Before::Try(count, attempt) => {
                self.from_client.drain(..count);
                self.to_client.extend([&attempt.tag, &b" tried\r\n"[..]].concat());
                true
            }
            Before::StartTls(_, words) | Before::Close(_, words, _) => {
                self.to_client.extend(words);
                self.closed = true;
                false
            }
        }
    }

    fn client_turn(&mut self) -> bool {
        if self.login.is_some() {
            return false;
        }
        match self.session.from_client(&self.from_client, false) {
            Step::Need | Step::Hold => return false,
            Step::Forward(count) => self.to_backend.extend(self.from_client.drain(..count)),
            Step::Rewrite(count, bytes) => {
                self.from_client.drain(..count);
                self.to_backend.extend(bytes);
            }
            Step::Answer(count, bytes) => {
                self.from_client.drain(..count);
                self.answers.extend(bytes);
            }
            Step::Swallow(count) => drop(self.from_client.drain(..count)),
            Step::Close(words, _) => self.close(&words),
        }
        true
    }

    fn backend_turn(&mut self) -> bool {
        match self.session.from_backend(&self.from_backend, false) {
            Step::Need | Step::Hold => return false,
            Step::Forward(count) => self.to_client.extend(self.from_backend.drain(..count)),
            Step::Rewrite(count, bytes) => {
                self.from_backend.drain(..count);
                self.to_client.extend(bytes);
            }
            Step::Swallow(count) => drop(self.from_backend.drain(..count)),
            Step::Answer(count, bytes) => {
                self.from_backend.drain(..count);
                self.to_backend.extend(bytes);
            }
            Step::Close(words, _) => self.close(&words),
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

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let mut play = Play::new(dialogue);
    for (number, line) in &dialogue.steps {
        step(&mut play, line, size).map_err(|why| format!("line {number}: {why}"))?;
    }
    nothing_left(&play)
}

fn step(play: &mut Play, line: &Line, size: usize) -> Result<(), String> {
    match line {
        Line::Send(side, bytes) => {
            // What one side hears is complete before the next one speaks.
            nothing_left(play)?;
            for piece in bytes.chunks(size.min(bytes.len().max(1))) {
                let input = if *side == Side::Client { &mut play.from_client } else { &mut play.from_backend };
                input.extend(piece);
                play.turn();
            }
            Ok(())
        }
        Line::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
        Line::Expect(Side::Backend, expected) => expected.take(&mut play.to_backend),
        Line::Order(order) if order == "closed" => play.closed.then_some(()).ok_or("is still open".to_owned()),
        Line::Order(_) => Ok(()),
        Line::Unfinished => Err("no such mark in IMAP".to_owned()),
    }
}

fn nothing_left(play: &Play) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", show(bytes)));
        }
    }
    Ok(())
}
