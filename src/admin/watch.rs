//! `incident ...`: the answers, and who may be watched.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Answer;
use crate::fault::{RefusalCode, Side};
use crate::incident::{Incidents, Refused, Response, Shown, Status, Step, What};
use crate::private::Address;
use crate::quota::{Book, Day, Standing};

/// Begins one. Only where the owner can log in, and so will be told.
pub(super) fn start(
    incidents: &Incidents,
    book: &Book,
    address: &Address,
    minutes: u64,
    (today, now): (Day, Instant),
) -> Result<Value, Answer> {
    match book.route(address.domain(), today).map(|route| route.standing) {
        None => return Err(Answer::refused("No association here has this domain.")),
        Some(Standing::Suspended) => {
            return Err(Answer::refused("The association is suspended: the owner cannot log in, and would not be told."));
        }
        Some(_) => {}
    }
    match incidents.start(address.clone(), minutes, now) {
        Ok(length) => Ok(json!({ "address": address.reveal(), "minutes-left": minutes_of(length) })),
        Err(Refused::On) => Err(Answer::refused("Incident mode is on already: `incident show`, or `incident stop` first.")),
        Err(Refused::Full) => Err(Answer::refused("Four incidents are on, and there can be no more at once.")),
    }
}

/// Its steps.
pub(super) fn show(incidents: &Incidents, address: &Address, now: Instant) -> Result<Value, Answer> {
    let shown = incidents.show(address, now).ok_or_else(none)?;
    let mut value = summary(&shown);
    value["dropped"] = json!(shown.dropped);
    value["steps"] = shown.steps.iter().map(step).collect();
    Ok(value)
}

/// Ends it.
pub(super) fn stop(incidents: &Incidents, address: &Address, now: Instant) -> Result<Value, Answer> {
    if incidents.stop(address, now) { Ok(json!({ "address": address.reveal() })) } else { Err(none()) }
}

/// Those that are on.
pub(super) fn list(incidents: &Incidents, now: Instant) -> Value {
    json!({ "incidents": incidents.list(now).iter().map(summary).collect::<Vec<_>>() })
}

/// For `disclose`: what is held of `address`, or null.
pub(super) fn about(incidents: &Incidents, address: &Address, now: Instant) -> Value {
    incidents.show(address, now).map_or(Value::Null, |shown| summary(&shown))
}

fn none() -> Answer {
    Answer::refused("No incident mode is on for this mailbox.")
}

fn summary(shown: &Shown) -> Value {
    json!({
        "address": shown.address.reveal(),
        "minutes-left": minutes_of(shown.left),
        "sessions": shown.sessions,
        "kept": shown.steps.len(),
    })
}

fn minutes_of(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}

fn step(step: &Step) -> Value {
    let side = match step.side {
        Side::Client => "client",
        Side::Backend => "backend",
        Side::Store | Side::Us => "nologd",
    };
    let mut value = json!({ "ms": step.at, "session": step.session, "side": side, "protocol": step.protocol.word() });
    match step.what {
        What::Asked(verb) => value["asked"] = json!(verb.word()),
        What::Answered(answer) => {
            value["answered"] = match answer.status {
                Status::Reply(number) => json!(number),
                status => json!(word(status)),
            };
            value["response"] = json!(answer.response.map(Response::word));
            value["code"] = json!(answer.code.map(RefusalCode::word));
        }
    }
    value
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
