//! `usage load`: what the backend has in some mailboxes. The command line reads it from doveadm and sends it in batches.

use serde::{Deserialize, Serialize};

use super::move_mailbox::NO_BACKEND;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};
use crate::quota::{Amount, LoadOutcome, Speaker};
use crate::words::given;

/// `usage load`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadUsage {
    mailboxes: MailboxRows,
    /// The backend that they were read from; none where that was not said.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
}

/// What a backend has in some mailboxes. In a request each is a list of three, because a request is bounded.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MailboxRows(Vec<MailboxRow>);

#[derive(Clone, Serialize, Deserialize)]
struct MailboxRow(#[serde(with = "revealed")] Address, u64, u64);

impl MailboxRows {
    pub(super) fn new(rows: Vec<(Address, Amount)>) -> MailboxRows {
        MailboxRows(rows.into_iter().map(|(address, seen)| MailboxRow(address, seen.octets, seen.messages)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each mailbox, and what is in it; of whom something is told that cannot be true, nothing is.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Address, Amount)> {
        let seen = |octets: &u64, messages: &u64| Amount { octets: *octets, messages: *messages };
        let told = self.0.iter().map(move |MailboxRow(address, octets, messages)| (address, seen(octets, messages)));
        told.filter(|(_, seen)| seen.is_possible())
    }
}

/// How many there were.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UsageLoaded {
    /// Mailboxes that the book took.
    pub loaded: u64,
    /// Those of domains that no association has, or above an association's number of mailboxes.
    pub not_in_the_book: u64,
    /// Those that are at another backend than the one that was read, or, where that was not said, than their association.
    #[serde(default)]
    pub elsewhere: u64,
}

impl LoadUsage {
    /// A batch, read from the backend of that name in the config file.
    pub fn new(batch: Vec<(Address, Amount)>, backend: Option<&str>) -> LoadUsage {
        LoadUsage { mailboxes: MailboxRows::new(batch), backend: backend.map(Into::into) }
    }

    /// Each mailbox, and what is in it.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = (&Address, Amount)> {
        self.mailboxes.iter()
    }
}

/// The backend that was asked, by its name; none where that was not said.
///
/// # Errors
/// The config has none of that name.
pub(super) fn speaker<'a>(name: Option<&'a str>, at: &Moment<'_>) -> Result<Option<Speaker<'a>>, NotDone> {
    if name.is_some_and(|name| at.backends.find(Some(name)).is_none()) {
        return Err(NotDone::because(NO_BACKEND));
    }
    Ok(name.map(|name| Speaker { name, is_default: at.backends.is_default(name) }))
}

impl AdminCommand for LoadUsage {
    const WORD: &'static str = "usage load";
    type Told = UsageLoaded;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<UsageLoaded, NotDone> {
        let speaker = speaker(self.backend.as_deref(), at)?;
        let mut told = UsageLoaded { loaded: 0, not_in_the_book: 0, elsewhere: 0 };
        for (address, seen) in self.mailboxes() {
            *match executor.book.load_by(speaker, address, seen, at.today) {
                LoadOutcome::Taken => &mut told.loaded,
                LoadOutcome::Elsewhere => &mut told.elsewhere,
                LoadOutcome::Unknown => &mut told.not_in_the_book,
            } += 1;
        }
        Ok(told)
    }

    /// Nothing: the parts of all batches are added up by the command line.
    fn print(_: &UsageLoaded) -> String {
        String::new()
    }
}
