//! `nologd blocks`: what can be typed. The comments below are the help texts that `--help` prints.

use clap::Subcommand;

use super::arguments::Daemon;
use super::values;
use crate::private::Address;

/// `nologd blocks`.
#[derive(Subcommand)]
pub enum Blocks {
    /// List the accounts that are slowed now, and say how many networks are.
    List(Daemon),
    /// Forget the wrong passwords of an account, or of all accounts and networks: its owner can try again at once, and so can a guesser.
    Lift {
        /// The account, as its owner logs in.
        #[arg(value_parser = values::address, required_unless_present = "all")]
        address: Option<Address>,
        /// Of all accounts and networks.
        #[arg(long, conflicts_with = "address")]
        all: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
}
