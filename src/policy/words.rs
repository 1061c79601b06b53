//! `policy/log.toml`, `memory.toml`, `retention.toml`: closed lists of names that the program holds, with the reasons and the
//! words of the admin.
//!
//! A replaced file may reword them. It cannot promise what no code holds: an unknown name is a problem, and so is a missing
//! one, but for events, which may be left out and are then not printed.

use serde::Deserialize;
use toml::Spanned;

use super::Problem;
use super::list::List;
use crate::event;

/// The built-in `log.toml`.
pub const LOG: &str = include_str!("../../policy/log.toml");
/// The built-in `memory.toml`.
pub const MEMORY: &str = include_str!("../../policy/memory.toml");
/// The built-in `retention.toml`.
pub const RETENTION: &str = include_str!("../../policy/retention.toml");

/// What holds for memory, and by whom.
const HOLDS: &[(&str, HeldBy)] = &[
    ("no-core-dumps", HeldBy::Kernel),
    ("not-dumpable", HeldBy::Kernel),
    ("no-new-privileges", HeldBy::Kernel),
    ("no-swap", HeldBy::Unit),
    ("secrets-wiped", HeldBy::Code),
    ("buffers-wiped", HeldBy::Code),
    ("idle-holds-nothing", HeldBy::Code),
    ("pseudonyms", HeldBy::Code),
    ("panic-without-words", HeldBy::Code),
];

/// What is kept, where, and until when.
const KEPT: &[(&str, Where, Until)] = &[
    ("limits", Where::Store, Until::Removed),
    ("usage", Where::Store, Until::Removed),
    ("routes", Where::Store, Until::Removed),
    ("message-id-key", Where::Store, Until::Always),
    ("sending", Where::Memory, Until::Hours),
    ("tries", Where::Memory, Until::Hours),
    ("session", Where::Memory, Until::Session),
    ("totals", Where::Memory, Until::Restart),
    // 60 minutes at the most (incident::LONGEST).
    ("incident", Where::Memory, Until::Minutes),
    // The pool keeps it with a parked connection (src/pool).
    ("password", Where::Memory, Until::Minutes),
];

/// What is not kept.
const NOT_KEPT: &[&str] = &["connections", "addresses", "correspondence", "contents", "programs", "failures"];

/// Who holds a rule about memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldBy {
    /// Asked for at the start.
    Kernel,
    /// Written so, and tested.
    Code,
    /// The systemd unit.
    Unit,
}

/// Where something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// Files under `state_dir`.
    Store,
    /// Memory only.
    Memory,
}

/// Until when something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// Its mailbox or association is removed.
    Removed,
    /// The service ends for good.
    Always,
    /// The daemon is restarted.
    Restart,
    /// Two days at the most.
    Hours,
    /// Some minutes.
    Minutes,
    /// The connection ends.
    Session,
}

/// An event that is printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// Its word.
    pub name: Spanned<String>,
    /// What its numbers are.
    pub numbers: Vec<String>,
    /// Why it is printed.
    pub reason: String,
}

/// `log.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[allow(dead_code)] // there is one choice; the file says it for its readers
    output: Output,
    /// What is printed.
    #[serde(default)]
    pub event: Vec<Reported>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Output {
    StandardError,
}

/// One rule of `memory.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Its name.
    pub name: Spanned<String>,
    /// Who holds it.
    pub held_by: HeldBy,
    /// Why.
    pub reason: String,
}

/// `memory.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The rules, in the order of the file.
    #[serde(default)]
    pub rule: Vec<Hold>,
}

/// One thing that is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its name.
    pub name: Spanned<String>,
    /// Where.
    pub r#where: Where,
    /// How long.
    pub until: Until,
    /// What for.
    pub reason: String,
}

/// One thing that is not kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotKept {
    /// Its name.
    pub name: Spanned<String>,
    /// What is meant.
    pub reason: String,
}

/// `retention.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// What is kept.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// What is not.
    #[serde(default)]
    pub not_kept: Vec<NotKept>,
}

impl Log {
    /// Reads `log.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it; of mere TOML mistakes, the first one.
    pub fn parse(text: &str) -> Result<Log, Vec<Problem>> {
        let log: Log = toml::from_str(text).map_err(|error| vec![Problem::from_toml(text, &error)])?;
        let mut list = List::new(text);
        for own in &log.event {
            list.entry(&own.name, &own.reason);
            match event::catalogue().find(|(word, _)| word == own.name.get_ref()) {
                None => list.wrong(&own.name, "is no event of this program"),
                Some((_, numbers)) if numbers != own.numbers => {
                    list.wrong(&own.name, &format!("has the numbers [{}]", numbers.join(", ")));
                }
                Some(_) => {}
            }
        }
        list.end(log)
    }

