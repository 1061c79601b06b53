//! `usage load`: what the backend has in some mailboxes. The command line reads it from doveadm and sends it in batches.

use serde::{Deserialize, Serialize};

use super::{AdminCommand, Audience, Declined, Executor, Moment};
use crate::private::{Address, revealed};
use crate::quota::Amount;

/// `usage load`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadUsage {
    mailboxes: Vec<Loading>,
}

// A list of three, because a request is bounded.
#[derive(Clone, Serialize, Deserialize)]
struct Loading(#[serde(with = "revealed")] Address, u64, u64);

/// How many there were.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UsageLoaded {
    /// Mailboxes that the book took.
    pub loaded: u64,
    /// Those of domains that no association has, or above an association's number of mailboxes.
    pub not_in_the_book: u64,
}

impl LoadUsage {
    /// A batch.
    pub fn new(batch: Vec<(Address, Amount)>) -> LoadUsage {
        LoadUsage { mailboxes: batch.into_iter().map(|(address, seen)| Loading(address, seen.octets, seen.messages)).collect() }
    }

    /// Puts it into a book in this way: how many mailboxes that took.
    pub(super) fn load(&self, load: impl Fn(&Address, Amount) -> bool) -> u64 {
        let load = |Loading(address, octets, messages): &&Loading| load(address, Amount { octets: *octets, messages: *messages });
        self.mailboxes.iter().filter(load).count() as u64
    }
}

impl AdminCommand for LoadUsage {
    const WORD: &'static str = "usage load";
    type Told = UsageLoaded;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<UsageLoaded, Declined> {
        let loaded = self.load(|address, seen| executor.book.load(address, seen, at.today));
        Ok(UsageLoaded { loaded, not_in_the_book: self.mailboxes.len() as u64 - loaded })
    }

    /// Nothing: the parts of all batches are added up by the command line.
    fn print(_: &UsageLoaded) -> String {
        String::new()
    }
}
