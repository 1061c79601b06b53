//! What the relay answers, and what the mail program is told of it.
//!
//! One order is out at a time, so an answer can never be taken for that of another order.

use super::session::{Act, Session, Step};
use super::state::{Ask, Envelope, Lend, Mail, Relay, Stage, State, User};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::answer;
use crate::smtp::line;
use crate::smtp::reply::Reply;
use crate::wire::dot;

/// How far the opening of the relay came.
enum Opened {
    Wait(Act),
    Ready,
    Denied,
    Failed(Fault),
}

impl Session {
    /// AUTH that the relay judges: the relay's answer to our own AUTH is the verdict.
    pub(super) fn judge_by_relay(&mut self, user: User, relay: &[u8]) -> Step {
        let (used, opened) = self.open_relay(relay);
        let mut act = Act::Again;
        match opened {
            Opened::Wait(wait) => {
                self.state = State::Judging(Some(user));
                act = wait;
            }
            Opened::Ready => self.logged_in(user),
            Opened::Denied => {
                self.leave(true);
                self.answers.extend(answer::refusal(RefusalCode::WrongPassword));
                self.state = State::Stranger;
                act = Act::Denied;
            }
            Opened::Failed(fault) => {
                self.state = State::Judging(None);
                self.drop_relay(fault);
            }
        }
        Step { client: 0, relay: used, act }
    }

    /// A question to the relay is out, or waits for the relay to be opened.
    pub(super) fn asked(&mut self, user: User, ask: Ask, relay: &[u8]) -> Step {
        if let Ask::Mail { order, sent: false, fresh, utf8 } = ask {
            return self.ask_mail(user, order, fresh, utf8, relay);
        }
        match Reply::parse(relay) {
            Ok(None) => {
                self.state = State::Open(user, Mail::Asked(ask));
                Step::new(0, Act::Read(Side::Backend))
            }
            Ok(Some((reply, used))) => {
                self.answered(user, ask, &reply);
                Step { client: 0, relay: used, act: Act::Again }
            }
            Err(fault) => {
                self.state = State::Open(user, Mail::Asked(ask));
                self.drop_relay(fault);
                Step { client: 0, relay: relay.len(), act: Act::Again }
            }
        }
    }

    fn ask_mail(&mut self, user: User, order: Vec<u8>, fresh: bool, utf8: bool, relay: &[u8]) -> Step {
        // What a resting connection said by itself (421, mostly) is no answer to us: take a new one.
        if matches!(self.relay, Relay::Ready(_)) && !fresh && !relay.is_empty() {
            self.leave(false);
            self.state = State::Open(user, Mail::Asked(Ask::Mail { order, sent: false, fresh: true, utf8 }));
            return Step { client: 0, relay: relay.len(), act: Act::Again };
        }
        let fresh = fresh || !matches!(self.relay, Relay::Ready(_));
        let (used, opened) = self.open_relay(relay);
        let sent = matches!(opened, Opened::Ready);
        if sent {
            self.orders.extend_from_slice(&order);
        }
        self.state = State::Open(user, Mail::Asked(Ask::Mail { order, sent, fresh, utf8 }));
        let act = match opened {
            Opened::Wait(act) => act,
            Opened::Ready => Act::Again,
            // The credential was good when the session began; that it is not any more is no answer to MAIL.
            Opened::Denied => {
                self.drop_relay(Fault::Down);
                Act::Again
            }
            Opened::Failed(fault) => {
                self.drop_relay(fault);
                Act::Again
            }
        };
        Step { client: 0, relay: used, act }
    }

    fn open_relay(&mut self, input: &[u8]) -> (usize, Opened) {
        let (used, opened) = self.relay.open(input, &mut self.orders);
        let opened = match opened {
            line::Opened::Dial => Opened::Wait(Act::Dial),
            line::Opened::Read => Opened::Wait(Act::Read(Side::Backend)),
            line::Opened::Secure => Opened::Wait(Act::SecureRelay),
            line::Opened::Ready(_) => Opened::Ready,
            line::Opened::Denied => Opened::Denied,
            line::Opened::Failed(fault) => Opened::Failed(fault),
        };
        (used, opened)
    }

    pub(super) fn drop_relay(&mut self, fault: Fault) {
        self.withhold();
        self.relay.leave(&mut self.orders, false, Some(fault));
        self.without_relay(fault);
    }

    fn answered(&mut self, user: User, ask: Ask, reply: &Reply) {
        // 421: the relay closes. To the mail program a 421 would say that we do.
        if reply.code() == 421 {
            if matches!(ask, Ask::Final) {
                // RFC 5321 4.2.5: it has said no, so it will not send the message.
                self.relay.leave(&mut self.orders, false, Some(Fault::Gone(Side::Backend)));
                self.ended = Some(false);
                self.answers.extend(answer::refusal(RefusalCode::BackendDown));
                self.state = State::Open(user, Mail::Idle);
                return;
            }
            self.state = State::Open(user, Mail::Asked(ask));
            return self.drop_relay(Fault::Gone(Side::Backend));
        }
        let go_on = if let Ask::Data { .. } = ask { reply.code() == 354 } else { reply.is_positive() };
        if !go_on && !reply.is_negative() {
            self.state = State::Open(user, Mail::Asked(ask));
            return self.drop_relay(Fault::Garbage(Side::Backend));
        }
        if !go_on && self.lend == Lend::Clean {
            self.lend = Lend::Spoilt;
        }
        let mail = match ask {
            Ask::Mail { utf8, .. } if go_on => Mail::Envelope(Envelope { tried: 0, accepted: 0, utf8 }),
            Ask::Mail { .. } => Mail::Idle,
            Ask::Rcpt(envelope) => Mail::Envelope(Envelope { accepted: envelope.accepted + usize::from(go_on), ..envelope }),
            Ask::Final | Ask::Withheld => {
                self.ended = Some(go_on);
                self.patience = self.params.limits.patience;
                Mail::Idle
            }
            Ask::Data { mut message, ready, ended } => {
                if !go_on {
                    let mut text = Vec::new();
                    reply.write(&mut text);
                    let rest = if ended { None } else { Some(message.rest()) };
                    self.leave(true);
                    return self.refuse_rest(rest, message.taken, text, State::Open(user, Mail::Idle));
                }
                self.orders.extend_from_slice(&ready);
                message.stage = Stage::Body;
                self.state = State::Open(user, if ended { self.finish() } else { Mail::Message(message) });
                return;
            }
        };
        reply.write(&mut self.answers);
        self.state = State::Open(user, mail);
    }

    /// The message is complete: the final dot goes out, and the relay takes it over or not.
    pub(super) fn finish(&mut self) -> Mail {
        self.orders.extend_from_slice(dot::END);
        Mail::Asked(Ask::Final)
    }
}
