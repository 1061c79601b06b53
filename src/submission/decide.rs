//! One command, one decision: what is answered, asked of the relay, or asked of the driver.

use super::envelope::{mail_command, rcpt_command};
use super::environment::SubmissionEnvironment;
use super::session::{BAD, IDLE, SubmissionAct, SubmissionSession, SubmissionStep};
use super::state::{Ask, Chunk, Envelope, Mail, Message, MessageSource, Rest, SubmissionState, User};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::answer;
use crate::smtp::command::{SmtpCommand, SmtpLine, Wrong, announces_octets, line};
use crate::smtp::path::{Parameters, Path};
use crate::smtp::upstream::Manner;
use crate::wire::dot;

/// Octets of an over-long line that are dropped before the session is given up.
const LONGEST: usize = 64 * 1024;

impl SubmissionSession {
    /// Takes the next line as a command, or as the answer to a challenge.
    pub(super) fn command(
        &mut self,
        env: &dyn SubmissionEnvironment,
        state: SubmissionState,
        client: &[u8],
        relay: &[u8],
    ) -> SubmissionStep {
        match line(client, matches!(state, SubmissionState::Sasl(_))) {
            SmtpLine::Part => {
                self.state = state;
                SubmissionStep::new(0, SubmissionAct::Read(Side::Client))
            }
            // Nobody knows how many octets follow: none of them may be read as a command.
            SmtpLine::TooLong | SmtpLine::Unreadable(_) if announces_octets(client) => {
                self.close(RefusalCode::Syntax);
                SubmissionStep::new(0, SubmissionAct::Again)
            }
            SmtpLine::TooLong => {
                self.state = SubmissionState::LongLine { taken: 0, then: Box::new(without_exchange(state)) };
                SubmissionStep::new(0, SubmissionAct::Again)
            }
            SmtpLine::Unreadable(used) => {
                self.state = without_exchange(state);
                self.bad(answer::refusal(RefusalCode::Syntax));
                SubmissionStep::new(used, SubmissionAct::Again)
            }
            SmtpLine::Whole(line, used) => SubmissionStep::new(used, self.obey(env, state, line, relay)),
        }
    }

    /// Drops a line that is too long to be looked at.
    pub(super) fn long_line(&mut self, taken: usize, then: Box<SubmissionState>, client: &[u8]) -> SubmissionStep {
        if let Some(end) = memchr::memchr(b'\n', client) {
            self.state = *then;
            self.bad(answer::refusal(RefusalCode::LineTooLong));
            return SubmissionStep::new(end + 1, SubmissionAct::Again);
        }
        let taken = taken + client.len();
        self.state = SubmissionState::LongLine { taken, then };
        if taken > LONGEST {
            self.close(RefusalCode::LineTooLong);
        }
        SubmissionStep::new(
            client.len(),
            if client.is_empty() { SubmissionAct::Read(Side::Client) } else { SubmissionAct::Again },
        )
    }

    fn obey(&mut self, env: &dyn SubmissionEnvironment, state: SubmissionState, line: &[u8], relay: &[u8]) -> SubmissionAct {
        if let SubmissionState::Sasl(exchange) = state {
            if announces_octets(line) {
                self.close(RefusalCode::Syntax);
                return SubmissionAct::Again;
            }
            return self.exchange(exchange.answer(line));
        }
        let command = match SmtpCommand::parse(line) {
            Ok(command) => command,
            Err(Wrong::Chunk) => {
                self.close(RefusalCode::Syntax);
                return SubmissionAct::Again;
            }
            Err(wrong) => {
                self.state = state;
                self.bad(if wrong == Wrong::Verb { answer::refusal(RefusalCode::Syntax) } else { answer::arguments() });
                return SubmissionAct::Again;
            }
        };
        match command {
            SmtpCommand::Ehlo(_) => self.hello(state, true),
            SmtpCommand::Helo(_) => self.hello(state, false),
            SmtpCommand::Rset => self.reset(state),
            SmtpCommand::Noop => self.idle(state, answer::OK),
            SmtpCommand::Help => self.idle(state, answer::HELP),
            SmtpCommand::Vrfy => self.idle(state, answer::VRFY),
            SmtpCommand::Expn | SmtpCommand::Lhlo(_) => {
                self.state = state;
                self.bad(answer::refusal(RefusalCode::NotHere));
            }
            SmtpCommand::Quit => {
                self.answers.extend_from_slice(answer::GOODBYE);
                self.relay.leave(Manner::WithQuit);
            }
            SmtpCommand::StartTls => return self.start_tls(state),
            SmtpCommand::Auth(name, initial) => return self.auth(state, name, initial),
            command => match state {
                SubmissionState::Open(user, mail) => self.transact(env, user, mail, command, relay),
                state => self.not_yet(state, command),
            },
        }
        SubmissionAct::Again
    }

