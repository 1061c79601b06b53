//! After login: both directions are followed, and each byte gets its [`Step`].
//!
//! The client's direction is a state machine over frames; it waits wherever only the backend can say what the next bytes
//! are (does the literal come? has IDLE begun?). So nothing that a client sends too early is ever read as something else
//! than the backend reads it as.
//!
//! Absent on purpose: a table of commands. What is not named in `command` passes byte for byte, so that a new extension
//! works on the day the backend has it.

use std::sync::Arc;

use super::account::{self, Account};
use super::append::Append;
use super::command::{self, Head, Verb};
use super::frame::{Direction, Flaw, Frame, Framer, Literal};
use super::pay::Space;
use super::probe::{Means, Probe};
use super::rest::Rest;
use super::sent::SentNames;
use super::tags::Tags;
use super::{Step, reply};
use crate::fault::{Code, Fault, Side};

/// Unreadable commands in a row after which a session ends.
const MISSES: u8 = 20;

/// Octets of literals that are swallowed behind a command we refuse.
const SWALLOW: u64 = 64 * 1024;

/// Scrubs the copy of an own message that a mail program stores in the Sent mailbox.
pub trait SentCopy: Send + Sync {
    /// Longest header block that is looked at, in octets.
    fn header_limit(&self) -> usize;
    /// Octets behind this header block that [`SentCopy::scrub`] has to see as `body_start`.
    fn body_wanted(&self, header: &[u8]) -> usize;
    /// The header block (with its empty line) as it is to be stored; `None` leaves it as it is. `body_start` is what is
    /// there of the body already.
    fn scrub(&self, header: &[u8], body_start: &[u8]) -> Option<Vec<u8>>;
}

/// What the session is told when it begins.
pub struct Terms {
    /// The person's space. `None` where nobody counts.
    pub account: Option<Arc<dyn Account>>,
    /// How the backend can be asked for usage.
    pub means: Means,
    /// Most octets of a message that may be stored.
    pub append_limit: u64,
    /// Largest literal that the backend takes without being asked first (RFC 7888): everything with LITERAL+, 4096 with
    /// LITERAL-, none otherwise.
    pub non_sync: Option<u64>,
    /// The rules for the Sent mailbox, if there are any for this person.
    pub sent_copy: Option<Arc<dyn SentCopy>>,
}

/// One logged-in session.
pub struct Session {
    pub(super) client: Framer,
    pub(super) tags: Tags,
    pub(super) terms: Terms,
    pub(super) phase: Phase,
    pub(super) backend: Framer,
    pub(super) sent: SentNames,
    pub(super) over: bool,
    pub(super) space: Space,
    /// What stays behind at the backend, where its connection may serve another session.
    pub(super) loan: Option<Box<Rest>>,
    misses: u8,
}

/// Where the client's direction is.
pub(super) enum Phase {
    /// A command begins.
    Command,
    /// The line goes on behind a literal of a command that was passed on.
    Rest { tag: Box<[u8]> },
    /// Bytes of a literal that is passed on.
    Literal { tag: Box<[u8]> },
    /// A literal was announced to the backend; only its answer tells whether the bytes come. `ours`: the client was
    /// not waiting (`{n+}` to a backend without LITERAL+), so the `+` is ours to swallow.
    AwaitGo { tag: Box<[u8]>, size: u64, ours: bool },
    /// IDLE was passed on; only the backend's `+` begins it.
    AwaitIdle { tag: Box<[u8]> },
    /// The next line must be DONE.
    Idle { tag: Box<[u8]> },
    /// The backend asked for a line by `+` that we know nothing about: the next line is passed as it is.
    Asked,
    /// A command that we answer: its rest is swallowed first.
    Refuse { answer: Vec<u8>, left: u64 },
    /// A command that the backend refused while its literal was on the way: the rest is swallowed.
    Drain,
    /// APPEND to the Sent mailbox.
    Append(Box<Append>),
    /// We ask the backend something of our own.
    Probe(Box<Probe>),
}

impl Session {
    /// A session that begins right after the login.
    pub fn new(terms: Terms) -> Session {
        let unseen = terms.account.as_ref().is_some_and(|account| !account.is_seen());
        Session {
            space: Space::new(unseen),
            client: Framer::new(Direction::Client),
            backend: Framer::new(Direction::Server),
            phase: Phase::Command,
            tags: Tags::default(),
            sent: SentNames::default(),
            over: false,
            loan: None,
            misses: 0,
            terms,
        }
    }

