//! After login: both directions are followed, and each byte gets its [`ImapStep`].
//!
//! There is one reading. A literal's octets go to the backend only after the backend's own `+` for exactly this literal,
//! whatever the client announced; a command that is judged is read whole by a strict grammar; what is flawed is answered
//! here and no server ever sees it. So no octet is data for one and a command for the other.
//!
//! ```text
//!  client ─▶ frame ─▶ ClientPhase ─┬─ passes ───────────────────────▶ backend
//!                                  ├─ judged: Pending ─▶ Question ──▶ backend, and back
//!                                  └─ answered or refused ──▶ client
//! ```
//! The parts do not reach into each other: [`Gate`] (space), [`ReuseTracker`] (what stays behind at the backend), `Places` (whose a folder is),
//! `Append` (one APPEND). A command that must wait is kept as [`Pending`]. A fault sticks: [`ClientPhase::Closed`].
//!
//! The client's direction is in `request`, the backend's in `response`; what is done about each judged command is in a file of its own.
//!
//! What is not named in [`super::verbs`] passes, so that a new extension works on the day the backend has it.

use std::sync::Arc;

use super::append::Append;
use super::collect::Collect;
use super::frame::{Direction, Framer};
use super::gate::Gate;
use super::options::{Rules, SessionOptions};
use super::peers::{MessageNumbers, Peers};
use super::places::Places;
use super::question::Question;
use super::reuse::ReuseTracker;
use super::selected::{Selected, Selecting};
use super::sizes::NamedMessages;
use super::status::Status;
use super::staying::Staying;
use super::tag::Tag;
use super::tags::Tags;
use super::{ImapStep, reply};
use crate::fault::{Fault, RefusalCode, Side};

/// Octets of literals that are swallowed behind a command we refuse.
pub(super) const SWALLOW: u64 = 64 * 1024;

/// One logged-in session.
pub struct ImapSession {
    pub(super) client: Framer,
    pub(super) backend: Framer,
    pub(super) tags: Tags,
    pub(super) rules: Rules,
    pub(super) phase: ClientPhase,
    pub(super) gate: Gate,
    /// Whose the folders are, as far as it is known.
    pub(super) places: Option<Arc<Places>>,
    /// The backend was asked about them.
    pub(super) places_asked: bool,
    /// The folder that the client opened last.
    pub(super) selected: Option<Selected>,
    /// Those that it is about to open; as many as commands may be open.
    pub(super) selecting: Vec<Selecting>,
    /// The client said LOGOUT, or is gone: what it has open may be closed.
    pub(super) leaves: bool,
    /// What stays behind at the backend, where its connection may serve another session.
    pub(super) reuse: Option<Box<ReuseTracker>>,
    /// It waits behind all others for a quiet moment.
    pub(super) staying: Option<Box<Staying>>,
    pub(super) peers: Peers,
    pub(super) numbers: MessageNumbers,
    pub(super) misses: u8,
}

