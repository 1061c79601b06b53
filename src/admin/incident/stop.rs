//! `incident stop`: it is over, and its steps are gone.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::none;
use crate::admin::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};

/// `incident stop`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopIncident {
    /// The mailbox.
    #[serde(with = "revealed")]
    address: Address,
}

/// It is over.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentStopped {
    #[serde(with = "revealed")]
    address: Address,
}

impl AdminCommand for StopIncident {
    const WORD: &'static str = "incident stop";
    type Told = IncidentStopped;

    fn audience(&self) -> Audience<'_> {
        Audience::Owner(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentStopped, NotDone> {
        let stopped = executor.incidents.stop(&self.address, at.now);
        if stopped { Ok(IncidentStopped { address: self.address.clone() }) } else { Err(none()) }
    }

    fn print(told: &IncidentStopped) -> String {
        format!("{}: incident mode is over. Its steps are gone.\n", told.address.reveal())
    }
}