    /// The words that are printed.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.event.iter().map(|event| event.name.get_ref().as_str())
    }
}

impl Memory {
    /// Reads `memory.toml`.
    ///
    /// # Errors
    /// As [`Log::parse`].
    pub fn parse(text: &str) -> Result<Memory, Vec<Problem>> {
        let memory: Memory = toml::from_str(text).map_err(|error| vec![Problem::from_toml(text, &error)])?;
        let mut list = List::new(text);
        for own in &memory.rule {
            list.entry(&own.name, &own.reason);
            match HOLDS.iter().find(|(name, _)| name == own.name.get_ref()) {
                None => list.wrong(&own.name, "is no rule of this program"),
                Some((_, by)) if *by != own.held_by => list.wrong(&own.name, "is held by another"),
                Some(_) => {}
            }
        }
        list.complete(HOLDS.iter().map(|(name, _)| *name));
        list.end(memory)
    }
}

impl Retention {
    /// What is kept, then what is not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let kept = self.kept.iter().map(|kept| &kept.name);
        kept.chain(self.not_kept.iter().map(|kept| &kept.name)).map(|name| name.get_ref().as_str())
    }

    /// Reads `retention.toml`.
    ///
    /// # Errors
    /// As [`Log::parse`].
    pub fn parse(text: &str) -> Result<Retention, Vec<Problem>> {
        let retention: Retention = toml::from_str(text).map_err(|error| vec![Problem::from_toml(text, &error)])?;
        let mut list = List::new(text);
        for own in &retention.kept {
            list.entry(&own.name, &own.reason);
            match KEPT.iter().find(|(name, ..)| name == own.name.get_ref()) {
                None => list.wrong(&own.name, "is nothing that this program keeps"),
                Some((_, r#where, until)) if *r#where != own.r#where || *until != own.until => {
                    list.wrong(&own.name, "is kept elsewhere, or for another time");
                }
                Some(_) => {}
            }
        }
        for own in &retention.not_kept {
            list.entry(&own.name, &own.reason);
            if !NOT_KEPT.contains(&own.name.get_ref().as_str()) {
                list.wrong(&own.name, "is nothing that this program promises not to keep");
            }
        }
        list.complete(KEPT.iter().map(|(name, ..)| *name).chain(NOT_KEPT.iter().copied()));
        list.end(retention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T>(result: Result<T, Vec<Problem>>) -> String {
        let problems = result.err().unwrap_or_default();
        problems.iter().map(|problem| format!("{} {}", problem.line, problem.key)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_built_in_files_are_good_and_the_log_names_every_event_there_is() {
        assert_eq!(told(Memory::parse(MEMORY)), "");
        assert_eq!(told(Retention::parse(RETENTION)), "");
        let log = Log::parse(LOG).unwrap();
        let all: Vec<_> = event::catalogue().map(|(word, _)| word).collect();
        assert_eq!(log.words().collect::<Vec<_>>(), all, "policy/log.toml and src/event/catalogue.rs, in the same order");
    }

    #[test]
    fn nothing_can_be_invented_and_nothing_but_events_left_out() {
        assert_eq!(told(Log::parse(&LOG.replace("\"started\"", "\"login\""))), "13 login");
        assert_eq!(told(Log::parse(&LOG.replace("[\"cut\"]", "[\"address\"]"))), "23 stopped");
        assert_eq!(told(Log::parse(&LOG.replace("\"standard-error\"", "\"/var/log/mail\""))), "10 \"/var/log/mail\"");
        assert_eq!(told(Log::parse("output = \"standard-error\"\n")), "");
        assert_eq!(told(Memory::parse(&MEMORY.replace("\"no-swap\"", "\"no-swop\""))), "22 no-swop, 50 no-swap");
        assert_eq!(told(Memory::parse(&MEMORY.replace("\"unit\"\n", "\"code\"\n"))), "22 no-swap");
        let promise = "[[not_kept]]\nname = \"emotions\"\nreason = \"x\"\n";
        assert!(told(Retention::parse(&format!("{RETENTION}{promise}"))).ends_with("emotions"));
        assert!(told(Retention::parse(&RETENTION.replace("until  = \"hours\"", "until  = \"minutes\""))).contains("sending"));
        assert!(told(Retention::parse("")).contains("usage"));
    }
}
