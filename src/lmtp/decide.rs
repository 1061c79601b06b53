//! One command, one decision.
//!
//! The client is the host's own relay: a line that is too long ends the session, and there is no patience to be lost.

use super::envelope::LmtpEnvelope;
use super::environment::LmtpEnvironment;
use super::session::{Awaited, LmtpAct, LmtpSession, LmtpStep};
use super::state::{LmtpState, Transaction};
use crate::fault::RefusalCode;
use crate::smtp::answer::{self, arguments, out_of_order, refusal};
use crate::smtp::command::{SmtpCommand, SmtpLine, Wrong, announces_octets, line};
use crate::smtp::path::{Parameters, Path};
use crate::smtp::upstream::Manner;

impl LmtpSession {
    /// Takes the next line as a command.
    pub(super) fn command(&mut self, env: &dyn LmtpEnvironment, state: LmtpState, client: &[u8]) -> LmtpStep {
        match line(client, false) {
            SmtpLine::Part => {
                self.state = state;
                LmtpStep::new(0, LmtpAct::Read(Awaited::Client))
            }
            SmtpLine::TooLong => {
                self.close(RefusalCode::LineTooLong);
                LmtpStep::new(0, LmtpAct::Again)
            }
            // BDAT is not offered, and its octets must not be read as commands.
            SmtpLine::Whole(..) | SmtpLine::Unreadable(_) if announces_octets(client) => {
                self.close(RefusalCode::NotHere);
                LmtpStep::new(client.len(), LmtpAct::Again)
            }
            SmtpLine::Unreadable(used) => {
                self.say(state, refusal(RefusalCode::Syntax));
                LmtpStep::new(used, LmtpAct::Again)
            }
            SmtpLine::Whole(line, used) => {
                match SmtpCommand::parse(line) {
                    Ok(command) => self.obey(env, state, command),
                    Err(Wrong::Verb) => self.say(state, refusal(RefusalCode::Syntax)),
                    Err(Wrong::Arguments | Wrong::Chunk) => self.say(state, arguments()),
                }
                LmtpStep::new(used, LmtpAct::Again)
            }
        }
    }

    fn obey(&mut self, env: &dyn LmtpEnvironment, state: LmtpState, command: SmtpCommand<'_>) {
        match (command, state) {
            (SmtpCommand::Lhlo(_), _) => {
                self.forget();
                self.say(LmtpState::Idle, self.capabilities());
            }
            (SmtpCommand::Rset, state) => {
                self.forget();
                let state = if let LmtpState::Hello = state { state } else { LmtpState::Idle };
                self.say(state, answer::OK.to_vec());
            }
            (SmtpCommand::Quit, _) => {
                self.forget();
                self.say(LmtpState::Closed, answer::GOODBYE.to_vec());
            }
            (SmtpCommand::Noop, state) => self.say(state, answer::OK.to_vec()),
            (SmtpCommand::Vrfy, state) => self.say(state, answer::VRFY.to_vec()),
            (SmtpCommand::Mail(..), LmtpState::Hello) => self.say(LmtpState::Hello, out_of_order("LHLO first")),
            (SmtpCommand::Mail(path, parameters), LmtpState::Idle) => self.mail(path, parameters),
            (SmtpCommand::Mail(..), state) => self.say(state, out_of_order("MAIL was said already")),
            (SmtpCommand::Rcpt(path, parameters), LmtpState::Open(transaction)) => {
                self.recipient(env, transaction, path, parameters)
            }
            (SmtpCommand::Data, LmtpState::Open(transaction)) => self.begin_data(transaction),
            (SmtpCommand::Rcpt(..) | SmtpCommand::Data, state) => self.say(state, out_of_order("MAIL first")),
            // RFC 2033 4.1: HELO and EHLO are not for LMTP.
            (_, state) => self.say(state, refusal(RefusalCode::NotHere)),
        }
    }

    fn mail(&mut self, path: Path<'_>, parameters: Parameters<'_>) {
        match LmtpEnvelope::read(path, parameters) {
            Ok(envelope) => {
                let transaction = Transaction { envelope, recipients: Vec::new(), tried: 0, taken: 0 };
                self.say(LmtpState::Open(transaction), b"250 2.1.0 OK\r\n".to_vec());
            }
            Err(answer) => self.say(LmtpState::Idle, answer),
        }
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
