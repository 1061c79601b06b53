//! What the relay replies, and what the mail program is told of it.

use super::session::{SubmissionAct, SubmissionSession, SubmissionStep};
use super::state::{Ask, Envelope, Mail, MessageStage, SubmissionState, User};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::answer;
use crate::smtp::replied::{Replied, Wanted, hear};
use crate::smtp::reply::Reply;
use crate::smtp::upstream::{self, Manner};
use crate::wire::dot;

/// How far the opening of the relay came.
enum RelayOpening {
    Wait(SubmissionAct),
    Ready,
    Denied,
    Failed(Fault),
}

impl SubmissionSession {
    /// AUTH that the relay judges: the relay's answer to our own AUTH is the verdict.
    pub(super) fn judge_by_relay(&mut self, user: User, relay: &[u8]) -> SubmissionStep {
        let (used, opened) = self.open_relay(relay);
        let mut act = SubmissionAct::Again;
        match opened {
            RelayOpening::Wait(wait) => {
                self.state = SubmissionState::Judging(Some(user));
                act = wait;
            }
            RelayOpening::Ready => self.logged_in(user),
            RelayOpening::Denied => {
                self.relay.leave(Manner::WithQuit);
                self.answers.extend(answer::refusal(RefusalCode::WrongPassword));
                self.state = SubmissionState::Stranger;
                act = SubmissionAct::Denied;
            }
            RelayOpening::Failed(fault) => {
                self.state = SubmissionState::Judging(None);
                self.drop_relay(fault);
            }
        }
        SubmissionStep { client: 0, relay: used, act }
    }

    /// A question to the relay is out, or waits for the relay to be opened.
    pub(super) fn asked(&mut self, user: User, ask: Ask, relay: &[u8]) -> SubmissionStep {
        if let Ask::Mail { command, sent: false, fresh, utf8 } = ask {
            return self.ask_mail(user, command, fresh, utf8, relay);
        }
        let wanted = if let Ask::Data { .. } = ask { Wanted::Message } else { Wanted::Done };
        // What we ask has not left yet: this is no answer to it.
        let is_early = self.relay.gathered() > 0 && !relay.is_empty();
        let (used, heard) = hear(relay, wanted);
        match heard {
            // It does not want the message, and has not heard its end.
            Replied::No(reply) if is_early && matches!(ask, Ask::Final) => {
                self.relay.leave(Manner::For(Fault::Garbage(Side::Backend)));
                self.ended = Some(false);
                reply.write(&mut self.answers);
                self.state = SubmissionState::Open(user, Mail::Idle);
            }
            Replied::Part | Replied::Yes(_) | Replied::No(_) if is_early => {
                self.state = SubmissionState::Open(user, Mail::Asked(ask));
                self.drop_relay(Fault::Garbage(Side::Backend));
            }
            Replied::Part => {
                self.state = SubmissionState::Open(user, Mail::Asked(ask));
                return SubmissionStep::new(0, SubmissionAct::Read(Side::Backend));
            }
            Replied::Yes(reply) => self.accepted(user, ask, &reply),
            Replied::No(reply) => self.refused(user, ask, &reply),
            // 421. RFC 5321 4.2.5: it has said no, so it will not send the message.
            Replied::Lost(fault @ Fault::Gone(_)) if matches!(ask, Ask::Final) && !is_early => {
                self.relay.leave(Manner::For(fault));
                self.ended = Some(false);
                self.answers.extend(answer::refusal(RefusalCode::BackendDown));
                self.state = SubmissionState::Open(user, Mail::Idle);
            }
            Replied::Lost(fault) => {
                self.state = SubmissionState::Open(user, Mail::Asked(ask));
                self.drop_relay(fault);
            }
        }
        SubmissionStep { client: 0, relay: used, act: SubmissionAct::Again }
    }