    /// Whether an answer of ours may go to the client right now: no response of the backend is half sent.
    pub fn may_answer(&self) -> bool {
        self.backend.at_start()
    }

    /// Whether the next byte from the client begins a command.
    pub fn awaits_command(&self) -> bool {
        matches!(self.phase, Phase::Command)
    }

    /// Whether nothing is under way in either direction: the session can end, or wait for half an hour.
    pub fn at_rest(&self) -> bool {
        let quiet = matches!(self.phase, Phase::Command if self.tags.is_empty()) || matches!(self.phase, Phase::Idle { .. });
        quiet && self.may_answer()
    }

    /// Whether the backend has said BYE: its end is no surprise then.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What to do with the first bytes from the client. `full`: there is no room for more.
    pub fn from_client(&mut self, input: &[u8], full: bool) -> Step {
        if self.has_left() {
            return Step::Hold;
        }
        match &mut self.phase {
            Phase::AwaitGo { .. } | Phase::AwaitIdle { .. } | Phase::Probe(_) => return Step::Hold,
            Phase::Append(append) => {
                if let Some(step) = append.before_frames(input, &self.terms, &mut self.client, &mut self.tags) {
                    return step;
                }
            }
            Phase::Command if self.tags.is_full() => return Step::Hold,
            Phase::Command => {
                if let Some(step) = self.refresh_if_due() {
                    return step;
                }
            }
            _ => {}
        }
        let frame = match self.client.next(input, full) {
            Ok(frame) => frame,
            Err(fault) => return close(fault),
        };
        match frame {
            Frame::Need => Step::Need,
            Frame::Piece { .. } => close(Fault::Garbage(Side::Client)),
            Frame::Literal { len, done } => self.literal(len, done),
            Frame::Line { flaw: Some(Flaw::Ambiguous), .. } => close(Fault::Garbage(Side::Client)),
            Frame::Line { len, literal, flaw } => self.line(&input[..len], literal, flaw),
        }
    }

    fn literal(&mut self, len: usize, done: bool) -> Step {
        match &mut self.phase {
            Phase::Refuse { left, .. } => match left.checked_sub(len as u64) {
                Some(rest) => {
                    *left = rest;
                    Step::Swallow(len)
                }
                None => close(Fault::TooLong(Side::Client)),
            },
            Phase::Drain => Step::Swallow(len),
            Phase::Append(append) => append.literal(len, done),
            Phase::Literal { tag } if done => {
                self.phase = Phase::Rest { tag: std::mem::take(tag) };
                Step::Forward(len)
            }
            _ => Step::Forward(len),
        }
    }

    fn line(&mut self, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> Step {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Command => self.command(line, literal, flaw),
            // Half of the command is with the backend already: a flaw in its second half cannot be answered apart.
            Phase::Rest { .. } | Phase::Append(_) if flaw.is_some() => close(Fault::Garbage(Side::Client)),
            Phase::Rest { tag } => {
                self.note_more(line, literal);
                self.rest(line, literal, &tag)
            }
            Phase::Idle { tag } => self.done(tag, line),
            Phase::Asked => Step::Forward(line.len()),
            Phase::Refuse { answer, left } => self.refuse(line.len(), literal, answer, left),
            Phase::Drain => self.drain(line.len(), literal),
            Phase::Append(append) => append.tail(line, literal, self),
            waiting @ (Phase::Probe(_) | Phase::Literal { .. } | Phase::AwaitGo { .. } | Phase::AwaitIdle { .. }) => {
                self.phase = waiting;
                Step::Hold
            }
        }
    }

