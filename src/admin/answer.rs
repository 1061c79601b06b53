//! An answer: what was done, or why nothing was.

use serde_json::{Value, json};

use super::VERSION;
use crate::quota::AdminError;

/// What the daemon says to a request.
#[derive(Clone, PartialEq)]
pub enum Answer {
    /// It was done, and is on disk. What was, what is.
    Done(Value),
    /// Nothing was changed.
    Refused {
        /// A sentence for the admin.
        text: String,
        /// Whether the command itself was wrong (exit code 2), rather than what it was about (exit code 1).
        usage: bool,
    },
}

impl Answer {
    /// The command itself is wrong.
    pub(super) fn usage(text: &str) -> Answer {
        Answer::Refused { text: text.into(), usage: true }
    }

    /// What is asked cannot be.
    pub(super) fn refused(text: &str) -> Answer {
        Answer::Refused { text: text.into(), usage: false }
    }

    /// A field is missing or has a value that it cannot have.
    pub(super) fn wrong(field: &str) -> Answer {
        Answer::Refused { text: format!("The value for `{field}` is missing or is not one."), usage: true }
    }

    /// The line, with its end.
    pub fn encode(&self) -> String {
        let value = match self {
            Answer::Done(value) => json!({ "nologd": VERSION, "done": value }),
            Answer::Refused { text, usage } => json!({ "nologd": VERSION, "refused": text, "usage": usage }),
        };
        format!("{value}\n")
    }

    /// Reads the line; none when it is not an answer of this version.
    pub fn decode(line: &[u8]) -> Option<Answer> {
        let mut value: Value = serde_json::from_slice(line).ok()?;
        if value.get("nologd")?.as_u64()? != VERSION {
            return None;
        }
        match value.get_mut("done") {
            Some(done) => Some(Answer::Done(done.take())),
            None => Some(Answer::Refused { text: value.get("refused")?.as_str()?.into(), usage: value.get("usage")?.as_bool()? }),
        }
    }
}

impl From<AdminError> for Answer {
    fn from(error: AdminError) -> Answer {
        Answer::Refused { text: error.text().into(), usage: error.is_wrong_usage() }
    }
}
