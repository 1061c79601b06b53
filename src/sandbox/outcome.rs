//! What came of an attempt to break the rules.

use std::io::ErrorKind;

use nix::errno::Errno;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel refused.
    Refused,
    /// It was not refused.
    Possible,
}

/// Refused only where each was.
pub(super) fn all(tried: impl IntoIterator<Item = Outcome>) -> Outcome {
    if tried.into_iter().all(|outcome| outcome == Outcome::Refused) { Outcome::Refused } else { Outcome::Possible }
}

/// Only a refusal by rights or rules counts; "not found" or "nobody listens there" means that it was tried.
pub(super) fn judge<T>(tried: std::io::Result<T>) -> Outcome {
    let refused = tried
        .err()
        .is_some_and(|error| error.kind() == ErrorKind::PermissionDenied || error.raw_os_error() == Some(Errno::EPERM as i32));
    if refused { Outcome::Refused } else { Outcome::Possible }
}
