//! Where a session is: in the client's direction, with its two peers, and with message numbers.

use super::append::Append;
use super::pending::{Collect, Pending};
use super::question::Question;
use super::tag::Tag;

/// Who is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peers {
    Both,
    /// The client left, or was lost: what it asked for is brought to its end.
    BackendOnly,
    /// The backend said BYE.
    Bye,
}

/// Whether the client's message numbers are the backend's. An EXPUNGE changes them, and may only come while a command of the client
/// is under way (RFC 9051 7.5.1). One that came to a question of ours in between may meet a command that was sent before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageNumbers {
    Known,
    /// An EXPUNGE came in between.
    Moved,
    /// And something was answered since.
    Told,
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
    /// IDLE was passed on; only the backend's `+` begins it.
    AwaitIdle { tag: Tag<'static> },
    /// The next line must be DONE.
    Idle { tag: Tag<'static> },
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
