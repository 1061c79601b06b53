//! `incident ...`, and who may be watched.

use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::layout::table;
use super::{AdminCommand, Audience, Declined, Executor, Moment};
use crate::fault::{RefusalCode, Side};
use crate::incident::{Incidents, LONGEST, Refused, Response, Shown, Status, Step, USUAL, What};
use crate::private::{Address, revealed};
use crate::quota::Standing;
use crate::words::given;

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
    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentStarted, Declined> {
        match executor.book.route(self.address.domain(), at.today).map(|route| route.standing) {
            None => return Err(Declined::because("No association here has this domain.")),
            Some(Standing::Suspended) => {
                return Err(Declined::because("The association is suspended: the owner cannot log in, and would not be told."));
            }
            Some(_) => {}
        }
        match executor.incidents.start(self.address.clone(), self.minutes, at.now) {
            Ok(length) => {
                let listed = executor.book.mailbox(&self.address).is_some_and(|view| view.settled.is_some());
                Ok(IncidentStarted { address: self.address.clone(), minutes_left: minutes_of(length), listed })
            }
            Err(Refused::On) => Err(Declined::because("Incident mode is on already: `incident show`, or `incident stop` first.")),
            Err(Refused::Full) => Err(Declined::because("Four incidents are on, and there can be no more at once.")),
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

/// `incident show`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowIncident {
    /// The mailbox.
    #[serde(with = "revealed")]
    address: Address,
}

/// Its steps.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IncidentTold {
    #[serde(with = "revealed")]
    address: Address,
    minutes_left: u64,
    sessions: u64,
    kept: u64,
    /// Steps that found no room.
    dropped: u64,
    steps: Vec<StepTold>,
}

/// One step. Its words are of closed lists (`crate::incident`).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepTold {
    ms: u64,
    session: u64,
    side: String,
    protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<Answered>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    response: Option<Option<String>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    code: Option<Option<String>>,
}

/// A reply code of SMTP, or a word of IMAP.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Answered {
    Reply(u64),
    Word(String),
}

impl AdminCommand for ShowIncident {
    const WORD: &'static str = "incident show";
    const LOOKS: bool = true;
    type Told = IncidentTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Owner(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentTold, Declined> {
        let shown = executor.incidents.show(&self.address, at.now).ok_or_else(none)?;
        let IncidentSummary { address, minutes_left, sessions, kept } = summary(&shown);
        let (dropped, steps) = (shown.dropped, shown.steps.iter().map(step).collect());
        Ok(IncidentTold { address, minutes_left, sessions, kept, dropped, steps })
    }

    fn print(told: &IncidentTold) -> String {
        let (steps, sessions, left) = (told.kept, told.sessions, told.minutes_left);
        let mut text = format!("{}: {steps} steps in {sessions} sessions; ends within {left} min\n", told.address.reveal());
        if told.dropped > 0 {
            text.push_str(&format!("{} older steps found no room.\n", told.dropped));
        }
        let lines = told.steps.iter().map(|step| {
            let seconds = format!("{:>3}.{:03}", step.ms / 1000, step.ms % 1000);
            [seconds, step.session.to_string(), step.side.clone(), step.protocol.clone(), what(step)]
        });
        text + &table(["SECONDS", "SESSION", "WHO", "PROTOCOL", "WHAT"], lines)
    }
}

fn what(step: &StepTold) -> String {
    if let Some(verb) = &step.asked {
        return verb.clone();
    }
    let mut told = match &step.answered {
        Some(Answered::Reply(number)) => number.to_string(),
        Some(Answered::Word(word)) => word.clone(),
        None => String::new(),
    };
    if let Some(Some(response)) = &step.response {
        told.push_str(&format!(" [{response}]"));
    }
    if let Some(Some(code)) = &step.code {
        told.push_str(&format!(" ({code})"));
    }
    // Answers stand a little to the right of commands.
    format!("  {told}")
}

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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentStopped, Declined> {
        let stopped = executor.incidents.stop(&self.address, at.now);
        if stopped { Ok(IncidentStopped { address: self.address.clone() }) } else { Err(none()) }
    }

    fn print(told: &IncidentStopped) -> String {
        format!("{}: incident mode is over. Its steps are gone.\n", told.address.reveal())
    }
}

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

/// One of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IncidentSummary {
    #[serde(with = "revealed")]
    address: Address,
    pub(super) minutes_left: u64,
    sessions: u64,
    /// Steps.
    pub(super) kept: u64,
}

impl AdminCommand for ListIncidents {
    const WORD: &'static str = "incident list";
    const LOOKS: bool = true;
    type Told = IncidentsListed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentsListed, Declined> {
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

/// For `disclose`: what is held of `address`.
pub(super) fn about(incidents: &Incidents, address: &Address, now: Instant) -> Option<IncidentSummary> {
    incidents.show(address, now).as_ref().map(summary)
}

fn none() -> Declined {
    Declined::because("No incident mode is on for this mailbox.")
}

fn summary(shown: &Shown) -> IncidentSummary {
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

fn step(step: &Step) -> StepTold {
    let side = match step.side {
        Side::Client => "client",
        Side::Backend => "backend",
        Side::Store | Side::Us => "nologd",
    };
    let mut told = StepTold {
        ms: step.at.into(),
        session: step.session.into(),
        side: side.into(),
        protocol: step.protocol.word().into(),
        asked: None,
        answered: None,
        response: None,
        code: None,
    };
    match step.what {
        What::Asked(verb) => told.asked = Some(verb.word().into()),
        What::Answered(answer) => {
            told.answered = Some(match answer.status {
                Status::Reply(number) => Answered::Reply(number.into()),
                status => Answered::Word(word(status).into()),
            });
            told.response = Some(answer.response.map(Response::word).map(Into::into));
            told.code = Some(answer.code.map(RefusalCode::word).map(Into::into));
        }
    }
    told
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "OK",
        Status::No => "NO",
        Status::Bad => "BAD",
        Status::Bye => "BYE",
        Status::Preauth => "PREAUTH",
        Status::GoOn => "+",
        Status::Reply(_) | Status::Other => "Other",
    }
}
