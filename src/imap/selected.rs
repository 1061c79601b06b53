//! The folder that the client has open, and whether it is still the one of that name.
//!
//! Where another session renames or deletes it and makes a new one, STATUS goes on to tell of the old one: Dovecot takes the name for
//! the folder that is open, and RFC 9051 6.3.11 leaves it to the server. A count would miss what is in the new one.

use super::tag::Tag;

/// The folder that the client opened last.
pub(super) struct Selected {
    pub(super) name: Box<[u8]>,
    /// How often other sessions had renamed or deleted folders by then; none: this session did so with this one.
    pub(super) renames: Option<u64>,
    /// The CLOSE or UNSELECT that is under way.
    pub(super) leaving: Option<Tag<'static>>,
}

/// A SELECT or EXAMINE that is under way: its tag, and the folder if the backend says OK. A backend that says NO or BAD may have left
/// the folder before, or not.
pub(super) struct Selecting(pub(super) Tag<'static>, pub(super) Selected);

impl Selected {
    /// Nobody can delete it.
    pub(super) fn is_inbox(&self) -> bool {
        is_inbox(&self.name)
    }
}

/// The one folder that everybody has, and of that name it is always their own (RFC 9051 5.1).
pub(super) fn is_inbox(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"INBOX")
}
