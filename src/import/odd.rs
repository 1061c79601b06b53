//! What a panel says that makes no sense: counted by table and reason, never with the words that stood there.

use std::collections::BTreeMap;

/// What follows when one is left out that may have been a mailbox or a domain.
const KEPT: &str = "SYNC-ROWS mailboxes or domains may be among what is left out: nothing is marked missing, moved or removed.";

/// Why a row says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddWhy {
    /// What should be an address is none.
    NoAddress,
    /// What should be a domain is none.
    NoDomain,
    /// It belongs to a row that is not there.
    NoOwner,
    /// The name of an association cannot be made of it.
    NoName,
    /// What should be a limit cannot be read. The row counts, and its limit is as it was.
    NoLimit,
    /// A domain that another account has too. The first one keeps it.
    TwoAccounts,
    /// An alias that leads back to itself.
    Loop,
    /// The line has another form.
    NoForm,
    /// More than one association or one alias can hold.
    TooMuch,
}

impl OddWhy {
    fn text(self) -> &'static str {
        match self {
            OddWhy::NoAddress => "are no addresses, and are left out",
            OddWhy::NoDomain => "are no domains, and are left out",
            OddWhy::NoOwner => "belong to rows that are not there, and are left out",
            OddWhy::NoName => "make no name of an association, and are left out",
            OddWhy::NoLimit => "have a limit that cannot be read: it stays as it is in the book",
            OddWhy::TwoAccounts => "give a domain to a second account: the first one keeps it",
            OddWhy::Loop => "are aliases that lead back to themselves, and are left out",
            OddWhy::TooMuch => "are more than one account or one alias may have, and are left out",
            OddWhy::NoForm => "have another form than the documented one, and are left out",
        }
    }
}

/// How many rows of which table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OddRows {
    rows: BTreeMap<(&'static str, OddWhy), u64>,
    loses: bool,
}

impl OddRows {
    /// One more.
    pub fn add(&mut self, table: &'static str, why: OddWhy) {
        *self.rows.entry((table, why)).or_default() += 1;
    }

    /// One more, and it may have been a mailbox or a domain: what else is not there is not known to be gone.
    pub fn lose(&mut self, table: &'static str, why: OddWhy) {
        self.add(table, why);
        self.loses = true;
    }

    /// Whether a row that may have been a mailbox or a domain is left out.
    pub fn loses(&self) -> bool {
        self.loses
    }

    /// Whether all was understood.
    pub fn is_none(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }

    /// How many of this kind.
    pub fn count(&self, table: &'static str, why: OddWhy) -> u64 {
        self.rows.get(&(table, why)).copied().unwrap_or(0)
    }

    /// One sentence each, and one about what follows.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        let rows = self.rows.iter().map(|((table, why), rows)| format!("SYNC-ROWS {table}: {rows} rows {}.", why.text()));
        rows.chain(self.loses.then(|| KEPT.to_owned()))
    }
}
