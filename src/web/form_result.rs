//! What came of the last form on a contact's page.

use super::layout::say;
use super::lend::{LendError, LendTyped};
use super::more_space::{MoreSpaceError, MoreSpaceTyped};
use super::news::VisitNews;
use super::open_hand_overs::HandOverError;
use super::typed_size::TypedSizeError;
use crate::fault::Lang;
use crate::private::Address;

/// Which field a message belongs to.
#[derive(Clone, PartialEq, Eq)]
pub enum SizeField {
    /// The share of mailboxes that have none of their own.
    Default,
    /// The share of this mailbox.
    Mailbox(Address),
}

/// What came of the last form.
pub enum FormResult {
    /// There was none.
    None,
    /// This was done.
    Done(VisitNews),
    /// Nothing was changed; what was typed stands in its field again.
    Refused(SizeField, TypedSizeError, String),
    /// Nothing was lent, offered or given back; what was typed stands in its fields again.
    LendRefused(LendError, LendTyped),
    /// No hand-over was begun; what was typed stands in its field again.
    HandOverRefused(HandOverError, String),
    /// Nobody was asked for space; what was typed stands in its fields again.
    MoreSpaceRefused(MoreSpaceError, MoreSpaceTyped),
    /// What was looked for is no mailbox of the list; what was typed stands in its field again.
    NotFound(String),
    /// Nothing was changed, for a reason of the daemon's own.
    Failed,
}

/// The server cannot keep changes.
pub(super) fn not_kept(lang: Lang) -> String {
    say(
        lang,
        "Nothing was changed: the server cannot keep changes at the moment. Try again later, or tell your host.",
        "Rien n'a été modifié\u{a0}: le serveur ne peut pas enregistrer de changement pour le moment. Réessayez plus tard, ou prévenez votre hébergeur.",
    )
}

/// It is none of the list's.
pub(super) fn not_found(lang: Lang) -> String {
    say(lang, "There is no such mailbox in this list.", "Cette boîte n'est pas dans la liste.")
}
