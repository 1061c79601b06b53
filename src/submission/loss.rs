//! The relay is gone in the middle: what becomes of what was under way, and what the mail program hears. It must neither lose a message
//! nor send it twice (RFC 5321 6.1).

use std::mem;

use super::session::SubmissionSession;
use super::state::{Ask, Mail, Rest, SubmissionState};
use crate::fault::{Fault, RefusalCode};
use crate::smtp::answer;

impl SubmissionSession {
    /// Whether the final dot is about to go out: if the relay is gone before, nothing was sent, and after it nobody can say.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, SubmissionState::Open(_, Mail::Asked(Ask::Final))) && self.relay.gathered() > 0
    }

    /// Before the relay is dropped: a final dot that has not left yet stays here, and so does the message.
    pub(super) fn withhold(&mut self) {
        if self.is_ending() {
            self.state = match mem::replace(&mut self.state, SubmissionState::Closed) {
                SubmissionState::Open(user, _) => SubmissionState::Open(user, Mail::Asked(Ask::Withheld)),
                state => state,
            };
        }
    }

    pub(super) fn without_relay(&mut self, fault: Fault) {
        let answer = answer::refusal(fault.code());
        match mem::replace(&mut self.state, SubmissionState::Closed) {
            SubmissionState::Judging(_) => {
                self.answers.extend(answer::cannot_judge(fault.code()));
                self.state = SubmissionState::Stranger;
            }
            SubmissionState::Open(user, Mail::Asked(Ask::Mail { command, sent: true, fresh: false, utf8 })) => {
                // A connection that rested between two messages may have been closed by the relay: that is no failure yet.
                let again = Ask::Mail { command, sent: false, fresh: true, utf8 };
                self.state = SubmissionState::Open(user, Mail::Asked(again));
            }
            SubmissionState::Open(user, Mail::Asked(Ask::Data { message, ended, .. })) => {
                let rest = if ended { None } else { Some(message.rest()) };
                self.refuse_rest(rest, message.taken, answer, SubmissionState::Open(user, Mail::Broken));
            }
            SubmissionState::Open(user, Mail::Message(message)) => {
                self.refuse_rest(Some(message.rest()), message.taken, answer, SubmissionState::Open(user, Mail::Broken));
            }
            SubmissionState::Open(user, Mail::Asked(Ask::Final)) => {
                self.ended = Some(false);
                // The relay may have it all, and may send it. Who hears that nothing was sent sends it twice.
                self.answers.extend(answer::refusal(RefusalCode::SentOrNot));
                self.state = SubmissionState::Open(user, Mail::Idle);
            }
            SubmissionState::Open(user, Mail::Asked(Ask::Withheld)) => {
                self.ended = Some(false);
                self.answers.extend(answer);
                self.state = SubmissionState::Open(user, Mail::Idle);
            }
            // RFC 3030 2: the octets of a refused chunk come all the same.
            SubmissionState::Open(user, Mail::Counting(_, Some((size, _)))) => {
                let then = Box::new(SubmissionState::Open(user, Mail::Broken));
                self.state = SubmissionState::Swallow { rest: Rest::Octets(size), taken: 0, answer, then };
            }
            SubmissionState::Open(user, Mail::Asked(_) | Mail::Counting(_, None)) => {
                self.answers.extend(answer);
                self.state = SubmissionState::Open(user, Mail::Broken);
            }
            SubmissionState::Open(user, Mail::Envelope(_) | Mail::Pause(_)) => {
                self.state = SubmissionState::Open(user, Mail::Broken)
            }
            state => self.state = state,
        }
    }
}
