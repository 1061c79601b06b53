//! What a change answers: what was and what is now, and what is above the new limits.

use serde::{Deserialize, Serialize};

use super::layout::{ShownRow, rows};
use crate::quota::{Change, Excess, print_size};
use crate::words::nullable;

/// A change that was made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Changed<T> {
    /// Before; none when it was not there.
    #[serde(deserialize_with = "nullable")]
    pub was: Option<T>,
    /// After; none when it was removed.
    #[serde(deserialize_with = "nullable")]
    pub now: Option<T>,
    /// What is above the new limits; none when nothing is.
    #[serde(deserialize_with = "nullable")]
    pub above: Option<Excess>,
    /// What was removed is out of force, but old files that hold it could not be wiped yet.
    pub residue: bool,
}

impl<T> Changed<T> {
    /// A change of the book, with `show` for both sides.
    pub(super) fn of<V>(change: Change<V>, show: impl Fn(V) -> T) -> Changed<T> {
        let above = (!change.excess.is_none()).then_some(change.excess);
        Changed { was: change.was.map(&show), now: change.now.map(&show), above, residue: change.residue }
    }

    /// For people: all rows of what came or went, or the rows that differ.
    pub(super) fn print(&self, name: impl Fn(&T) -> String, settings: impl Fn(&T) -> Vec<ShownRow>) -> String {
        let mut told = match (&self.was, &self.now) {
            (Some(was), Some(now)) => {
                let pairs = settings(was).into_iter().zip(settings(now));
                let changed = pairs.filter(|(was, now)| was != now);
                let lines: Vec<ShownRow> =
                    changed.map(|((label, was), (_, now))| (label, format!("was {was}; is now {now}"))).collect();
                let head = if lines.is_empty() { "is as it was" } else { "changed" };
                format!("{}: {head}\n{}", name(now), rows(&lines))
            }
            (None, Some(now)) => format!("{}: was not there, is now:\n{}", name(now), rows(&settings(now))),
            (Some(was), None) => format!("{}: was, and is no more:\n{}", name(was), rows(&settings(was))),
            (None, None) => String::new(),
        };
        if let Some(above) = self.above {
            told.push_str(&warning(above));
        }
        if self.residue {
            told.push_str(
                "Warning: the change is made, but old files could not be wiped. The next change and the next start try again.\n",
            );
        }
        told
    }
}

fn warning(above: Excess) -> String {
    let mut parts = Vec::new();
    if above.octets > 0 {
        parts.push(format!("{} more than the new limit are in use", print_size(above.octets)));
    }
    for (number, one, many) in [
        (above.messages, "message is above the new limit", "messages are above the new limit"),
        (above.mailboxes, "mailbox is above the new limit", "mailboxes are above the new limit"),
        (above.overfull, "mailbox holds more than its own limit", "mailboxes hold more than their own limit"),
    ] {
        match number {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            number => parts.push(format!("{number} {many}")),
        }
    }
    format!("Warning: {}.\nNothing is deleted; new mail is refused until there is room.\n", parts.join("; "))
}
