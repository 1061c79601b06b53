//! `incident ...`, for people.

use serde_json::Value;

use super::{items, number, table, text};

/// `incident start`.
pub(super) fn start(value: &Value) -> String {
    let (address, minutes) = (text(value, "address"), number(value, "minutes-left"));
    format!(
        "{address}: incident mode is on, for {minutes} min.\n\
         The owner is told at every login in IMAP. `nologd incident show {address}` prints the steps; they are gone at the end.\n"
    )
}

/// `incident stop`.
pub(super) fn stop(value: &Value) -> String {
    format!("{}: incident mode is over. Its steps are gone.\n", text(value, "address"))
}

/// `incident list`.
pub(super) fn list(value: &Value) -> String {
    let mut lines = vec![["ADDRESS", "ENDS IN", "SESSIONS", "STEPS"].map(str::to_owned).to_vec()];
    lines.extend(items(&value["incidents"]).map(|incident| {
        let minutes = format!("{} min", number(incident, "minutes-left"));
        let count = |key| number(incident, key).to_string();
        vec![text(incident, "address").into(), minutes, count("sessions"), count("kept")]
    }));
    if lines.len() == 1 { "No incident mode is on.\n".into() } else { table(&lines) }
}

/// `incident show`.
pub(super) fn show(value: &Value) -> String {
    let left = number(value, "minutes-left");
    let (steps, sessions) = (number(value, "kept"), number(value, "sessions"));
    let mut told = format!("{}: {steps} steps in {sessions} sessions; ends within {left} min\n", text(value, "address"));
    if number(value, "dropped") > 0 {
        told.push_str(&format!("{} older steps found no room.\n", number(value, "dropped")));
    }
    let mut lines = vec![["SECONDS", "SESSION", "WHO", "PROTOCOL", "WHAT"].map(str::to_owned).to_vec()];
    lines.extend(items(&value["steps"]).map(|step| {
        let ms = number(step, "ms");
        let seconds = format!("{:>3}.{:03}", ms / 1000, ms % 1000);
        vec![seconds, number(step, "session").to_string(), text(step, "side").into(), text(step, "protocol").into(), what(step)]
    }));
    if lines.len() > 1 {
        told.push_str(&table(&lines));
    }
    told
}

fn what(step: &Value) -> String {
    if let Some(verb) = step["asked"].as_str() {
        return verb.to_owned();
    }
    let mut told = step["answered"].as_str().map_or_else(|| number(step, "answered").to_string(), str::to_owned);
    if let Some(response) = step["response"].as_str() {
        told.push_str(&format!(" [{response}]"));
    }
    if let Some(code) = step["code"].as_str() {
        told.push_str(&format!(" ({code})"));
    }
    // Answers stand a little to the right of commands.
    format!("  {told}")
}
