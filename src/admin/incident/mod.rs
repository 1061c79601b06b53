//! `incident ...`, and who may be watched.

mod list;
mod show;
mod start;
mod stop;

pub use list::{IncidentsListed, ListIncidents};
pub use show::{IncidentTold, ShowIncident};
pub use start::{IncidentStarted, StartIncident};
pub use stop::{IncidentStopped, StopIncident};

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::NotDone;
use crate::incident::{Incidents, RunningIncident};
use crate::private::{Address, revealed};

/// One mailbox with incident mode on: a row of the list, and what `disclose` tells.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IncidentSummary {
    #[serde(with = "revealed")]
    address: Address,
    pub(crate) minutes_left: u64,
    sessions: u64,
    /// Steps.
    pub(crate) kept: u64,
}

/// For `disclose`: what is held of `address`.
pub(super) fn about(incidents: &Incidents, address: &Address, now: Instant) -> Option<IncidentSummary> {
    incidents.show(address, now).as_ref().map(summary)
}

fn none() -> NotDone {
    NotDone::because("No incident mode is on for this mailbox.")
}

fn summary(shown: &RunningIncident) -> IncidentSummary {
    IncidentSummary {
        address: shown.address.clone(),
        minutes_left: minutes_of(shown.left),
        sessions: shown.sessions.into(),
        kept: shown.steps.len() as u64,
    }
}

fn minutes_of(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}
