//! Why a change by an admin is refused.

use std::fmt;

use crate::store::StoreError;

/// Why an admin's command was refused; then nothing was changed. Holds no text from the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminError {
    /// An alias must lead to mailboxes of its own association, and not to another alias.
    AliasOutside,
    /// The day is over already.
    DayOver,
    /// Mailboxes have that domain.
    DomainInUse,
    /// The domain belongs to another association, or is in the list twice.
    DomainTaken,
    /// An association of that name exists.
    Exists,
    /// A last day without the state that needs it.
    DayAlone,
    /// The association has mailboxes, and the command did not say that they go too.
    HasMailboxes,
    /// The mailbox is the contact of an association.
    IsContact,
    /// An association cannot lend to itself.
    LendsToItself,
    /// It has lent space that it would have no more.
    LentAway,
    /// It is in use there.
    NeedsItself,
    /// Without a limit there is nothing to lend, and nothing to borrow.
    NoLimit,
    /// An association needs at least one domain.
    NoDomain,
    /// A new domain without a dot: mail never comes to one, so it is mistyped.
    NoDot,
    /// There is no association of that name.
    NoSuchAssociation,
    /// No association has that domain.
    NoSuchDomain,
    /// The association has no such alias.
    NoSuchAlias,
    /// No extra space ends on that day.
    NoSuchGrant,
    /// Nothing is lent from the one to the other until that day.
    NoSuchLoan,
    /// The mailbox is not in the book.
    NoSuchMailbox,
    /// The state needs a last day.
    NoLastDay,
    /// The association has another contact.
    NotTheContact,
    /// No letter can reach the contact.
    OutOfReach,
    /// The disk did not do it.
    Store(StoreError),
    /// More grants, domains or mailboxes than there may be.
    TooMany,
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for AdminError {}

impl AdminError {
    /// A sentence for the admin's terminal.
    pub fn text(self) -> &'static str {
        match self {
            AdminError::AliasOutside => "An alias leads to mailboxes of its own association, and not to another alias.",
            AdminError::DayOver => "That day is over already.",
            AdminError::DayAlone => "A last day goes with --state leaving, and with no other state.",
            AdminError::DomainInUse => "There are mailboxes in that domain. Remove them first.",
            AdminError::DomainTaken => "That domain belongs to another association, or was named twice.",
            AdminError::Exists => "An association of that name exists.",
            AdminError::HasMailboxes => "The association has mailboxes. Say --with-mailboxes to forget them too.",
            AdminError::IsContact => "The mailbox is the contact of an association. Set another contact first.",
            AdminError::LendsToItself => "An association lends to another one.",
            AdminError::LentAway => {
                "The association would have lent more than it has of its own until that day. Lend less, or end what it lends (nologd association loans)."
            }
            AdminError::NeedsItself => "The association needs that space itself.",
            AdminError::NoLimit => "Both associations need a limit: without one there is nothing to lend, and nothing to borrow.",
            AdminError::NoDomain => "An association needs at least one domain.",
            AdminError::NoDot => "A domain has a dot in it. Write it like velo.example.",
            AdminError::NoLastDay => "A leaving association needs its last day: --until 2027-03-01.",
            AdminError::NoSuchAssociation => "There is no association of that name.",
            AdminError::NoSuchDomain => "No association has that domain.",
            AdminError::NoSuchAlias => "The association has no such alias.",
            AdminError::NoSuchGrant => "No extra storage ends on that day.",
            AdminError::NoSuchLoan => "Nothing is lent from the one to the other until that day.",
            AdminError::NoSuchMailbox => "There is no such mailbox in the book.",
            AdminError::NotTheContact => "The association has another contact.",
            AdminError::OutOfReach => "A contact is somebody whom mail can reach. Write it like carl@velo.example.",
            AdminError::Store(StoreError::TooLarge) => "That is more than fits into one record.",
            AdminError::Store(StoreError::Uncopied) => {
                "The copy for the other machine could not be kept, so nothing was changed here (nologd node show). If the other machine takes over right now, it may know of it."
            }
            AdminError::Store(StoreError::Outrun) => {
                "Another node has changed the book meanwhile, so nothing was changed. Look at how it stands now, and say it once more. Where it is refused again, `nologd share show` says why."
            }
            AdminError::Store(StoreError::Disputed) => {
                "etcd has other settings than this node, so nothing was changed. `nologd share publish --replace` puts those of this node in their place for all nodes, `nologd share adopt` takes those of etcd."
            }
            AdminError::Store(StoreError::Unshared) => {
                "etcd did not answer, so nothing was changed here (nologd share show). Where the change had reached it, it comes into force when etcd answers: look then."
            }
            AdminError::Store(_) => {
                "The state folder could not be written, so nothing was changed. Make room on its disk, or see why it takes nothing (STORE-UNWRITABLE)."
            }
            AdminError::TooMany => "That is more than there may be.",
        }
    }

    /// Whether the command was wrong (exit code 2), rather than refused (exit code 1).
    pub fn is_wrong_usage(self) -> bool {
        matches!(
            self,
            AdminError::NoDomain
                | AdminError::NoDot
                | AdminError::DayOver
                | AdminError::DayAlone
                | AdminError::NoLastDay
                | AdminError::LendsToItself
                | AdminError::OutOfReach
        )
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        AdminError::Store(error)
    }
}
