//! `incident list`: whose incident mode is on.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{IncidentSummary, summary};
use crate::admin::layout::table;
use crate::admin::{AdminCommand, Audience, Executor, Moment, NotDone};

/// `incident list`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListIncidents {}

/// Those that are on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentsListed {
    incidents: Vec<IncidentSummary>,
}

impl AdminCommand for ListIncidents {
    const WORD: &'static str = "incident list";
    const LOOKS: bool = true;
    type Told = IncidentsListed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentsListed, NotDone> {
        Ok(IncidentsListed { incidents: executor.incidents.list(at.now).iter().map(summary).collect() })
    }

    fn print(told: &IncidentsListed) -> String {
        let lines = told.incidents.iter().map(|incident| {
            let minutes = format!("{} min", incident.minutes_left);
            [incident.address.reveal(), minutes, incident.sessions.to_string(), incident.kept.to_string()]
        });
        match table(["ADDRESS", "ENDS IN", "SESSIONS", "STEPS"], lines) {
            none if none.is_empty() => "No incident mode is on.\n".into(),
            table => table,
        }
    }
}
