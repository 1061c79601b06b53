//! What a session asks of the book, and of the config.

use crate::private::Address;
use crate::quota::{Book, Day, OverQuota, Unknown};
use crate::route::BackendId;

/// What the session cannot know by itself: the book, the config, the clock.
pub trait LmtpEnvironment {
    /// The book.
    fn book(&self) -> &Book;
    /// The day, for grants that end.
    fn today(&self) -> Day;
    /// What is said where there is no room.
    fn over(&self) -> OverQuota;
    /// What is said of a domain that no association has. Called once for each recipient of that kind.
    fn unknown(&self) -> Unknown;
    /// The backend with this name, or of the default one; none when it takes no mail by LMTP.
    fn backend(&self, name: Option<&str>) -> Option<BackendId>;
    /// The node that judges the association of `recipient`, where that is another one (docs/many-nodes.md): `Some(None)` where it cannot be reached.
    fn judge_elsewhere(&self, recipient: &Address) -> Option<Option<BackendId>>;
}
