//! Why nothing was done.

use super::json::Misread;
use crate::quota::AdminError;
use crate::store::StoreError;

/// Nothing was changed, and why. For a person; no text of the request is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct NotDone {
    /// A sentence for whoever asked. Never with text of the request.
    pub text: String,
    /// Whose affair it is.
    pub cause: NotDoneCause,
}

/// Whose affair it is that nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDoneCause {
    /// The command itself was wrong (exit code 2).
    Usage,
    /// What it was about cannot be (exit code 1).
    Subject,
    /// What it was about cannot be: the book says why.
    Book(AdminError),
    /// Somebody else's answer to it is being written down: what comes of it is not known yet.
    Busy,
    /// It could not be written down: it is not whoever asked that has to do something.
    Unwritten,
}

impl NotDone {
    /// The command itself is wrong.
    pub fn usage(text: &str) -> NotDone {
        NotDone { text: text.into(), cause: NotDoneCause::Usage }
    }

    /// What is asked cannot be.
    pub fn because(text: &str) -> NotDone {
        NotDone { text: text.into(), cause: NotDoneCause::Subject }
    }

    /// Somebody else does it at this moment.
    pub(super) fn busy(text: &str) -> NotDone {
        NotDone { text: text.into(), cause: NotDoneCause::Busy }
    }

    /// Whether the command itself was wrong. All else is said on the socket by the text alone.
    pub fn is_usage(&self) -> bool {
        match self.cause {
            NotDoneCause::Usage => true,
            NotDoneCause::Book(error) => error.is_wrong_usage(),
            NotDoneCause::Subject | NotDoneCause::Busy | NotDoneCause::Unwritten => false,
        }
    }

    /// It is somebody else's, or nobody's: which of the two is not told.
    pub(super) fn not_yours() -> NotDone {
        NotDone::because("You may not do this.")
    }

    /// A field is missing or has a value that it cannot have.
    pub(super) fn wrong(field: &str) -> NotDone {
        NotDone::usage(&format!("The value for `{field}` is missing or is not one."))
    }
}

impl From<AdminError> for NotDone {
    fn from(error: AdminError) -> NotDone {
        let cause = match error {
            AdminError::Store(reason) if reason != StoreError::TooLarge => NotDoneCause::Unwritten,
            other => NotDoneCause::Book(other),
        };
        NotDone { text: error.text().into(), cause }
    }
}

impl From<Misread> for NotDone {
    fn from(wrong: Misread) -> NotDone {
        match wrong {
            Misread::Unknown => {
                NotDone::usage("The running daemon does not know all of this command. Restart it after an update.")
            }
            Misread::Field(field) => NotDone::wrong(field),
            Misread::Form => NotDone::usage("The request is not a JSON object of this form."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy that the other machine of a pair did not keep is no affair of whoever asked, nor a sign that their offer or link has ended.
    #[test]
    fn what_could_not_be_written_is_told_from_what_cannot_be() {
        let cause = |error: AdminError| NotDone::from(error).cause;
        for reason in [StoreError::Uncopied, StoreError::Outrun, StoreError::Unshared, StoreError::Closed, StoreError::Damaged] {
            assert_eq!(cause(AdminError::Store(reason)), NotDoneCause::Unwritten);
        }
        let large = AdminError::Store(StoreError::TooLarge);
        assert_eq!(cause(large), NotDoneCause::Book(large));
        assert_eq!(cause(AdminError::NeedsItself), NotDoneCause::Book(AdminError::NeedsItself));
        assert!(NotDone::from(AdminError::DayOver).is_usage() && !NotDone::from(AdminError::NoLimit).is_usage());
    }
}
