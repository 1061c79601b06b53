//! What the backend tells by itself.

use super::{Amount, Book, Day};
use crate::private::Address;

impl Book {
    /// The backend says what is in the mailbox, at the moment when it says so. What is not told keeps its value. Never fails
    /// and never waits; a mailbox that is not in the book is passed over.
    pub fn pushed(&self, mailbox: &Address, octets: Option<u64>, messages: Option<u64>) {
        let _ = (mailbox, octets, messages);
    }

    /// To be called every 250 ms: the book has no clock.
    pub fn tick(&self) {}

    /// `usage load`: what the admin read from the backend a moment ago. False when no association has the domain, or the
    /// mailbox would be one too many.
    pub fn load(&self, mailbox: &Address, seen: Amount, today: Day) -> bool {
        if self.admit(mailbox).is_err() {
            return false;
        }
        self.begin_refresh(mailbox).map(|refresh| refresh.finish(seen, today)).is_some()
    }

    /// Whether the backend pushes this mailbox's usage: a push came since the start.
    pub fn is_pushed(&self, mailbox: &Address) -> bool {
        let _ = mailbox;
        false
    }
}
