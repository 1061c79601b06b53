//! `incident show`: the steps that are remembered of a mailbox.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{IncidentSummary, none, summary};
use crate::admin::layout::table;
use crate::admin::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::fault::{RefusalCode, Side};
use crate::incident::{AnswerStatus, IncidentStep, StepContent, StepWord};
use crate::private::{Address, revealed};
use crate::words::given;

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

/// One step. Its words are of our own text (`crate::incident`).
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<IncidentTold, NotDone> {
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

fn step(step: &IncidentStep) -> StepTold {
    let side = match step.side {
        Side::Client => "client",
        Side::Backend => "backend",
        Side::Us => "nologd",
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
        StepContent::Asked(verb) => told.asked = Some(verb.word().into()),
        StepContent::Answered(answer) => {
            told.answered = Some(match answer.status {
                AnswerStatus::Reply(number) => Answered::Reply(number.into()),
                status => Answered::Word(word(status).into()),
            });
            told.response = Some(answer.response.map(StepWord::word).map(Into::into));
            told.code = Some(answer.code.map(RefusalCode::word).map(Into::into));
        }
    }
    told
}

fn word(status: AnswerStatus) -> &'static str {
    match status {
        AnswerStatus::Ok => "OK",
        AnswerStatus::No => "NO",
        AnswerStatus::Bad => "BAD",
        AnswerStatus::Bye => "BYE",
        AnswerStatus::Preauth => "PREAUTH",
        AnswerStatus::GoOn => "+",
        AnswerStatus::Reply(_) | AnswerStatus::Other => "Other",
    }
}
