//! Layer 3: several nodes that all take clients, and one judge for each association (docs/many-nodes.md). Proven and measured as a model by its
//! tests; the daemon's driver of it is `serve::share_drive`.
//!
//! ```text
//! etcd:  life/NODE/NUMBER     under a lease: this process of that node is there; which storages it does not reach
//!        deed/TENANT          who judges it, and what may still be on its way to the storage from whom
//!        house                by what nodes know that they mean the same associations, at the same etcd
//!
//! Fellow ──Errand──▶ driver ──▶ etcd, storage
//!        ◀──News────
//! ```
//!
//! A [`Fellow`] is one node. It takes the associations that [`nearest()`] gives it, asks the storage what they hold, and judges. It grants only while its
//! [`Fence`] is open, and never more than the `flight` of its [`Deed`] beyond what etcd has confirmed: so whoever takes over knows what may still come from
//! it, and holds that back ([`Exposure`]). Nothing is written to etcd because a member does something.
//!
//! Pure: time comes from the caller, as [`Millis`], and so does chance. Absent on purpose: names of associations, addresses and usage. A [`Tenant`] is a
//! number that is made of the association's name with a key; the book is elsewhere.

mod accord;
mod choosing;
mod deed;
mod errand;
pub mod etcd;
mod exposure;
mod fellow;
mod fence;
mod gateway;
mod granting;
mod holding;
mod house;
mod nearest;
mod reach;
pub mod register;
mod tending;
#[cfg(test)]
mod tests;

pub use accord::{Accord, Bar};
pub use deed::{Deed, Life};
pub use errand::{Errand, News};
pub use exposure::{Exposure, Within};
pub use fellow::{Assent, Fellow};
pub use fence::Fence;
pub use house::{GreetingWord, HouseWord};
pub use nearest::nearest;
pub use reach::{Reach, StoreNumber};

pub use crate::node::Millis;

/// An association, as etcd knows it.
pub type Tenant = u64;

/// How long things take.
#[derive(Clone, Copy)]
pub struct Pace {
    /// How often a node shows that it is there.
    pub every: Millis,
    /// How long it relies on that, by its own clock, from before it asked.
    pub hold: Millis,
    /// How long etcd does, by its clock, from when it answered.
    pub lease: Millis,
    /// What has no answer for so long is asked again.
    pub again: Millis,
    /// How long what is under way may go on after the fence has closed, or the association is to go to another node.
    pub drain: Millis,
    /// After so long the storage has ended a connection on which nothing came: what an earlier judge had under way comes no more.
    pub forget: Millis,
    /// What large messages have asked for is given back at the second full one of these after the last of them.
    pub lull: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { every: 1000, hold: 6000, lease: 8000, again: 3000, drain: 10_000, forget: 3_600_000, lull: 600_000 }
    }
}

/// The least and the most octets that a node may have on their way into an association unconfirmed, before one of them asks for more.
const FLIGHT: (u64, u64) = (1 << 20, 64 << 20);

/// What a node that judges may have on its way: a sixteenth of the association's limit, as a power of two. Not of the room that is left: that is what members
/// do.
pub fn flight_for(limit: Option<u64>) -> u64 {
    let (least, most) = FLIGHT;
    let part = limit.map_or(most, |limit| limit / 16).clamp(least, most);
    if part.is_power_of_two() { part } else { part.next_power_of_two() / 2 }
}
