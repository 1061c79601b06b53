//! What is told of an association: its settings, and how full it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::layout::fill;
use crate::private::{Address, Domain, revealed};
use crate::quota::{Amount, Association, AssociationView, Limit, Loan, Name, Settings};
use crate::words::nullable;

/// An association with its numbers. They are the settled ones: a look never tells an act (docs/side-information.md).
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationShown {
    #[serde(with = "revealed")]
    pub(crate) name: Name,
    pub(crate) settings: Settings,
    // In their order, and not in a set: a set of one takes ten times the room, and there are tens of thousands.
    #[serde(with = "revealed")]
    pub(super) aliases: BTreeMap<Address, Vec<Address>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lent: Vec<Loan>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) borrowed: Vec<Loan>,
    pub(crate) fill: FillShown,
}

/// How full it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillShown {
    /// The limit today, grants included.
    pub(crate) storage: Limit,
    pub(crate) octets: u64,
    pub(crate) messages: u64,
    /// By octets or by messages, whichever is more; none without limits.
    #[serde(deserialize_with = "nullable")]
    pub(crate) percent: Option<u64>,
    /// Always none: it would tell who is sending right now.
    #[serde(deserialize_with = "nullable")]
    reserved: Option<Amount>,
    pub(crate) mailboxes: u64,
}

impl AssociationShown {
    /// Of `view`, with its settled numbers.
    pub(super) fn of(view: AssociationView) -> AssociationShown {
        let fill = FillShown::of(&view);
        let Association { name, settings, aliases, lent, borrowed } = view.association;
        let aliases = aliases.into_iter().map(|(alias, targets)| (alias, targets.into_iter().collect())).collect();
        AssociationShown { name, settings, aliases, lent, borrowed, fill }
    }

    /// Aliases included.
    pub(crate) fn all_domains(&self) -> impl Iterator<Item = &Domain> {
        self.settings.domains.iter().chain(self.settings.domain_aliases.keys())
    }
}

impl FillShown {
    /// The settled numbers of `view`.
    pub(super) fn of(view: &AssociationView) -> FillShown {
        let (storage, messages, used) = (view.storage, view.association.messages, view.settled);
        let full = storage.percent(used.octets.into()).max(messages.percent(used.messages.into()));
        let limited = storage != Limit::None || messages != Limit::None;
        FillShown {
            storage,
            octets: used.octets,
            messages: used.messages,
            percent: limited.then(|| u64::try_from(full).unwrap_or(u64::MAX)),
            reserved: None,
            mailboxes: view.settled_mailboxes,
        }
    }

    /// By octets alone, rounded down; none without a limit of them.
    pub(crate) fn percent_of_octets(&self) -> Option<u64> {
        (self.storage != Limit::None).then(|| u64::try_from(self.storage.percent(self.octets.into())).unwrap_or(u64::MAX))
    }

    /// By messages, rounded down, where they are what is fullest.
    pub(crate) fn percent_of_messages(&self) -> Option<u64> {
        self.percent.filter(|percent| self.percent_of_octets().is_none_or(|octets| octets < *percent))
    }

    /// The space in use.
    pub(super) fn print(&self) -> String {
        fill(self.octets, self.storage)
    }
}
