//! What a record of the book can hold, so that whoever may make aliases in a panel cannot make every batch fail.

use crate::private::Address;

/// Octets of the domains of one account, and of what one alias leads to: a record of the book holds 16 KiB.
pub(super) const ROOM: usize = 12_000;
/// Octets that a name takes beside itself.
pub(super) const BESIDE: usize = 8;

/// What an address takes in a record.
pub(super) fn octets(address: &Address) -> usize {
    address.reveal_local().len() + address.domain().reveal().len() + BESIDE + 1
}

/// Whether one alias can lead to all of these.
pub(super) fn has_room<'a>(targets: impl IntoIterator<Item = &'a Address>) -> bool {
    targets.into_iter().map(octets).sum::<usize>() <= ROOM
}
