//! `blocks ...`: which accounts are slowed now because of wrong passwords, and making that end.
//!
//! Limits know pseudonyms only. The names come from the book, each looked up among them: what strangers typed as a name is nowhere,
//! and is told as a number. Networks are a number, always.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};

/// `blocks list`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListBlocks {}

/// What is slowed now.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocksListed {
    #[serde(with = "revealed")]
    accounts: Vec<Address>,
    /// Names that are no mailbox here.
    others: u64,
    networks: u64,
}

impl AdminCommand for ListBlocks {
    const WORD: &'static str = "blocks list";
    const LOOKS: bool = true;
    type Told = BlocksListed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<BlocksListed, NotDone> {
        let (limits, book) = (&executor.limits, &executor.book);
        let slowed = limits.slowed();
        let mailboxes = if slowed.accounts() == 0 { Vec::new() } else { book.addresses(None)? };
        let mut accounts: Vec<_> = mailboxes.iter().map(|address| book.mailbox_of(address)).collect();
        accounts.retain(|account| limits.is_slowed(&slowed, &account.reveal()));
        accounts.sort_by_key(Address::reveal);
        accounts.dedup();
        let others = slowed.accounts().saturating_sub(accounts.len()) as u64;
        Ok(BlocksListed { accounts, others, networks: slowed.networks as u64 })
    }

    fn print(told: &BlocksListed) -> String {
        let mut text: String = told.accounts.iter().map(|account| format!("{}\n", account.reveal())).collect();
        if told.others > 0 {
            text.push_str(&format!("{} more names that are no mailbox here\n", told.others));
        }
        if text.is_empty() {
            text.push_str("No account is slowed.\n");
        }
        match told.networks {
            0 => text.push_str("No network is slowed.\n"),
            1 => text.push_str("1 network is slowed.\n"),
            networks => text.push_str(&format!("{networks} networks are slowed.\n")),
        }
        text
    }
}

/// `blocks lift`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftBlocks {
    /// The account, as its owner logs in.
    #[arg(required_unless_present = "all")]
    #[serde(default, with = "revealed")]
    pub(super) address: Option<Address>,
    /// Of all accounts and networks.
    #[arg(long, conflicts_with = "address")]
    #[serde(default)]
    pub(super) all: bool,
}

/// Whose wrong passwords were forgotten; none for everybody's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifted {
    #[serde(with = "revealed")]
    pub(super) address: Option<Address>,
}

impl AdminCommand for LiftBlocks {
    const WORD: &'static str = "blocks lift";
    type Told = Lifted;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        self.address.as_ref().map(Address::reveal)
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<Lifted, NotDone> {
        let account = self.address.as_ref().map(|account| executor.book.mailbox_of(account));
        match (&account, self.all) {
            // Everything is lifted only when that is said: a forgotten address is not enough.
            (None, false) | (Some(_), true) => return Err(NotDone::wrong("address")),
            (Some(account), false) if !executor.limits.about(&account.reveal()).1 => {
                return Err(NotDone::because("This account is not slowed now."));
            }
            (Some(_), false) | (None, true) => {}
        }
        executor.limits.lift(account.as_ref().map(Address::reveal).as_deref());
        Ok(Lifted { address: account })
    }

    fn print(told: &Lifted) -> String {
        match &told.address {
            Some(address) => format!("{}: wrong passwords are forgotten; it can be tried again.\n", address.reveal()),
            None => "All wrong passwords are forgotten.\n".into(),
        }
    }
}

/// What the limits remember about logins.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tries {
    pub(crate) known_networks: u64,
    pub(crate) slowed: bool,
}

/// For `disclose`.
pub(super) fn about(executor: &Executor, address: &Address) -> Tries {
    let (known, slowed) = executor.limits.about(&executor.book.mailbox_of(address).reveal());
    Tries { known_networks: known as u64, slowed }
}
