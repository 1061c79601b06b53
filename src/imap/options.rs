//! What a logged-in session is told when it begins, and does not change.

use std::sync::Arc;

use super::backend_capabilities::BackendCapabilities;
use super::space::Account;
use super::tags::FreshTag;

/// Scrubs the copy of an own message that a mail program stores in the Sent mailbox.
pub trait SentCopy: Send + Sync {
    /// Longest header block that is looked at, in octets.
    fn header_limit(&self) -> usize;
    /// Octets behind this header block that [`SentCopy::scrub`] has to see as `body_start`.
    fn body_wanted(&self, header: &[u8]) -> usize;
    /// The header block (with its empty line) as it is to be stored; `None` leaves it as it is. `body_start` is what is
    /// there of the body already, `date` the date-time of the APPEND.
    fn scrub(&self, header: &[u8], body_start: &[u8], date: Option<&[u8]>) -> Option<Vec<u8>>;
}

/// What the session is told when it begins.
pub struct SessionOptions {
    /// The person's space. `None` where nobody counts.
    pub account: Option<Arc<dyn Account>>,
    /// What the backend can do, as far as it matters here.
    pub backend_capabilities: BackendCapabilities,
    /// Most octets of a message that may be stored.
    pub append_limit: u64,
    /// The rules for the Sent mailbox, if there are any for this person.
    pub sent_copy: Option<Arc<dyn SentCopy>>,
    /// For our own questions.
    pub fresh_tag: FreshTag,
}

/// What does not change during a session.
pub(super) struct Rules {
    pub(super) backend_capabilities: BackendCapabilities,
    pub(super) append_limit: u64,
    pub(super) sent_copy: Option<Arc<dyn SentCopy>>,
    pub(super) fresh_tag: FreshTag,
}
