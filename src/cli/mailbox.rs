//! `nologd mailbox`: what can be typed. The comments below are the help texts that `--help` prints.

use clap::Subcommand;

use super::arguments::{Daemon, OneMailbox};
use super::values::{self, Own};
use crate::private::Address;
use crate::quota::{Kind, Name};

/// `nologd mailbox`.
#[derive(Subcommand)]
pub enum Mailbox {
    /// List the mailboxes that the book knows, with used space.
    List {
        /// Only those of one association.
        #[arg(long, value_name = "NAME", value_parser = values::name)]
        association: Option<Name>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Give a mailbox a limit of its own, or say who writes with it.
    Set {
        /// The mailbox.
        #[arg(value_parser = values::address)]
        address: Address,
        /// Its space, like 2G; `none` for no limit; `default` for the association's default again.
        #[arg(
            long, value_name = "SIZE", value_parser = values::own, allow_hyphen_values = true, required_unless_present = "kind"
        )]
        storage: Option<Own>,
        /// person; machine: a program of the association that sends by itself. Header fields that no rule of the policy names are
        /// dropped from what persons send, and stay in what machines send: other programs read them.
        #[arg(long, value_name = "person|machine", value_parser = values::kind)]
        kind: Option<Kind>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take a mailbox out of the book, and its bytes out of the files. Mail in the mail server is not touched.
    Remove(OneMailbox),
    /// End a person's open sessions. The mail program may log in again at once.
    Kick(OneMailbox),
    /// Count a mailbox anew. The daemon keeps no password, so this happens at the mailbox's next login.
    Refresh(OneMailbox),
}