    fn reset(&mut self, state: SubmissionState) {
        self.answers.extend_from_slice(answer::OK);
        self.state = match state {
            SubmissionState::Open(user, mail) => {
                self.forget(&mail);
                SubmissionState::Open(user, Mail::Idle)
            }
            state => state,
        };
        self.try_patience(IDLE);
    }

    fn idle(&mut self, state: SubmissionState, answer: &[u8]) {
        self.state = state;
        self.answers.extend_from_slice(answer);
        self.try_patience(IDLE);
    }

    fn not_yet(&mut self, state: SubmissionState, command: SmtpCommand<'_>) {
        self.state = state;
        let answer = answer::refusal(RefusalCode::LoginFirst);
        match command {
            SmtpCommand::Bdat(size, _) => self.drop_chunk(size, answer),
            _ => self.bad(answer),
        }
    }

    // RFC 3030 2: the octets of a refused chunk come all the same.
    fn drop_chunk(&mut self, size: u64, answer: Vec<u8>) {
        let then = Box::new(std::mem::replace(&mut self.state, SubmissionState::Closed));
        self.state = SubmissionState::Swallow { rest: Rest::Octets(size), taken: 0, answer, then };
        self.try_patience(BAD);
    }

    /// MAIL, RCPT, DATA, BDAT of somebody who is logged in.
    fn transact(&mut self, env: &dyn SubmissionEnvironment, user: User, mail: Mail, command: SmtpCommand<'_>, relay: &[u8]) {
        match (command, mail) {
            (SmtpCommand::Mail(path, parameters), Mail::Idle | Mail::Broken) => self.mail(env, user, path, parameters),
            (SmtpCommand::Rcpt(path, parameters), Mail::Envelope(envelope)) => self.rcpt(user, envelope, path, parameters, relay),
            (command @ (SmtpCommand::Data | SmtpCommand::Bdat(..)), Mail::Envelope(envelope)) if envelope.accepted > 0 => {
                self.message(env, user, envelope, command);
            }
            (SmtpCommand::Bdat(size, last), Mail::Pause(message)) => self.chunk(user, message, size, last),
            (command, mail) => {
                let answer = match &mail {
                    Mail::Broken => answer::refusal(RefusalCode::BackendDown),
                    Mail::Idle => answer::out_of_order("MAIL first"),
                    Mail::Envelope(_) if matches!(command, SmtpCommand::Mail(..)) => {
                        answer::out_of_order("MAIL was said already")
                    }
                    Mail::Envelope(_) => answer::coded("554 5.5.1", "No valid recipients", RefusalCode::Syntax),
                    _ => answer::out_of_order("BDAT or RSET first"),
                };
                self.state = SubmissionState::Open(user, mail);
                match command {
                    SmtpCommand::Bdat(size, _) => self.drop_chunk(size, answer),
                    // Nobody's fault, and pipelined: an answer, no loss of patience.
                    _ => self.idle_answer(answer),
                }
            }
        }
    }

