//! The book, as far as one logged-in person is concerned: what a session may ask of it.

use crate::fault::RefusalCode;
use crate::quota::{Amount, Deletion, Limit, NoShift, Refresh, Refreshed, Reservation, Shift, Turn, WhoStays};

/// One person's place in the book.
pub trait Account: Send + Sync {
    /// Sets space aside for a write by this person into a folder of their own.
    ///
    /// # Errors
    /// The code word that tells which limit, or which state, is in the way.
    fn reserve(&self, amount: Amount) -> Result<Reservation, RefusalCode>;
    /// The same in a folder of somebody else, whom the backend calls `owner`.
    ///
    /// # Errors
    /// As [`Account::reserve`]; `NotYourFolder` where the book does not know the owner.
    fn reserve_for(&self, owner: &[u8], amount: Amount) -> Result<Reservation, RefusalCode>;
    /// Whether the person may change anything now: an association that is read-only keeps what it has as it is.
    ///
    /// # Errors
    /// The code word that tells why not.
    fn may_change(&self) -> Result<(), RefusalCode>;
    /// Messages or folders change: a count that overlaps may miss some.
    fn shift(&self, turn: Turn) -> Option<Shift>;
    /// The same, if nobody else is in the way at this moment: of several who move the same message, each may keep a copy.
    ///
    /// # Errors
    /// Somebody is, or the mailbox is not in the book any more.
    fn shift_alone(&self, turn: Turn) -> Result<Shift, NoShift>;
    /// The same among the folders of somebody else, whom the backend calls `owner`.
    ///
    /// # Errors
    /// As [`Account::shift_alone`].
    fn shift_for(&self, owner: &[u8], turn: Turn) -> Result<Shift, NoShift>;
    /// There will be less in the folders of somebody else: they are counted anew when it is over.
    fn deletion_for(&self, owner: &[u8]) -> Option<Deletion>;
    /// There will be less in the person's own folders.
    fn own_deletion(&self) -> Option<Deletion>;
    /// Whether the backend may mean this person by `name`.
    fn is_self(&self, name: &[u8]) -> bool;
    /// How often sessions of this mailbox began or ended to rename or delete a folder, since the start.
    fn renames(&self) -> u64;
    /// Whether the backend has told what is in the mailbox since the start.
    fn is_known(&self) -> bool;
    /// Whether the backend was asked about the mailbox since the start, and nothing is in doubt.
    fn is_seen(&self) -> bool;
    /// Whether the backend tells by itself what changes, within seconds.
    fn is_pushed(&self) -> bool;
    /// Whether the mailbox or its association is so full that somebody may be refused what there is room for.
    fn is_nearly_full(&self) -> bool;
    /// Whether this session is to count for all that want it: no other one has taken it upon itself since the last reason.
    fn takes_count(&self) -> bool;
    /// Takes note that the backend must be asked anew.
    fn unsee(&self);
    /// The same, and other open sessions are asked to do so: this one cannot.
    fn leave_count(&self);
    /// The session ends: its place behind all others of the mailbox, if somebody is to wait there for a quiet moment to count.
    fn stay(&self) -> Option<WhoStays>;
    /// Begins to ask the backend. `None`: the mailbox is not in the book any more.
    fn begin_refresh(&self) -> Option<Refresh>;
    /// The backend's answer.
    fn finish_refresh(&self, refresh: Refresh, seen: Amount) -> Refreshed;
    /// How full both roots are: mailbox, association. `None`: not in the book any more.
    fn roots(&self) -> Option<[Root; 2]>;
}

/// One quota root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Octets used.
    pub octets: u128,
    /// Most octets.
    pub storage: Limit,
    /// Messages there.
    pub messages: u128,
    /// Most messages.
    pub most: Limit,
}
