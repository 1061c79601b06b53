//! `nologd incident`: what can be typed. The comments below are the help texts that `--help` prints.

use clap::Subcommand;

use super::arguments::{Daemon, OneMailbox};
use super::values;
use crate::incident::{LONGEST, USUAL};
use crate::private::Address;

/// `nologd incident`.
#[derive(Subcommand)]
pub enum Incident {
    /// Begin to watch. It ends by itself.
    Start {
        /// The mailbox, as its owner logs in.
        #[arg(value_parser = values::address)]
        address: Address,
        /// For how long.
        #[arg(long, value_name = "NUMBER", default_value_t = USUAL, value_parser = clap::value_parser!(u64).range(1..=LONGEST))]
        minutes: u64,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Print the steps so far.
    Show(OneMailbox),
    /// End it, and forget its steps.
    Stop(OneMailbox),
    /// List those that are on.
    List(Daemon),
}
