//! When a session has the backend counted.

/// When the backend has to be asked for usage; the sooner and surer is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Not for any reason that we know.
    No,
    /// When the session rests, unless the mailbox is seen by then; not at its end: another session stores something, and counts when it is stored.
    WhileOpen,
    /// When the session rests or ends, unless somebody else has finished a count by then that began after the reason for this one. The book
    /// knows of the reason: the mailbox is not seen until then.
    IfWanted,
    /// When the session rests or ends.
    AtRest,
    /// Before anything else.
    Now,
}
