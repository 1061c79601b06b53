//! What is told of a mailbox: its settings, and how full it is.

use serde::{Deserialize, Serialize};

use super::layout::{ShownRow, size_limit};
use crate::private::{Address, revealed};
use crate::quota::{Amount, Kind, Limit, LimitBy, MailboxPlace, MailboxView, Name, OwnLang, OwnLimit, SendingSwitch};
use crate::words::nullable;

/// A mailbox with its numbers.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MailboxShown {
    #[serde(with = "revealed")]
    pub(crate) address: Address,
    #[serde(with = "revealed")]
    pub(crate) association: Name,
    /// The limit that holds.
    pub(crate) storage: Limit,
    /// Whether it is the mailbox's own; else it is the association's default.
    pub(crate) own_limit: bool,
    /// Who set it, where a panel ever did.
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    pub(crate) limit_by: Option<LimitBy>,
    pub(crate) kind: Kind,
    /// Of its own notices. None where it is not told: it is the owner's own choice, and that it changed would tell that somebody logged in.
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<OwnLang>,
    pub(crate) sending: SendingSwitch,
    /// Where it is; none for its association's backend.
    #[serde(default, deserialize_with = "crate::words::given", skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<MailboxPlace>,
    pub(crate) octets: u64,
    pub(crate) messages: u64,
    /// Rounded down; none without a limit.
    #[serde(deserialize_with = "nullable")]
    pub(crate) percent: Option<u64>,
    /// What is being stored at this moment; only the owner is told.
    #[serde(deserialize_with = "nullable")]
    pub(crate) reserved: Option<Amount>,
    /// Whether the numbers are sure; only the owner is told, for it says that somebody logged in.
    #[serde(deserialize_with = "nullable")]
    pub(crate) counted: Option<bool>,
}

impl MailboxShown {
    fn of(view: &MailboxView, used: Amount) -> MailboxShown {
        let percent = match view.limit {
            Limit::None => None,
            Limit::At(_) => Some(u64::try_from(view.limit.percent(used.octets.into())).unwrap_or(u64::MAX)),
        };
        MailboxShown {
            address: view.address.clone(),
            association: view.association.clone(),
            storage: view.limit,
            own_limit: view.own.storage.is_some(),
            limit_by: view.own.limit_by,
            kind: view.own.kind,
            language: None,
            sending: view.own.sending,
            place: view.own.place.clone(),
            octets: used.octets,
            messages: used.messages,
            percent,
            reserved: None,
            counted: None,
        }
    }

    /// The settled numbers, and nothing that its owner chose: a look never tells an act (docs/side-information.md).
    pub(super) fn settled(view: &MailboxView) -> MailboxShown {
        MailboxShown::of(view, view.settled.unwrap_or_default())
    }

    /// The numbers of this moment and the language, for the owner.
    pub(super) fn exact(view: &MailboxView) -> MailboxShown {
        let (reserved, counted, language) = (Some(view.reserved), Some(view.seen), Some(OwnLang::of(view.own.lang)));
        MailboxShown { reserved, counted, language, ..MailboxShown::of(view, view.used) }
    }

    /// The settings, always the same rows.
    pub(super) fn settings(&self) -> Vec<ShownRow> {
        let origin = if self.own_limit { "own limit" } else { "the association's default" };
        let by_whom = match self.limit_by {
            None => "",
            Some(LimitBy::Panel) => ", by the panel",
            Some(LimitBy::Hand) => ", by hand, whatever the panel says",
        };
        let by = match self.kind {
            Kind::Person => "a person",
            Kind::Machine => "a machine",
        };
        let language = match self.language {
            None => "told to the owner only",
            Some(OwnLang::Default) => "the association's",
            Some(chosen) => chosen.word(),
        };
        vec![
            ("association", self.association.reveal().into()),
            ("storage", format!("{} ({origin}{by_whom})", size_limit(self.storage))),
            ("used by", by.into()),
            ("sending", self.sending.word().into()),
            ("backend", self.place.as_ref().map_or("the association's", MailboxPlace::word).into()),
            ("language", language.into()),
        ]
    }

    /// Where it is, what its own limit is, and who set that.
    pub fn into_limit(self) -> (Address, Name, OwnLimit, Option<LimitBy>) {
        let own = if self.own_limit { OwnLimit::Own(self.storage) } else { OwnLimit::Default };
        (self.address, self.association, own, self.limit_by)
    }
}
