//! The forms of an association's page for admins, and what came of one.

use super::request::WebForm;
use crate::quota::Limit;

/// A form of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AdminForm {
    /// Limits of the association and of its mailboxes.
    Limits,
    /// Extra space until a day.
    Grant,
    /// Active, read-only ...
    State,
    /// Contact and language.
    Contact,
    /// How much may be sent.
    Sending,
    /// Of one mailbox.
    Mailbox,
}

impl AdminForm {
    /// All.
    pub const ALL: [AdminForm; 6] =
        [AdminForm::Limits, AdminForm::Grant, AdminForm::State, AdminForm::Contact, AdminForm::Sending, AdminForm::Mailbox];

    /// Where it is sent to, behind the association's path.
    pub fn word(self) -> &'static str {
        match self {
            AdminForm::Limits => "limits",
            AdminForm::Grant => "grant",
            AdminForm::State => "state",
            AdminForm::Contact => "contact",
            AdminForm::Sending => "sending",
            AdminForm::Mailbox => "mailbox",
        }
    }

    /// Of one of its fields, on the page.
    pub(super) fn id(self, name: &str) -> String {
        format!("{}-{name}", self.word())
    }
}

/// A field with one line of text.
pub(super) struct TextField<'a> {
    pub(super) form: AdminForm,
    pub(super) name: &'static str,
    pub(super) id: &'a str,
    pub(super) label: String,
    pub(super) now: String,
    pub(super) hint: String,
    pub(super) kind: &'static str,
}

/// A number as it stands in a field.
pub(super) fn count(limit: Limit) -> String {
    match limit {
        Limit::At(number) => number.to_string(),
        Limit::None => String::new(),
    }
}

/// The fields of [`AdminForm::Sending`]: the keys of `nologd association set`.
pub const SENDING: [&str; 8] = [
    "send-per-hour",
    "send-per-day",
    "recipients-per-hour",
    "recipients-per-day",
    "mailbox-send-per-hour",
    "mailbox-send-per-day",
    "mailbox-recipients-per-hour",
    "mailbox-recipients-per-day",
];

/// What came of the last form.
pub enum AdminResult<'a> {
    /// There was none.
    None,
    /// It was done.
    Done,
    /// Nothing was changed: which form, which of its fields, why, and what was typed.
    Refused(AdminForm, &'static str, String, &'a WebForm),
}
