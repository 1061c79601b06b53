//! `association grant`: space that ends by itself.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::association_rows::{print_change, size};
use super::changed::Changed;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::revealed;
use crate::quota::{Association, Day, Grant, Name};

/// `association grant`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    pub(crate) name: Name,
    /// How much, like 2G or 500M; 0 takes back what was granted until that day.
    #[arg(value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    pub(crate) size: u64,
    /// The last day on which it counts, like 2027-03-01 (UTC).
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Day,
}

impl AdminCommand for GrantAssociation {
    const WORD: &'static str = "association grant";
    type Told = Changed<Association>;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Changed<Association>, NotDone> {
        let grant = Grant { octets: self.size, until: self.until };
        Ok(Changed::of(executor.book.grant(&self.name, grant, at.today)?, |association| association))
    }

    fn print(told: &Changed<Association>) -> String {
        print_change(told)
    }
}
