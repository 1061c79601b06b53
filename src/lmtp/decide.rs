//! One command, one decision.
//!
//! The client is the host's own relay: a line that is too long ends the session, and there is no patience to be lost.

use super::envelope::Envelope;
use super::environment::Environment;
use super::session::{Act, Peer, Session, Step};
use super::state::{State, Transaction};
use crate::fault::RefusalCode;
use crate::smtp::answer::{self, arguments, out_of_order, refusal};
use crate::smtp::command::{Command, Line, Wrong, announces_octets, line};
use crate::smtp::path::{Parameters, Path};
use crate::smtp::upstream::Manner;

impl Session {
    /// Takes the next line as a command.
    pub(super) fn command(&mut self, env: &dyn Environment, state: State, client: &[u8]) -> Step {
        match line(client, false) {
            Line::Part => {
                self.state = state;
                Step::new(0, Act::Read(Peer::Client))
            }
            Line::TooLong => {
                self.close(RefusalCode::LineTooLong);
                Step::new(0, Act::Again)
            }
            // BDAT is not offered, and its octets must not be read as commands.
            Line::Whole(..) | Line::Unreadable(_) if announces_octets(client) => {
                self.close(RefusalCode::NotHere);
                Step::new(client.len(), Act::Again)
            }
            Line::Unreadable(used) => {
                self.say(state, refusal(RefusalCode::Syntax));
                Step::new(used, Act::Again)
            }
            Line::Whole(line, used) => {
                match Command::parse(line) {
                    Ok(command) => self.obey(env, state, command),
                    Err(Wrong::Verb) => self.say(state, refusal(RefusalCode::Syntax)),
                    Err(Wrong::Arguments | Wrong::Chunk) => self.say(state, arguments()),
                }
                Step::new(used, Act::Again)
            }
        }
    }

    fn obey(&mut self, env: &dyn Environment, state: State, command: Command<'_>) {
        match (command, state) {
            (Command::Lhlo(_), _) => {
                self.forget();
                self.say(State::Idle, self.capabilities());
            }
            (Command::Rset, state) => {
                self.forget();
                let state = if let State::Hello = state { state } else { State::Idle };
                self.say(state, answer::OK.to_vec());
            }
            (Command::Quit, _) => {
                self.forget();
                self.say(State::Closed, answer::GOODBYE.to_vec());
            }
            (Command::Noop, state) => self.say(state, answer::OK.to_vec()),
            (Command::Vrfy, state) => self.say(state, answer::VRFY.to_vec()),
            (Command::Mail(..), State::Hello) => self.say(State::Hello, out_of_order("LHLO first")),
            (Command::Mail(path, parameters), State::Idle) => self.mail(path, parameters),
            (Command::Mail(..), state) => self.say(state, out_of_order("MAIL was said already")),
            (Command::Rcpt(path, parameters), State::Open(transaction)) => self.recipient(env, transaction, path, parameters),
            (Command::Data, State::Open(transaction)) => self.begin_data(transaction),
            (Command::Rcpt(..) | Command::Data, state) => self.say(state, out_of_order("MAIL first")),
            // RFC 2033 4.1: HELO and EHLO are not for LMTP.
            (_, state) => self.say(state, refusal(RefusalCode::NotHere)),
        }
    }

    fn mail(&mut self, path: Path<'_>, parameters: Parameters<'_>) {
        match Envelope::read(path, parameters) {
            Ok(envelope) => {
                let transaction = Transaction { envelope, recipients: Vec::new(), tried: 0, taken: 0 };
                self.say(State::Open(transaction), b"250 2.1.0 OK\r\n".to_vec());
            }
            Err(answer) => self.say(State::Idle, answer),
        }
    }

    pub(super) fn say(&mut self, state: State, answer: Vec<u8>) {
        self.answers.extend(answer);
        self.state = state;
    }

    // A backend forgets a transaction with its connection; only one that rests is worth keeping.
    fn forget(&mut self) {
        for backend in self.backends.iter_mut().filter(|backend| backend.in_transaction) {
            backend.leave(Manner::WithQuit);
        }
    }

    fn capabilities(&self) -> Vec<u8> {
        let words = ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8"];
        let lines: String = words.iter().map(|word| format!("250-{word}\r\n")).collect();
        format!("250-{}\r\n{lines}250 ENHANCEDSTATUSCODES\r\n", self.params.hostname).into_bytes()
    }
}
