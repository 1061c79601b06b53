//! What an association's members may do: as the admins set it, its word, and what it means on a certain day.

use serde::{Deserialize, Serialize};

use super::Day;

/// What the association's members may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum State {
    /// Everything.
    #[default]
    Active,
    /// Read; neither store nor send. Incoming mail is accepted.
    ReadOnly,
    /// Not even log in. Incoming mail is accepted.
    Suspended,
    /// Everything to the end of that day; then it is suspended.
    LeavingUntil(Day),
}

/// The word for a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWord {
    /// Everything is allowed.
    Active,
    /// Reading works; nothing is stored, deleted or sent.
    ReadOnly,
    /// Nobody logs in; mail is still accepted.
    Suspended,
    /// As active to the end of a last day; then suspended.
    Leaving,
}

words! {
    StateWord, "The states are active, read-only, suspended, leaving.":
    Active = "active", ReadOnly = "read-only", Suspended = "suspended", Leaving = "leaving"
}

/// A state in JSON: its word, or the last day of an association that leaves.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Leaving(LastDay),
    Word(StateWord),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LastDay {
    leaving_until: Day,
}

impl TryFrom<Written> for State {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<State, &'static str> {
        match written {
            Written::Word(StateWord::Active) => Ok(State::Active),
            Written::Word(StateWord::ReadOnly) => Ok(State::ReadOnly),
            Written::Word(StateWord::Suspended) => Ok(State::Suspended),
            Written::Word(StateWord::Leaving) => Err("the last day is missing"),
            Written::Leaving(LastDay { leaving_until }) => Ok(State::LeavingUntil(leaving_until)),
        }
    }
}

impl Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            State::LeavingUntil(day) => LastDay { leaving_until: *day }.serialize(serializer),
            State::Active | State::ReadOnly | State::Suspended => serializer.serialize_str(self.word()),
        }
    }
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        let word = match self {
            State::Active => StateWord::Active,
            State::ReadOnly => StateWord::ReadOnly,
            State::Suspended => StateWord::Suspended,
            State::LeavingUntil(_) => StateWord::Leaving,
        };
        word.word()
    }

    /// What the state means today.
    pub fn standing(self, today: Day) -> Standing {
        match self {
            State::Active => Standing::Active,
            State::ReadOnly => Standing::ReadOnly,
            State::LeavingUntil(last) if today <= last => Standing::Leaving(last),
            State::Suspended | State::LeavingUntil(_) => Standing::Suspended,
        }
    }
}

/// A [`State`] on a certain day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    Active,
    /// As active, with a notice that names the last day.
    Leaving(Day),
    /// Read only.
    ReadOnly,
    /// Not even log in; incoming mail is accepted.
    Suspended,
}
