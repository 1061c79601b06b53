//! What an admin may change about an association, and why not.

use std::collections::BTreeSet;

use super::{Association, Day, Grant, Limit, SenderRule, SendingLimits, State};
use crate::fault::Lang;
use crate::private::{Address, Domain};
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
    /// The association has mailboxes, and the command did not say that they go too.
    HasMailboxes,
    /// The mailbox is the contact of an association.
    IsContact,
    /// An association needs at least one domain.
    NoDomain,
    /// There is no association of that name.
    NoSuchAssociation,
    /// No association has that domain.
    NoSuchDomain,
    /// The mailbox (or the alias) is not in the book.
    NoSuchMailbox,
    /// The disk did not do it.
    Store(StoreError),
    /// More grants, domains or mailboxes than there may be.
    TooMany,
}

impl AdminError {
    /// A sentence for the admin's terminal.
    pub fn text(self) -> &'static str {
        match self {
            AdminError::AliasOutside => "An alias leads to mailboxes of its own association, and not to another alias.",
            AdminError::DayOver => "That day is over already.",
            AdminError::DomainInUse => "There are mailboxes in that domain. Remove them first.",
            AdminError::DomainTaken => "That domain belongs to another association, or was named twice.",
            AdminError::Exists => "An association of that name exists.",
            AdminError::HasMailboxes => "The association has mailboxes. Say --with-mailboxes to forget them too.",
            AdminError::IsContact => "The mailbox is the contact of an association. Set another contact first.",
            AdminError::NoDomain => "An association needs at least one domain.",
            AdminError::NoSuchAssociation => "There is no association of that name.",
            AdminError::NoSuchDomain => "No association has that domain.",
            AdminError::NoSuchMailbox => "There is no such mailbox in the book.",
            AdminError::Store(StoreError::TooLarge) => "That is more than fits into one record.",
            AdminError::Store(_) => {
                "The state folder could not be written, so nothing was changed. Make room on its disk, or see why it takes nothing (STORE-UNWRITABLE)."
            }
            AdminError::TooMany => "That is more than there may be.",
        }
    }

    /// Whether the command was wrong (exit code 2), rather than refused (exit code 1).
    pub fn is_wrong_usage(self) -> bool {
        matches!(self, AdminError::NoDomain | AdminError::DayOver)
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        AdminError::Store(error)
    }
}

/// Changes to an association. `None`, or an empty list, leaves things as they are.
#[derive(Clone, Default)]
pub struct Edit {
    /// Octets that all share.
    pub storage: Option<Limit>,
    /// Messages that all share.
    pub messages: Option<Limit>,
    /// Number of mailboxes.
    pub mailboxes: Option<Limit>,
    /// Octets of a mailbox without a limit of its own.
    pub mailbox_default: Option<Limit>,
    /// What members may do.
    pub state: Option<State>,
    /// `Some(None)` removes the contact.
    pub contact: Option<Option<Address>>,
    /// The language of notices.
    pub lang: Option<Lang>,
    /// Which senders members may use.
    pub sender_rule: Option<SenderRule>,
    /// All sending limits at once.
    pub sending: Option<SendingLimits>,
    /// `Some(None)` goes back to the default backend.
    pub backend: Option<Option<Box<str>>>,
    /// New domains of its own.
    pub add_domains: Vec<Domain>,
    /// Domains and alias domains.
    pub remove_domains: Vec<Domain>,
    /// The alias, and the domain that it stands for.
    pub add_domain_aliases: Vec<(Domain, Domain)>,
    /// The alias, and where it leads; nowhere removes it.
    pub set_aliases: Vec<(Address, BTreeSet<Address>)>,
    /// Extra space for a while.
    pub add_grant: Option<Grant>,
}

impl Edit {
    /// The association with the changes, checked within itself. Grants that ended before `today` go.
    pub(super) fn apply(&self, was: &Association, today: Day) -> Result<Association, AdminError> {
        let mut now = was.clone();
        set(&mut now.storage, &self.storage);
        set(&mut now.messages, &self.messages);
        set(&mut now.mailboxes, &self.mailboxes);
        set(&mut now.mailbox_default, &self.mailbox_default);
        set(&mut now.state, &self.state);
        set(&mut now.contact, &self.contact);
        set(&mut now.lang, &self.lang);
        set(&mut now.sender_rule, &self.sender_rule);
        set(&mut now.sending, &self.sending);
        set(&mut now.backend, &self.backend);
        self.apply_domains(&mut now)?;
        for (alias, targets) in &self.set_aliases {
            let missing = now.aliases.remove(alias).is_none();
            if !targets.is_empty() {
                now.aliases.insert(alias.clone(), targets.clone());
            } else if missing {
                return Err(AdminError::NoSuchMailbox);
            }
        }
        now.grants.retain(|grant| today <= grant.until);
        now.grants.extend(self.add_grant);
        let last_days = now.grants.iter().map(|grant| grant.until);
        let leaving = match self.state {
            Some(State::LeavingUntil(day)) => Some(day),
            _ => None,
        };
        if last_days.chain(leaving).any(|day| day < today) {
            return Err(AdminError::DayOver);
        }
        now.check()?;
        Ok(now)
    }

    fn apply_domains(&self, now: &mut Association) -> Result<(), AdminError> {
        for domain in &self.remove_domains {
            if !now.domains.remove(domain) && now.domain_aliases.remove(domain).is_none() {
                return Err(AdminError::NoSuchDomain);
            }
        }
        for domain in &self.add_domains {
            if !now.domains.insert(domain.clone()) {
                return Err(AdminError::DomainTaken);
            }
        }
        // The other spelling of a domain is the domain: nothing is to be added.
        for (alias, domain) in self.add_domain_aliases.iter().filter(|(alias, domain)| alias != domain) {
            now.domain_aliases.insert(alias.clone(), domain.clone());
        }
        Ok(())
    }
}

fn set<T: Clone>(target: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        *target = value.clone();
    }
}