    /// DATA or the first BDAT: the message counts from here on.
    fn message(&mut self, env: &dyn SubmissionEnvironment, user: User, envelope: Envelope, command: SmtpCommand<'_>) {
        let chunk = if let SmtpCommand::Bdat(size, last) = command { Some((size, last)) } else { None };
        if env.is_counted_elsewhere(&user.address) {
            self.state = SubmissionState::Open(user, Mail::Counting(envelope, chunk));
            return;
        }
        let counts = env.counts(&user.address, envelope.accepted);
        self.begin_message(user, envelope, chunk, counts);
    }

    /// The answer to [`SubmissionAct::Count`].
    pub fn counted(&mut self, counts: Result<(), RefusalCode>) {
        match std::mem::replace(&mut self.state, SubmissionState::Closed) {
            SubmissionState::Open(user, Mail::Counting(envelope, chunk)) => self.begin_message(user, envelope, chunk, counts),
            state => self.state = state,
        }
    }

    fn begin_message(&mut self, user: User, envelope: Envelope, chunk: Option<(u64, bool)>, counts: Result<(), RefusalCode>) {
        match (counts, chunk) {
            (Ok(()), Some((size, last))) => {
                let chunk = Chunk { size, left: size, last };
                self.chunk(user, Message::new(MessageSource::Chunks(dot::Chunked::default(), chunk)), size, last);
            }
            (Ok(()), None) => {
                self.answers.extend_from_slice(answer::START_MAIL);
                let message = Message::new(MessageSource::Data(dot::Dotted::without_nul()));
                self.state = SubmissionState::Open(user, Mail::Message(message));
            }
            // Nothing of it has been sent yet: the message is still with the member.
            (Err(code), chunk) => {
                self.state = SubmissionState::Open(user, Mail::Envelope(envelope));
                match chunk {
                    Some((size, _)) => self.drop_chunk(size, answer::refusal(code)),
                    None => self.idle_answer(answer::refusal(code)),
                }
            }
        }
    }

    fn idle_answer(&mut self, answer: Vec<u8>) {
        self.answers.extend(answer);
        self.try_patience(IDLE);
    }

    fn mail(&mut self, env: &dyn SubmissionEnvironment, user: User, path: Path<'_>, parameters: Parameters<'_>) {
        let command = mail_command(&self.params, env, &user.address, path, parameters);
        let command = command.and_then(|command| env.admits(&user.address).map_err(answer::refusal).map(|()| command));
        let mail = match command {
            Ok((command, utf8)) => Mail::Asked(Ask::Mail { command, sent: false, fresh: false, utf8 }),
            Err(answer) => {
                self.idle_answer(answer);
                Mail::Idle
            }
        };
        self.open(user, mail);
    }

    fn rcpt(&mut self, user: User, envelope: Envelope, path: Path<'_>, parameters: Parameters<'_>, relay: &[u8]) {
        if envelope.tried >= self.params.limits.recipients {
            self.idle_answer(answer::refusal(RefusalCode::TooManyRecipients));
            return self.open(user, Mail::Envelope(envelope));
        }
        let envelope = Envelope { tried: envelope.tried + 1, ..envelope };
        match rcpt_command(&self.params, path, parameters, envelope.utf8) {
            Ok(command) => {
                self.state = SubmissionState::Open(user, Mail::Asked(Ask::Rcpt(envelope)));
                match relay.is_empty() {
                    true => self.relay.say(&command),
                    false => self.drop_relay(Fault::Garbage(Side::Backend)),
                }
            }
            Err(answer) => {
                self.idle_answer(answer);
                self.open(user, Mail::Envelope(envelope));
            }
        }
    }

    // An answer can end the session; then it stays ended.
    fn open(&mut self, user: User, mail: Mail) {
        if self.patience > 0 {
            self.state = SubmissionState::Open(user, mail);
        }
    }
}

fn without_exchange(state: SubmissionState) -> SubmissionState {
    if let SubmissionState::Sasl(_) = state { SubmissionState::Stranger } else { state }
}
