//! Changes: what was and what is now, and what is above the new limits.

use serde_json::Value;

use super::{Row, association, mailbox, number, rows, text};
use crate::quota::print_size;

/// A change to an association.
pub(super) fn association(value: &Value) -> String {
    let name = |side: &Value| text(side, "name").to_owned();
    change(value, name, association::settings)
}

/// A change to a mailbox.
pub(super) fn mailbox(value: &Value) -> String {
    let name = |side: &Value| text(side, "address").to_owned();
    change(value, name, mailbox::settings)
}

fn change(value: &Value, name: impl Fn(&Value) -> String, settings: impl Fn(&Value) -> Vec<Row>) -> String {
    let (was, now) = (&value["was"], &value["now"]);
    let mut told = match (was.is_null(), now.is_null()) {
        (true, _) => format!("{}: was not there, is now:\n{}", name(now), rows(&settings(now))),
        (false, true) => format!("{}: was, and is no more:\n{}", name(was), rows(&settings(was))),
        (false, false) => {
            let pairs = settings(was).into_iter().zip(settings(now));
            let changed = pairs.filter(|(was, now)| was != now);
            let lines: Vec<Row> = changed.map(|((label, was), (_, now))| (label, format!("was {was}; is now {now}"))).collect();
            let head = if lines.is_empty() { "is as it was" } else { "changed" };
            format!("{}: {head}\n{}", name(now), rows(&lines))
        }
    };
    told.push_str(&warnings(value));
    told
}

fn warnings(value: &Value) -> String {
    let above = &value["above"];
    let mut parts = Vec::new();
    if number(above, "octets") > 0 {
        parts.push(format!("{} more than the new limit are in use", print_size(number(above, "octets"))));
    }
    for (key, one, many) in [
        ("messages", "message is above the new limit", "messages are above the new limit"),
        ("mailboxes", "mailbox is above the new limit", "mailboxes are above the new limit"),
        ("full-mailboxes", "mailbox holds more than its own limit", "mailboxes hold more than their own limit"),
    ] {
        match number(above, key) {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            number => parts.push(format!("{number} {many}")),
        }
    }
    let mut told = String::new();
    if !parts.is_empty() {
        told = format!("Warning: {}.\nNothing is deleted; new mail is refused until there is room.\n", parts.join("; "));
    }
    if value["residue"].as_bool() == Some(true) {
        told.push_str("Warning: the change is made, but old files could not be wiped. The next start tries again.\n");
    }
    told
}