    fn command(&mut self, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> Step {
        let len = line.len();
        let head = command::head(line).filter(|_| flaw.is_none());
        let Some(head) = head else {
            self.misses += 1;
            if self.misses >= MISSES {
                return close(Fault::Garbage(Side::Client));
            }
            let answer = reply::bad(command::tag_or_star(line), Code::Syntax);
            return self.refuse(len, literal, answer, SWALLOW);
        };
        self.misses = 0;
        let answer = match head.verb {
            Verb::Id => reply::id(head.tag),
            Verb::Compress | Verb::Unauthenticate | Verb::Replace => reply::no(head.tag, "CANNOT", Code::NotHere),
            Verb::StartTls | Verb::Login | Verb::Authenticate => reply::bad(head.tag, Code::NotHere),
            Verb::GetQuota | Verb::GetQuotaRoot | Verb::SetQuota => match &self.terms.account {
                Some(account) if literal.is_none() => account::answer(head.tag, line, &**account),
                _ => reply::bad(head.tag, Code::Syntax),
            },
            Verb::Idle | Verb::Logout if self.wants_refresh() => return self.hold_back(),
            Verb::Idle if literal.is_none() => return self.idle(len, &head),
            Verb::Logout if literal.is_none() && self.leave(&head) => return Step::Swallow(len),
            Verb::Append => return self.append(line, &head, literal),
            Verb::Copy => return self.copy(line, &head, literal, head.arguments, false),
            Verb::Uid => return self.uid(line, &head, literal),
            Verb::Select | Verb::Examine => {
                self.space.opens();
                return self.pass_first(line, literal, head.tag);
            }
            Verb::Expunge | Verb::Close | Verb::Delete => {
                self.space.shrinks();
                return self.pass_first(line, literal, head.tag);
            }
            _ => return self.pass_first(line, literal, head.tag),
        };
        self.refuse(len, literal, answer, SWALLOW)
    }

    fn idle(&mut self, len: usize, head: &Head<'_>) -> Step {
        self.tags.open(head.tag);
        self.phase = Phase::AwaitIdle { tag: head.tag.into() };
        Step::Forward(len)
    }

    fn done(&mut self, tag: Box<[u8]>, line: &[u8]) -> Step {
        if line.eq_ignore_ascii_case(b"DONE\r\n") {
            return Step::Forward(line.len());
        }
        // Still idling: the backend has not seen this line.
        self.phase = Phase::Idle { tag };
        Step::Answer(line.len(), reply::bad(b"*", Code::Syntax))
    }

    pub(super) fn pass_first(&mut self, line: &[u8], literal: Option<Literal>, tag: &[u8]) -> Step {
        self.note_command(line, literal);
        self.tags.open(tag);
        self.pass(line, literal, tag)
    }

    /// Passes a line of the open command `tag` on, and follows the literal behind it.
    pub(super) fn pass(&mut self, line: &[u8], literal: Option<Literal>, tag: &[u8]) -> Step {
        let Some(literal) = literal else { return Step::Forward(line.len()) };
        let at_once = self.terms.non_sync.is_some_and(|most| literal.size <= most);
        let size = literal.size;
        if literal.sync && !self.tags.holds(tag) {
            // The backend has ended this command already: nobody can say what it takes the next bytes for.
            return close(Fault::Garbage(Side::Client));
        }
        if literal.sync || !at_once {
            self.phase = Phase::AwaitGo { tag: tag.into(), size, ours: !literal.sync };
        } else {
            self.enter(size, tag);
        }
        if literal.sync || at_once {
            return Step::Forward(line.len());
        }
        // `{n+}` to a backend that wants to be asked: the client does not wait, so we do.
        Step::Rewrite(line.len(), [&line[..literal.at], &announce(&literal, size, true)].concat())
    }

    pub(super) fn enter(&mut self, size: u64, tag: &[u8]) {
        self.client.enter(size);
        self.phase = if size == 0 { Phase::Rest { tag: tag.into() } } else { Phase::Literal { tag: tag.into() } };
    }

    /// Answers a command ourselves, after its last byte. A client that waits for `+` gets the answer instead.
    pub(super) fn refuse(&mut self, len: usize, literal: Option<Literal>, answer: Vec<u8>, left: u64) -> Step {
        match literal {
            Some(literal) if !literal.sync => {
                if literal.size > left {
                    return close(Fault::TooLong(Side::Client));
                }
                self.client.enter(literal.size);
                self.phase = Phase::Refuse { answer, left };
                Step::Swallow(len)
            }
            _ => Step::Answer(len, answer),
        }
    }

    fn drain(&mut self, len: usize, literal: Option<Literal>) -> Step {
        if let Some(literal) = literal.filter(|literal| !literal.sync) {
            self.client.enter(literal.size);
            self.phase = Phase::Drain;
        }
        Step::Swallow(len)
    }

    pub(super) fn is_sent(&self, mailbox: &[u8]) -> bool {
        self.terms.sent_copy.is_some() && self.sent.holds(mailbox)
    }
}

/// The end of a line that announces `size` octets in the form of `literal`, with or without waiting.
pub(super) fn announce(literal: &Literal, size: u64, sync: bool) -> Vec<u8> {
    let (tilde, plus) = (if literal.binary { "~" } else { "" }, if sync { "" } else { "+" });
    format!("{tilde}{{{size}{plus}}}\r\n").into_bytes()
}

pub(super) fn close(fault: Fault) -> Step {
    Step::Close(reply::bye(fault), fault)
}
