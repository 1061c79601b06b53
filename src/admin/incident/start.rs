//! `incident start`: whose steps are remembered from now on, and for how long.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::minutes_of;
use crate::admin::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::incident::{LONGEST, Refused, USUAL};
use crate::private::{Address, revealed};
use crate::quota::Standing;

/// `incident start`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartIncident {
    /// The mailbox, as its owner logs in.
    #[serde(with = "revealed")]
    address: Address,
    /// For how long.
    #[arg(long, value_name = "NUMBER", default_value_t = USUAL, value_parser = clap::value_parser!(u64).range(1..=LONGEST))]
    #[serde(deserialize_with = "minutes")]
    minutes: u64,
}

/// It is on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IncidentStarted {
    #[serde(with = "revealed")]
    address: Address,
    minutes_left: u64,
    /// Whether lists show the mailbox. Whose first login fails is in none; nor is what is mistyped.
    listed: bool,
}

fn minutes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let minutes = u64::deserialize(deserializer)?;
    if (1..=LONGEST).contains(&minutes) { Ok(minutes) } else { Err(serde::de::Error::custom("too long")) }
}

impl StartIncident {
    /// When nothing of it is kept any more.
    pub fn length(&self) -> Duration {
        Duration::from_secs(60 * self.minutes)
    }
}

impl AdminCommand for StartIncident {
    const WORD: &'static str = "incident start";
    type Told = IncidentStarted;

    fn audience(&self) -> Audience<'_> {
        Audience::Owner(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    /// Only where the owner can log in, and so will be told.
    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentStarted, NotDone> {
        match executor.book.route(self.address.domain(), at.today).map(|route| route.standing) {
            None => return Err(NotDone::because("No association here has this domain.")),
            Some(Standing::Suspended) => {
                return Err(NotDone::because("The association is suspended: the owner cannot log in, and would not be told."));
            }
            Some(_) => {}
        }
        match executor.incidents.start(self.address.clone(), self.minutes, at.now) {
            Ok(length) => {
                let listed = executor.book.mailbox(&self.address).is_some_and(|view| view.settled.is_some());
                Ok(IncidentStarted { address: self.address.clone(), minutes_left: minutes_of(length), listed })
            }
            Err(Refused::On) => Err(NotDone::because("Incident mode is on already: `incident show`, or `incident stop` first.")),
            Err(Refused::Full) => Err(NotDone::because("Four incidents are on, and there can be no more at once.")),
        }
    }

    fn print(told: &IncidentStarted) -> String {
        let (address, minutes) = (told.address.reveal(), told.minutes_left);
        let doubt = if told.listed { "" } else { "No list has this mailbox yet. See that its address is spelt right.\n" };
        format!(
            "{doubt}{address}: incident mode is on, for {minutes} min.\n\
             The owner is told at every login in IMAP. `nologd incident show {address}` prints the steps; they are gone at the end.\n"
        )
    }
}
