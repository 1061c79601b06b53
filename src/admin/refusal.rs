//! Why nothing was done.

use serde::{Deserialize, Serialize};

use super::json::Misread;
use crate::quota::AdminError;
use crate::store::StoreError;

/// Nothing was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// A sentence for whoever asked. Never with text of the request.
    #[serde(rename = "refused")]
    pub text: String,
    /// Whether the command itself was wrong (exit code 2), rather than what it was about (exit code 1).
    pub usage: bool,
    /// Whether it could not be written down: it is not whoever asked that has to do something. Said by the text on the socket.
    #[serde(skip)]
    pub unwritten: bool,
}

impl Declined {
    /// The command itself is wrong.
    pub fn usage(text: &str) -> Declined {
        Declined { text: text.into(), usage: true, unwritten: false }
    }

    /// What is asked cannot be.
    pub fn because(text: &str) -> Declined {
        Declined { text: text.into(), usage: false, unwritten: false }
    }

    /// It is somebody else's, or nobody's: which of the two is not told.
    pub(super) fn not_yours() -> Declined {
        Declined::because("You may not do this.")
    }

    /// A field is missing or has a value that it cannot have.
    pub(super) fn wrong(field: &str) -> Declined {
        Declined::usage(&format!("The value for `{field}` is missing or is not one."))
    }
}

impl From<AdminError> for Declined {
    fn from(error: AdminError) -> Declined {
        let unwritten = matches!(error, AdminError::Store(reason) if reason != StoreError::TooLarge);
        Declined { text: error.text().into(), usage: error.is_wrong_usage(), unwritten }
    }
}

impl From<Misread> for Declined {
    fn from(wrong: Misread) -> Declined {
        match wrong {
            Misread::Unknown => {
                Declined::usage("The running daemon does not know all of this command. Restart it after an update.")
            }
            Misread::Field(field) => Declined::wrong(field),
            Misread::Form => Declined::usage("The request is not a JSON object of this form."),
        }
    }
}
