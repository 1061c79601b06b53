//! `blocks ...`, for people.

use serde_json::Value;

use super::{items, number};

/// `blocks list`.
pub(super) fn list(value: &Value) -> String {
    let (networks, others) = (number(value, "networks"), number(value, "others"));
    let mut told: String = items(&value["accounts"]).filter_map(Value::as_str).map(|account| format!("{account}\n")).collect();
    if others > 0 {
        told.push_str(&format!("{others} more names that are no mailbox here\n"));
    }
    if told.is_empty() {
        told.push_str("No account is slowed.\n");
    }
    match networks {
        0 => told.push_str("No network is slowed.\n"),
        1 => told.push_str("1 network is slowed.\n"),
        _ => told.push_str(&format!("{networks} networks are slowed.\n")),
    }
    told
}

/// `blocks lift`.
pub(super) fn lift(value: &Value) -> String {
    match value["address"].as_str() {
        Some(address) => format!("{address}: wrong passwords are forgotten; it can be tried again.\n"),
        None => "All wrong passwords are forgotten.\n".into(),
    }
}
