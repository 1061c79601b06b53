//! What `nologd share count` says: which associations are to be counted, and what the storage holds.

use serde::{Deserialize, Serialize};

use super::share::desk;
use super::usage::MailboxRows;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::Address;
use crate::quota::{Amount, StorageRows};
use crate::words::nullable;

/// `share begin-count`: the storage is asked from now on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginCount {}

/// What is to be counted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundBegun {
    /// The round; none where nothing is to be counted.
    #[serde(deserialize_with = "nullable")]
    pub round: Option<u64>,
}

/// `share counted`: what the storage told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TellCount {
    round: u64,
    mailboxes: MailboxRows,
    /// Mailboxes that hold this at least: not all of them could be read.
    #[serde(default, skip_serializing_if = "MailboxRows::is_empty")]
    unsure: MailboxRows,
    /// Present with the last part: whether all could be told.
    #[serde(deserialize_with = "nullable")]
    whole: Option<bool>,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountTaken {
    /// Associations that are judged from now on; 0 before the last part.
    pub associations: u64,
}

/// Another round began, or nobody told anything for long.
pub(super) const COUNT_IS_OVER: &str = "That count is over: begin another one.";

impl TellCount {
    /// A part of a round.
    pub fn new(round: u64, part: Vec<(Address, Amount)>) -> TellCount {
        TellCount { round, mailboxes: MailboxRows::new(part), unsure: MailboxRows::default(), whole: None }
    }

    /// With mailboxes of which not all could be told.
    pub fn with_unsure(self, unsure: Vec<(Address, Amount)>) -> TellCount {
        TellCount { unsure: MailboxRows::new(unsure), ..self }
    }

    /// The last part.
    pub fn at_the_end(self, whole: bool) -> TellCount {
        TellCount { whole: Some(whole), ..self }
    }
}

impl AdminCommand for BeginCount {
    const WORD: &'static str = "share begin-count";
    type Told = RoundBegun;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<RoundBegun, NotDone> {
        Ok(RoundBegun { round: desk(executor)?.begin_round() })
    }

    fn print(_: &RoundBegun) -> String {
        String::new()
    }
}

impl AdminCommand for TellCount {
    const WORD: &'static str = "share counted";
    type Told = CountTaken;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<CountTaken, NotDone> {
        let desk = desk(executor)?;
        let told = |rows: &MailboxRows| rows.iter().map(|(address, seen)| (address.clone(), seen)).collect();
        let rows = StorageRows { sure: told(&self.mailboxes), unsure: told(&self.unsure) };
        if !desk.take_rows(self.round, rows) {
            return Err(NotDone::because(COUNT_IS_OVER));
        }
        let associations = self.whole.map_or(0, |whole| desk.end_round(&executor.book, self.round, whole, at.today));
        Ok(CountTaken { associations })
    }

    fn print(_: &CountTaken) -> String {
        String::new()
    }
}
