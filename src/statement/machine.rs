//! Whether the machine holds the daemon to its rules, and who looked.
//!
//! The running daemon knows best: it is asked first. Where none answers, this program goes into the same sandbox itself and tries from
//! inside what must be refused. Absent on purpose: believing a config file or a unit; they say what is wished.

use std::path::Path;

use serde_json::Value;

use crate::config::{self, Config, StartTrouble};
use crate::sandbox::{self, Outcome, Probe, Unenforced, probe};

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// The running daemon was asked.
    Daemon {
        /// What the kernel did not take at its start.
        missing: Vec<Unenforced>,
        /// Where the lines end that it says about itself.
        output: Option<LogDestination>,
    },
    /// This program tried it itself.
    Tried {
        /// What the kernel did not take.
        missing: Vec<Unenforced>,
        /// What should have been refused.
        possible: Vec<Probe>,
        /// Whether there is swap on the machine. Which part of it the daemon may use, only the daemon knows.
        swaps: bool,
    },
    /// Nobody looked.
    Unseen,
}

/// Where lines end, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDestination {
    /// On no disk.
    Forgotten,
    /// On a disk.
    Kept,
}

/// What can be said about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// It was looked at, and it holds.
    Holds,
    /// It does not.
    Otherwise,
    /// Nobody knows.
    Unknown,
}

impl From<bool> for RuleVerdict {
    fn from(holds: bool) -> RuleVerdict {
        if holds { RuleVerdict::Holds } else { RuleVerdict::Otherwise }
    }
}

impl Machine {
    /// From the daemon's answer to `status`. `None` where it is no such answer.
    pub fn told(status: &Value) -> Option<Machine> {
        let words = status["missing"].as_array()?.iter().map(|word| Unenforced::find(word.as_str()?));
        let some = |key: &str| Some(!status[key].as_array()?.is_empty());
        let output = match (some("kept-outputs")?, some("lost-outputs")?) {
            (true, _) => Some(LogDestination::Kept),
            (false, true) => None,
            (false, false) => Some(LogDestination::Forgotten),
        };
        Some(Machine::Daemon { missing: words.collect::<Option<_>>()?, output })
    }

    /// Goes into the sandbox of `config`, for good, and tries. Only for a process that has one thread and nothing left to open.
    pub fn tried(config: &Config, file: &Path) -> Machine {
        let swaps = sandbox::machine_swaps();
        let missing = match config::confine(config, file, sandbox::harden()) {
            Ok(enforcement) => enforcement.missing,
            Err(StartTrouble::NotConfined(missing)) => missing,
            Err(_) => return Machine::Unseen,
        };
        let possible = probe().into_iter().filter(|(_, outcome)| *outcome == Outcome::Possible);
        Machine::Tried { missing, possible: possible.map(|(attempt, _)| attempt).collect(), swaps }
    }

    /// Whether the kernel gave what `needs` names, and refused each of `attempts` where they were made.
    pub(super) fn grants(&self, needs: &[Unenforced], attempts: &[Probe]) -> RuleVerdict {
        let given = |missing: &[Unenforced]| !needs.iter().any(|rule| missing.contains(rule));
        match self {
            Machine::Daemon { missing, .. } => given(missing).into(),
            // Ours is another control group than the daemon's.
            Machine::Tried { swaps, .. } if needs.contains(&Unenforced::Swap) => {
                if *swaps {
                    RuleVerdict::Unknown
                } else {
                    RuleVerdict::Holds
                }
            }
            Machine::Tried { missing, possible, .. } => {
                (given(missing) && !attempts.iter().any(|attempt| possible.contains(attempt))).into()
            }
            Machine::Unseen => RuleVerdict::Unknown,
        }
    }

    /// Who looked: the daemon, this program, or nobody.
    pub(super) fn witness(&self) -> RuleVerdict {
        match self {
            Machine::Daemon { .. } => RuleVerdict::Holds,
            Machine::Tried { .. } => RuleVerdict::Otherwise,
            Machine::Unseen => RuleVerdict::Unknown,
        }
    }

    /// Whether what the daemon says is kept nowhere.
    pub(super) fn output(&self) -> RuleVerdict {
        match self {
            Machine::Daemon { output: Some(output), .. } => (*output == LogDestination::Forgotten).into(),
            _ => RuleVerdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_daemon_says_is_believed() {
        let told = |missing: &str, kept: &[u64], lost: &[u64]| {
            Machine::told(&json!({ "missing": [missing], "kept-outputs": kept, "lost-outputs": lost }))
        };
        let missing = vec![Unenforced::Connect];
        let with = |output| Some(Machine::Daemon { missing: missing.clone(), output });
        assert_eq!(told("connect", &[], &[]), with(Some(LogDestination::Forgotten)));
        assert_eq!(told("connect", &[2], &[1]), with(Some(LogDestination::Kept)));
        assert_eq!(told("connect", &[], &[1]), with(None));
        assert_eq!(told("a rule of next year", &[], &[]), None, "what is not understood is no answer");
        assert_eq!(Machine::told(&json!({ "version": "0.0" })), None);
    }

    #[test]
    fn an_attempt_that_worked_outweighs_what_the_kernel_said() {
        let tried = |possible| Machine::Tried { missing: Vec::new(), possible, swaps: true };
        let exec = |machine: &Machine| machine.grants(&[Unenforced::Calls], &[Probe::Exec]);
        assert_eq!(exec(&tried(Vec::new())), RuleVerdict::Holds);
        assert_eq!(exec(&tried(vec![Probe::Exec])), RuleVerdict::Otherwise);
        assert_eq!(exec(&Machine::Unseen), RuleVerdict::Unknown);
        assert_eq!(tried(Vec::new()).grants(&[Unenforced::Swap], &[]), RuleVerdict::Unknown);
    }
}
