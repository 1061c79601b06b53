//! What comes before mail: EHLO (RFC 5321 4.1.1.1), STARTTLS (RFC 3207) and AUTH (RFC 4954).

use super::session::{IDLE, SubmissionAct, SubmissionSession};
use super::state::{Mail, SubmissionState};
use crate::fault::RefusalCode;
use crate::smtp::answer;
use crate::wire::protection::Protection;
use crate::wire::sasl::{self, MechanismName, SaslRefusal};

impl SubmissionSession {
    pub(super) fn hello(&mut self, state: SubmissionState, extended: bool) {
        let name = self.params.hostname.clone();
        match extended {
            true => self.capabilities(&name),
            false => self.answers.extend_from_slice(format!("250 {name}\r\n").as_bytes()),
        }
        self.state = match state {
            SubmissionState::Open(user, mail) => {
                self.forget(&mail);
                SubmissionState::Open(user, Mail::Idle)
            }
            _ => SubmissionState::Stranger,
        };
        self.try_patience(IDLE);
    }

    fn capabilities(&mut self, name: &str) {
        let relay = &self.params.relay;
        let ours = self.params.limits.message;
        let size = relay.size.filter(|size| *size > 0).map_or(ours, |size| size.min(ours));
        let mut words = vec![name.to_owned(), "PIPELINING".into(), format!("SIZE {size}"), "CHUNKING".into()];
        let known = [(relay.eight_bit, "8BITMIME"), (relay.smtputf8, "SMTPUTF8"), (relay.dsn, "DSN")];
        words.extend(known.iter().filter(|(has, _)| *has).map(|(_, word)| word.to_string()));
        if relay.enhanced {
            words.push("ENHANCEDSTATUSCODES".into());
        }
        match self.protection {
            Protection::StartTls => words.push("STARTTLS".into()),
            Protection::Secure => {
                let names: Vec<_> = self.params.mechanisms.iter().map(|name| name.word()).collect();
                words.push(format!("AUTH {}", names.join(" ")));
            }
        }
        for (position, word) in words.iter().enumerate() {
            let mark = if position + 1 == words.len() { ' ' } else { '-' };
            self.answers.extend_from_slice(format!("250{mark}{word}\r\n").as_bytes());
        }
    }

    pub(super) fn start_tls(&mut self, state: SubmissionState) -> SubmissionAct {
        if self.protection == Protection::StartTls && matches!(state, SubmissionState::Hello | SubmissionState::Stranger) {
            self.answers.extend_from_slice(answer::START_TLS);
            self.state = SubmissionState::Hello;
            return SubmissionAct::StartTls;
        }
        self.state = state;
        self.bad(answer::refusal(RefusalCode::NotHere));
        SubmissionAct::Again
    }

    pub(super) fn auth(&mut self, state: SubmissionState, name: &[u8], initial: Option<&[u8]>) -> SubmissionAct {
        let refusal = match &state {
            _ if self.protection == Protection::StartTls => answer::refusal(RefusalCode::TlsFirst),
            SubmissionState::Hello => answer::out_of_order("EHLO first"),
            SubmissionState::Stranger if self.tries >= self.params.limits.tries => {
                self.close(RefusalCode::TooManyTries);
                return SubmissionAct::Again;
            }
            SubmissionState::Stranger => match MechanismName::parse(name).filter(|name| self.params.mechanisms.contains(name)) {
                Some(name) => return self.exchange(sasl::start(name, initial)),
                None => answer::refusal(RefusalCode::LoginMethod),
            },
            _ => answer::out_of_order("Authenticated already"),
        };
        self.state = state;
        self.bad(refusal);
        SubmissionAct::Again
    }

    pub(super) fn exchange(&mut self, step: sasl::SaslStep) -> SubmissionAct {
        self.state = SubmissionState::Stranger;
        match step {
            sasl::SaslStep::Challenge(text, exchange) => {
                self.answers.extend_from_slice(format!("334 {text}\r\n").as_bytes());
                self.state = SubmissionState::Sasl(exchange);
            }
            sasl::SaslStep::Done(credential) => {
                self.tries = self.tries.saturating_add(1);
                self.state = SubmissionState::Judging(None);
                return SubmissionAct::Judge(credential);
            }
            sasl::SaslStep::Refused(SaslRefusal::Cancelled) => self.bad(answer::CANCELLED.to_vec()),
            sasl::SaslStep::Refused(SaslRefusal::Malformed) => self.bad(answer::arguments()),
            sasl::SaslStep::Refused(SaslRefusal::TooLong) => self.bad(answer::refusal(RefusalCode::LineTooLong)),
            sasl::SaslStep::Refused(SaslRefusal::Foreign | SaslRefusal::Empty) => {
                self.tries = self.tries.saturating_add(1);
                self.bad(answer::refusal(RefusalCode::WrongPassword));
            }
        }
        SubmissionAct::Again
    }
}
