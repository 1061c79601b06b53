//! What a play is told, and what it tells.

use super::super::Millis;

/// Which rule is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// A node grants whatever its clock says.
    NoClock,
    /// And does not ask etcd before more is on its way than its deed says.
    NoFence,
    /// It goes by its clock alone.
    NothingConfirmed,
    /// Nothing is held back for what earlier judges have on their way.
    NothingWithheld,
    /// A new judge goes by numbers of a while ago.
    OldNumbers,
    /// What was held back is free as soon as nothing can come any more, without a count.
    FreeAtOnce,
    /// etcd does not compare whether the judge is still there.
    AnyoneTakes,
    /// Nor whether the deed is the one that was seen.
    AnyRevision,
    /// What may be on its way is forgotten before the storage ends it.
    ForgetsSoon,
    /// A node that lost its lease says that nothing is under way, and does not end it.
    QuietAtOnce,
    /// A node that ends hands on associations into which something is under way.
    LeavesAnyway,
    /// Where etcd went back, a node goes on at once by what stands there.
    NoPause,
}

/// How large it is, and whether anything goes wrong.
#[derive(Clone, Copy)]
pub(super) struct Setup {
    pub(super) nodes: usize,
    pub(super) tenants: u64,
    pub(super) faults: bool,
    /// Whether etcd is put back to an older state now and then.
    pub(super) backs: bool,
    /// Whether nodes say which of them reach the storage.
    pub(super) reaches: bool,
    /// What a tenant's two mailboxes may hold each, and both together.
    pub(super) limits: (u64, u64),
    /// Messages in a second, through whatever node; none: each node stores what it can.
    pub(super) rate: Option<u64>,
    /// How long a count takes at most.
    pub(super) count: Millis,
    /// As `forget` of [`Pace`](crate::share::Pace).
    pub(super) forget: Millis,
}

/// What has happened.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) granted: u64,
    pub(super) octets: u64,
    pub(super) soon: u64,
    pub(super) takeovers: u64,
    /// Refused for want of room, by a node that judges.
    pub(super) full: u64,
    /// Steps in which two nodes would have granted in the same association.
    pub(super) double: u64,
    /// How long after the last life of its judge was gone a tenant had another one, in milliseconds; what was put off meanwhile.
    pub(super) put_off: u64,
    /// Nodes that ended when they had handed on all.
    pub(super) handed: u64,
    /// How often etcd was put back.
    pub(super) backs: u64,
}
