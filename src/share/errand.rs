//! What a node asks of its driver, and what it hears.

use super::{Deed, Life, Reach, StoreNumber, Tenant};

/// For the driver to do. Each may fail, come late or go twice. Whatever becomes of a [`Errand::Take`] or [`Errand::Write`], the same transaction reads what
/// stands afterwards, and that is the answer: [`News::Stands`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Take a lease, and put this life under it in place of the one before, if no other one of this node is there.
    Join(Life, Option<Life>),
    /// Say this beside the life, if it is there.
    Say(Life, Reach),
    /// Remove this life: it was another one of this node.
    End(Life),
    /// Keep the lease alive, and then read the life, linearizably: [`News::Confirmed`] or [`News::Lost`].
    Confirm(Life, u64),
    /// Put the deed, if its revision is still this one (0: there is none), the life of whom it is taken from is not there, and our own is.
    Take {
        /// Of which association.
        tenant: Tenant,
        /// As it was seen.
        revision: u64,
        /// Who judged.
        from: Option<Life>,
        /// Who judges now, and what is held back.
        deed: Deed,
    },
    /// Put the deed, if its revision is still this one.
    Write {
        /// Of which association.
        tenant: Tenant,
        /// As it was seen.
        revision: u64,
        /// As it is to be.
        deed: Deed,
    },
    /// Ask the storage what is in it, for this number. The question must begin after this errand was given.
    Count(Tenant, u64),
    /// Give up what is under way into it: connections to the storage are closed.
    Cut(Tenant),
}

/// What has happened. Of one key, in the order of its revisions; an older one does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The life is under its lease: its key came by this revision.
    Joined(Life, u64),
    /// From now on nothing may be judged here, or it may again ([`Accord`](super::Accord)).
    Barred(bool),
    /// etcd is not what it was: nothing that was seen in it is so any more.
    Forget,
    /// The life was there, and came by this revision. The answer to the question of this number.
    Confirmed(Life, u64, u64),
    /// The life is gone.
    Lost(Life),
    /// A life was seen, of any node.
    Came(Life),
    /// A life was seen to be gone.
    Went(Life),
    /// This stands beside a life, of any node.
    Says(Life, Reach),
    /// Which storage has an association; 0 before that is told.
    StoredAt(Tenant, StoreNumber),
    /// There is such an association, with so many octets (none: without a limit).
    Exists(Tenant, Option<u64>),
    /// Its deed as it stands; none where it cannot be read.
    Stands(Tenant, u64, Option<Deed>),
    /// What the storage holds, asked for this number: the book has it, and what it granted meanwhile besides.
    Counted(Tenant, u64),
    /// All that [`Errand::Cut`] named so far has been given up: of lives of before nothing is under way.
    Quiet,
}
