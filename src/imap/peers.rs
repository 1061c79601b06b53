//! The two peers of a session: who is still there, and whether they mean the same messages by a number.

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
