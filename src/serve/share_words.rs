//! The words in which nodes ask each other, and answer (docs/many-nodes.md). How they go from one to the other is in `share_talk`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::kick::EndedPages;
use crate::node::Millis;
use crate::private::{Address, revealed};
use crate::quota::{JudgedNumbers, SpentSending};
use crate::share::Tenant;

/// What one node asks another.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum NodeQuestion {
    /// What is known of the associations that the other one judges, but of those that were told as these digests already: [`JudgedTold`].
    Judged(Vec<(u64, u64)>),
    /// What is known of this association, whoever judges it: [`JudgedNumbers`], or none.
    Kept(Tenant),
    /// Whether this member may send one message to so many recipients: [`SendingTold`].
    Send(#[serde(with = "revealed")] Address, u64),
    /// Whoever is logged in as this one is not any more: [`KickTold`].
    Kick(#[serde(with = "revealed")] Address),
    /// What is spent of sending limits, in associations that the other one judges, or in this one, whoever judges it: [`SpentSending`] by association.
    Spent(Option<Tenant>),
    /// The node of this name ends, and this is spent in what it judged.
    Left(String, Vec<(Tenant, SpentSending)>),
    /// There is something new to ask [`NodeQuestion::Judged`] for.
    Stirred,
    /// These mailboxes were removed: whether all are forgotten.
    Forget(#[serde(with = "revealed")] Vec<Address>),
}

/// To [`NodeQuestion::Judged`]: each association that this node judges; none for one whose digest was known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgedTold {
    pub(super) associations: Vec<(Tenant, u64, Option<JudgedNumbers>)>,
}

/// To [`NodeQuestion::Send`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SendingTold {
    /// It was counted.
    Counted,
    /// A limit is reached.
    Reached,
    /// This node does not judge it either.
    NotHere,
}

/// To [`NodeQuestion::Kick`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KickTold {
    pub(super) sessions: u64,
    pub(super) pages: EndedPages,
}

/// What was heard of an association last: from whom, when, and in which words.
pub(super) struct Hearsay {
    pub(super) node: String,
    pub(super) at: Millis,
    pub(super) digest: u64,
}

/// By association.
pub(super) type Hearsays = BTreeMap<Tenant, Hearsay>;
