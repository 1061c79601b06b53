//! Many changes for one step (`nologd sync`), and what became of them.

use serde::{Deserialize, Serialize};

use super::{Limit, Name, OwnLimit};
use crate::private::{Address, Domain, revealed};

/// What is to be. Each list may be empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Batch {
    /// Associations that are made when they are not there, with what they begin with. One without a domain is not made.
    pub associations: Vec<Proposal>,
    /// Where domains belong from now on. Their mailboxes and aliases go with them.
    #[serde(with = "revealed")]
    pub domains: Vec<(Domain, Name)>,
    /// Domains that stand for another.
    #[serde(with = "revealed")]
    pub domain_aliases: Vec<(Domain, Domain)>,
    /// Where aliases lead; to nothing: the alias goes. No sets: one of one takes ten times the room, and there are tens of thousands.
    #[serde(with = "revealed")]
    pub aliases: Vec<(Address, Vec<Address>)>,
    /// Mailboxes and their limits; they are made when they are not there.
    pub mailboxes: Vec<PanelLimit>,
    /// Mailboxes that go.
    #[serde(with = "revealed")]
    pub gone_mailboxes: Vec<Address>,
    /// Domains that go, their own or those that stand for another. No mailbox may be left in them.
    #[serde(with = "revealed")]
    pub gone_domains: Vec<Domain>,
    /// Associations that go. No mailbox may be left in them.
    #[serde(with = "revealed")]
    pub gone_associations: Vec<Name>,
}

/// What an association begins with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Its name.
    #[serde(with = "revealed")]
    pub name: Name,
    /// Where notices go.
    #[serde(default, with = "revealed")]
    pub contact: Option<Address>,
    /// Octets that all share.
    pub storage: Limit,
}

/// A mailbox and what a panel says about its limit. A list of two, because a request is bounded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelLimit(#[serde(with = "revealed")] pub Address, pub OwnLimit);

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Mailboxes that are not taken, for their association has all that it may have.
    pub above: u64,
    /// Mailboxes whose limit was set by hand, and stays.
    pub kept: u64,
    /// Whether anything was written.
    pub written: bool,
    /// What went is out of force, but old files that hold it could not be wiped yet.
    pub residue: bool,
}

impl Batch {
    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.associations.len()
            + self.domains.len()
            + self.domain_aliases.len()
            + self.aliases.len()
            + self.mailboxes.len()
            + self.gone_mailboxes.len()
            + self.gone_domains.len()
            + self.gone_associations.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `more` behind it.
    pub fn extend(&mut self, more: Batch) {
        self.associations.extend(more.associations);
        self.domains.extend(more.domains);
        self.domain_aliases.extend(more.domain_aliases);
        self.aliases.extend(more.aliases);
        self.mailboxes.extend(more.mailboxes);
        self.gone_mailboxes.extend(more.gone_mailboxes);
        self.gone_domains.extend(more.gone_domains);
        self.gone_associations.extend(more.gone_associations);
    }
}