    fn ask_mail(&mut self, user: User, command: Vec<u8>, fresh: bool, utf8: bool, relay: &[u8]) -> SubmissionStep {
        // What a connection said between two messages by itself (421, mostly) is no answer to us: take a new one.
        if self.relay.is_ready() && !fresh && !relay.is_empty() {
            self.relay.leave(Manner::AtOnce);
            self.state = SubmissionState::Open(user, Mail::Asked(Ask::Mail { command, sent: false, fresh: true, utf8 }));
            return SubmissionStep { client: 0, relay: relay.len(), act: SubmissionAct::Again };
        }
        let fresh = fresh || !self.relay.is_ready();
        let (used, opened) = self.open_relay(relay);
        let sent = matches!(opened, RelayOpening::Ready);
        if sent {
            self.relay.say(&command);
        }
        self.state = SubmissionState::Open(user, Mail::Asked(Ask::Mail { command, sent, fresh, utf8 }));
        let act = match opened {
            RelayOpening::Wait(act) => act,
            RelayOpening::Ready => SubmissionAct::Again,
            // The credential was good when the session began; that it is not any more is no answer to MAIL.
            RelayOpening::Denied => {
                self.drop_relay(Fault::Down);
                SubmissionAct::Again
            }
            RelayOpening::Failed(fault) => {
                self.drop_relay(fault);
                SubmissionAct::Again
            }
        };
        SubmissionStep { client: 0, relay: used, act }
    }

    fn open_relay(&mut self, input: &[u8]) -> (usize, RelayOpening) {
        let (used, opened) = self.relay.open(input);
        let opened = match opened {
            upstream::Opened::Act(act) => RelayOpening::Wait(SubmissionAct::Relay(act)),
            upstream::Opened::Read => RelayOpening::Wait(SubmissionAct::Read(Side::Backend)),
            upstream::Opened::Ready(_) => RelayOpening::Ready,
            upstream::Opened::Denied => RelayOpening::Denied,
            upstream::Opened::Failed(fault) => RelayOpening::Failed(fault),
        };
        (used, opened)
    }

    pub(super) fn drop_relay(&mut self, fault: Fault) {
        self.withhold();
        self.relay.leave(Manner::For(fault));
        self.without_relay(fault);
    }

    fn accepted(&mut self, user: User, ask: Ask, reply: &Reply) {
        let mail = match ask {
            Ask::Mail { utf8, .. } => Mail::Envelope(Envelope { tried: 0, accepted: 0, utf8 }),
            Ask::Rcpt(envelope) => Mail::Envelope(Envelope { accepted: envelope.accepted + 1, ..envelope }),
            Ask::Final | Ask::Withheld => {
                self.taken_over(true);
                // At once, not with the session: a mail program may stay open for minutes.
                self.relay.give_back();
                Mail::Idle
            }
            Ask::Data { mut message, ready, ended } => {
                self.relay.say(&ready);
                message.stage = MessageStage::Body;
                self.state = SubmissionState::Open(user, if ended { self.finish() } else { Mail::Message(message) });
                return;
            }
        };
        reply.write(&mut self.answers);
        self.state = SubmissionState::Open(user, mail);
    }

    fn refused(&mut self, user: User, ask: Ask, reply: &Reply) {
        let is_shared = self.relay.is_shared();
        self.relay.spoil();
        let mail = match ask {
            Ask::Mail { command, fresh: false, utf8, .. } if is_shared => return self.ask_afresh(user, command, utf8),
            Ask::Mail { .. } => Mail::Idle,
            Ask::Rcpt(envelope) => Mail::Envelope(envelope),
            Ask::Final | Ask::Withheld => {
                self.taken_over(false);
                Mail::Idle
            }
            Ask::Data { message, ended, .. } => {
                let mut text = Vec::new();
                reply.write(&mut text);
                let rest = if ended { None } else { Some(message.rest()) };
                self.relay.leave(Manner::WithQuit);
                return self.refuse_rest(rest, message.taken, text, SubmissionState::Open(user, Mail::Idle));
            }
        };
        reply.write(&mut self.answers);
        self.state = SubmissionState::Open(user, mail);
    }

    /// The relay has judged a whole message.
    fn taken_over(&mut self, accepted: bool) {
        self.ended = Some(accepted);
        self.patience = self.params.limits.patience;
    }

    /// The message is complete: the final dot goes out, and the relay takes it over or not.
    pub(super) fn finish(&mut self) -> Mail {
        self.relay.say(dot::END);
        Mail::Asked(Ask::Final)
    }
}
