//! An association as the admins set it: everything about it that does not change by itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::state::State;
use super::{AdminError, Day, Limit, SendingLimits};
use crate::fault::Lang;
use crate::private::{Address, Domain, Text, revealed};
use crate::words::nullable;

/// Longest name of an association, in octets.
const NAME_LENGTH: usize = 64;
/// Most grants that one association may have, ended ones included.
const GRANTS: usize = 100;

/// The name of an association: `a-z`, `0-9`, `-`, `_`, `.`; in lower case, at most 64. It is part of keys and commands.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

impl Name {
    /// Reads a name. Capital letters are taken for small ones.
    pub fn parse(text: &str) -> Option<Name> {
        let fits = (1..=NAME_LENGTH).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        (fits && plain).then(|| Name(text.to_ascii_lowercase().into()))
    }

    /// The name's text: for the admin, and for the book's files.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Name, &'static str> {
        Name::parse(text).ok_or("A name has letters, digits, `-`, `_` and `.`, and at most 64 of them.")
    }
}

impl Text for Name {
    fn to_text(&self) -> Cow<'_, str> {
        self.reveal().into()
    }

    fn of_text(text: &str) -> Option<Name> {
        Name::parse(text)
    }
}

/// Which sender addresses a member may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderRule {
    /// The own mailbox and the aliases that lead to it.
    #[default]
    Mailbox,
    /// Any address in the association's domains.
    Domain,
}

words! { SenderRule, "The rules are mailbox and domain.": Mailbox = "mailbox", Domain = "domain" }

/// Extra space that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// How much, in octets.
    pub octets: u64,
    /// The last day on which it counts.
    pub until: Day,
}

/// One side of a loan.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loan {
    /// The other association.
    #[serde(with = "revealed")]
    pub with: Name,
    /// How much, in octets.
    pub octets: u64,
    /// The last day on which it counts.
    pub until: Day,
}

/// A loan as both sides see it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lending {
    /// Who lends.
    #[serde(with = "revealed")]
    pub lender: Name,
    /// Who has it.
    #[serde(with = "revealed")]
    pub borrower: Name,
    /// How much, in octets.
    pub octets: u64,
    /// The last day on which it counts.
    pub until: Day,
}

/// The tenant: owns domains, has limits, a state and a contact. As JSON it is what `--json` shows of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Association {
    /// Never changes.
    #[serde(with = "revealed")]
    pub name: Name,
    /// Everything that is set. It reads as the association's own: `association.storage`.
    pub settings: Settings,
    /// Addresses without a mailbox of their own, and the mailboxes of the same association that they lead to. Not among the settings,
    /// because each has a record of its own: there can be thousands.
    #[serde(with = "revealed")]
    pub aliases: BTreeMap<Address, BTreeSet<Address>>,
    /// Space that others have until a day. Each loan has a record of its own, as the lender's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lent: Vec<Loan>,
    /// Space of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub borrowed: Vec<Loan>,
}

/// What admins set about an association: also its record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// At least one, each of one association only.
    #[serde(with = "revealed")]
    pub domains: BTreeSet<Domain>,
    /// Other domains for the same mailboxes, and which of [`Self::domains`] they stand for.
    #[serde(with = "revealed")]
    pub domain_aliases: BTreeMap<Domain, Domain>,
    /// Octets that all mailboxes share.
    pub storage: Limit,
    /// Messages that all mailboxes share.
    pub messages: Limit,
    /// Number of mailboxes.
    pub mailboxes: Limit,
    /// Octets of a mailbox that has no limit of its own.
    pub mailbox_default: Limit,
    /// What members may do.
    pub state: State,
    /// Where notices about the association go.
    #[serde(with = "revealed")]
    pub contact: Option<Address>,
    /// The language of notices and refusals.
    #[serde(rename = "language")]
    pub lang: Lang,
    /// Which senders members may use.
    pub sender_rule: SenderRule,
    /// How much may be sent.
    pub sending: SendingLimits,
    /// The backend's name in the config file; none for the default one.
    #[serde(deserialize_with = "nullable")]
    pub backend: Option<Box<str>>,
    /// Extra space for a while.
    pub grants: Vec<Grant>,
}

impl Deref for Association {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl DerefMut for Association {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl Association {
    /// An active association without limits, in English.
    pub fn new(name: Name, domains: impl IntoIterator<Item = Domain>) -> Association {
        let settings = Settings {
            domains: domains.into_iter().collect(),
            domain_aliases: BTreeMap::new(),
            storage: Limit::None,
            messages: Limit::None,
            mailboxes: Limit::None,
            mailbox_default: Limit::None,
            state: State::Active,
            contact: None,
            lang: Lang::En,
            sender_rule: SenderRule::Mailbox,
            sending: SendingLimits::default(),
            backend: None,
            grants: Vec::new(),
        };
        Association { name, settings, aliases: BTreeMap::new(), lent: Vec::new(), borrowed: Vec::new() }
    }

    /// The shared storage limit today: with grants and what is borrowed, without what is lent.
    pub fn storage_on(&self, today: Day) -> Limit {
        let granted = self.grants.iter().filter(|grant| today <= grant.until);
        let limit = granted.fold(self.storage, |limit, grant| limit.raised(grant.octets));
        let (lent, borrowed) = self.loans_on(today);
        limit.raised(u64::try_from(borrowed).unwrap_or(u64::MAX)).lowered(lent)
    }

    /// The limit of a mailbox whose own limit is `own`.
    pub fn mailbox_limit(&self, own: Option<Limit>) -> Limit {
        own.unwrap_or(self.mailbox_default)
    }

    /// The address of the mailbox that `address` means, with an alias domain replaced; none when the domain is not here.
    pub fn canonical(&self, address: &Address) -> Option<Address> {
        if self.domains.contains(address.domain()) {
            return Some(address.clone());
        }
        let domain = self.domain_aliases.get(address.domain())?;
        Address::parse(&format!("{}@{}", address.reveal_local(), domain.reveal()))
    }

    /// An address of it, with the domain's text shared by all.
    pub(super) fn shared(&self, address: &Address) -> Address {
        self.domains.get(address.domain()).map_or_else(|| address.clone(), |domain| address.within(domain))
    }

    /// Every domain that finds this association, aliases included.
    pub fn all_domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.iter().chain(self.domain_aliases.keys())
    }

    /// Whether the parts agree with each other.
    pub fn check(&self) -> Result<(), AdminError> {
        if self.domains.is_empty() {
            return Err(AdminError::NoDomain);
        }
        if self.domain_aliases.keys().any(|alias| self.domains.contains(alias)) {
            return Err(AdminError::DomainTaken);
        }
        if self.domain_aliases.values().any(|domain| !self.domains.contains(domain)) {
            return Err(AdminError::NoSuchDomain);
        }
        for (alias, targets) in &self.aliases {
            let here = |address: &Address| self.domains.contains(address.domain());
            // An alias may lead to the mailbox of the same name; to any other alias it may not, so that there are no loops.
            let leads = |target: &Address| target == alias || !self.aliases.contains_key(target);
            if targets.is_empty() || !here(alias) || !targets.iter().all(|target| here(target) && leads(target)) {
                return Err(AdminError::AliasOutside);
            }
        }
        if self.grants.len() > GRANTS { Err(AdminError::TooMany) } else { self.check_loans() }
    }
}
