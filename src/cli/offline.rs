//! Commands that need neither a daemon nor its state: `check` and `help`.

use std::path::Path;
use std::process::ExitCode;

use super::{REFUSED, complain, say};
use crate::config::{self, Trouble};
use crate::fault::{Lang, RefusalCode};
use crate::sandbox::{self, Outcome};

/// `nologd check`.
pub fn check(file: &Path, with_sandbox: bool) -> ExitCode {
    let Some(config) = load(file) else { return ExitCode::from(REFUSED) };
    let (associations, backends) = (config.associations.len(), config.backends.len());
    say(&format!("{}: good: {associations} associations, {backends} backends", file.display()));
    say(&format!("policy: {}", config.policy.digest()));
    for rule in config.policy.loosened() {
        say(&format!("loosened: {} of {}", rule.rule, rule.file));
    }
    for name in config.backends.hinted() {
        say(&format!("client hints: {name} is told a made-up address for each client, another one every hour"));
    }
    let needed = config::descriptors(&config);
    let granted = sandbox::descriptors(needed);
    if granted < needed {
        say(&format!(
            "few descriptors: from here nologd could open {granted} files, and its limits need {needed}. It would cut them to what fits. \
             Set LimitNOFILE={needed} in the systemd unit, or fewer `sessions`"
        ));
    }
    if with_sandbox { try_sandbox(&config, file) } else { ExitCode::SUCCESS }
}

fn try_sandbox(config: &config::Config, file: &Path) -> ExitCode {
    let mut missing = sandbox::harden();
    if let Err(why) = sandbox::become_user(config.user.as_deref()) {
        complain(&Trouble::User(why).to_string());
        return ExitCode::from(REFUSED);
    }
    missing.extend(sandbox::harden());
    let enforcement = match config::confine(config, file, missing) {
        Ok(enforcement) => enforcement,
        Err(trouble) => {
            complain(&trouble.to_string());
            return ExitCode::from(REFUSED);
        }
    };
    for rule in &enforcement.missing {
        say(&format!("not enforced: {}", rule.text()));
    }
    let tried = sandbox::probe();
    for (attempt, outcome) in &tried {
        let outcome = if *outcome == Outcome::Refused { "refused" } else { "POSSIBLE" };
        say(&format!("{outcome}: {}", attempt.text()));
    }
    let all = tried.iter().all(|(_, outcome)| *outcome == Outcome::Refused);
    if all { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

/// Reads the config file; problems go to standard error, as `FILE:LINE: KEY what is wrong`.
pub fn load(file: &Path) -> Option<config::Config> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("{}: {error}", file.display()));
            return None;
        }
    };
    match config::read(&text) {
        Ok(config) => Some(config),
        Err(problems) => {
            for problem in problems {
                // A mistake of syntax has no key.
                let key = if problem.key.is_empty() { String::new() } else { format!("{} ", problem.key) };
                complain(&format!("{}:{}: {key}{}", file.display(), problem.line, problem.text));
            }
            None
        }
    }
}

/// `nologd help`.
pub fn help(code: Option<&str>, lang: Lang) -> ExitCode {
    let explain = |code: RefusalCode| {
        say(&format!("{}\n    {}", code.word(), code.text(lang)));
        match (code, lang) {
            (RefusalCode::TooManyTries, Lang::En) => {
                say("    For admins: `nologd blocks list` tells which accounts it concerns, `blocks lift` ends it.")
            }
            (RefusalCode::TooManyTries, Lang::Fr) => {
                say("    Pour les admins\u{a0}: `nologd blocks list` dit quels comptes sont concernés, `blocks lift` y met fin.");
            }
            _ => {}
        }
    };
    // As it stands in a refusal: in parentheses.
    match code.map(|code| RefusalCode::find(code.trim_matches(['(', ')']))) {
        None => RefusalCode::ALL.iter().copied().for_each(explain),
        Some(Some(code)) => explain(code),
        Some(None) => {
            complain("no such code word; `nologd help` lists them all");
            return ExitCode::from(REFUSED);
        }
    }
    ExitCode::SUCCESS
}