/// Where the client's direction is.
pub(super) enum ClientPhase {
    /// A command begins.
    Command,
    /// In a line that is too long; the answer to it, and how many octets may still come of it.
    Skip { answer: Vec<u8>, left: usize },
    /// A command is collected that is judged whole.
    Collect(Box<Collect>),
    /// We ask the backend something; then what waits goes on.
    Ask(Box<Question>, Pending),
    /// What was kept can go on, as soon as the backend owes nothing.
    Ready(Pending),
    /// The line goes on behind a literal of a command that was passed on.
    Rest { tag: Tag<'static> },
    /// The backend answered a command of which only the line end is missing.
    Late,
    /// Bytes of a literal that is passed on.
    Literal { tag: Tag<'static> },
    /// A literal was announced to the backend; only its answer tells whether the bytes come. `ours`: the client is not
    /// waiting, so the `+` is ours to swallow.
    AwaitGo { tag: Tag<'static>, size: u64, ours: bool },
    /// IDLE was passed on; only the backend's `+` begins it. `ours`: the client is in it already, so the `+` is ours to swallow.
    AwaitIdle { tag: Tag<'static>, ours: bool },
    /// The next line must be DONE.
    Idle { tag: Tag<'static> },
    /// We have said DONE, and the client has not.
    Interrupted { tag: Tag<'static> },
    /// A command that we do not understand is with the backend: nothing follows until it is answered.
    Alone { tag: Tag<'static> },
    /// A command that we answer: its rest is swallowed first.
    Refuse { answer: Vec<u8>, left: u64 },
    /// A command that the backend refused while its literal was on the way: the rest is swallowed.
    Drain,
    /// APPEND.
    Append(Box<Append>),
    /// The client was lost in the middle of a command that the backend has half of.
    Stuck,
    /// A fault ended the session. `heard`: whether the backend still makes sense, so that its answers count.
    Closed { heard: bool },
}

/// What goes on when the backend owes nothing any more.
pub(super) enum Pending {
    /// Nothing: it was asked for its own sake.
    Nothing,
    /// This is said to the client.
    Say(Vec<u8>),
    /// A judged command, read already, with what is known about it so far.
    Judged(Box<dyn WaitingCommand>),
}

/// A judged command that waits while something is asked. Each is in the file of what the session does about it. It asks each thing
/// once: with the same answer it would ask for ever.
pub(super) trait WaitingCommand: Send {
    /// As far as it can go now. `taken`: how much of the input it is; none when it was kept.
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep;

    /// It asked which messages there are, and of what size: those, or how the backend refused to say.
    fn learn_sizes(&mut self, _told: Result<NamedMessages, Status>) {}

    /// It asked whether a folder is there; none: not known.
    fn learn_folder(&mut self, _there: Option<bool>) {}
}

impl ImapSession {
    /// A session that begins right after the login.
    pub fn new(terms: SessionOptions) -> ImapSession {
        let SessionOptions { account, backend_capabilities, append_limit, sent_copy, fresh_tag } = terms;
        ImapSession {
            gate: Gate::new(account, backend_capabilities.ways()),
            client: Framer::new(Direction::Client),
            backend: Framer::new(Direction::Server),
            phase: ClientPhase::Command,
            tags: Tags::default(),
            places: None,
            places_asked: false,
            selected: None,
            selecting: Vec::new(),
            leaves: false,
            staying: None,
            peers: Peers::Both,
            numbers: MessageNumbers::Known,
            reuse: None,
            misses: 0,
            rules: Rules { backend_capabilities, append_limit, sent_copy, fresh_tag },
        }
    }

    /// Whether an answer of ours may go to the client right now: no response of the backend is half sent.
    pub fn may_answer(&self) -> bool {
        self.backend.at_start()
    }

    /// Whether the next byte from the client begins a command.
    pub fn awaits_command(&self) -> bool {
        matches!(self.phase, ClientPhase::Command)
    }

    /// Octets of a literal that the client has announced and not sent.
    pub fn literal_left(&self) -> u64 {
        self.client.left()
    }

    /// Whether nothing is under way in either direction: the session can end, or wait for half an hour.
    pub fn at_rest(&self) -> bool {
        let quiet =
            matches!(self.phase, ClientPhase::Command if self.tags.is_empty()) || matches!(self.phase, ClientPhase::Idle { .. });
        quiet && self.may_answer()
    }

    /// Whether the backend has said BYE: its end is no surprise then.
    pub fn is_over(&self) -> bool {
        self.peers == Peers::Bye
    }

    /// Whether this person may change anything.
    pub(super) fn may_change(&self) -> Result<(), RefusalCode> {
        self.gate.account().map_or(Ok(()), |account| account.may_change())
    }

    /// Something was answered.
    pub(super) fn answered(&mut self) {
        if self.numbers == MessageNumbers::Moved {
            self.numbers = MessageNumbers::Told;
        }
    }

    /// The session ends here, and stays so.
    pub(super) fn close(&mut self, fault: Fault) -> ImapStep {
        self.phase = ClientPhase::Closed { heard: !matches!(fault, Fault::Garbage(Side::Backend)) };
        self.gate.held.abandon();
        ImapStep::Close(reply::bye(fault), fault)
    }
}
