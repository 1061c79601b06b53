//! `nologd check`: reads the config file, then tries a start as far as that can be done beside whatever runs, and says in a sentence
//! each what would not work. With `--connect` it talks to the mail servers behind, and reads what Postfix and Dovecot are set to.
//!
//! | | |
//! |---|---|
//! | `start` | the user, the sockets, the ports |
//! | `state` | the state folder |
//! | `certificates` | what is there, who may read it, for how long it is valid |
//! | `nodes` | the certificate that one of several nodes shows to others |
//! | `opened` | who may read the other files that the config names |
//! | `rights` | where somebody may not read a file, and keys that everybody may read |
//! | `mend` | what root is to run then |
//! | `shell` | paths as a shell reads them, in what is printed to be run |
//! | `starter` | who starts nologd, and who it becomes |
//! | `unit` | what systemd makes and allows before a start |
//! | `book` | the associations, from wherever they are now |
//! | `reach` | whether the mail servers take connections, and know whom aliases lead to |
//! | `connect`, `takers` | what they say and can do |
//! | `dovecot`, `postfix` | what they are set to |
//! | `panel` | what a panel does around nologd |
//!
//! Nothing is changed. Ports are bound for a moment, and given back.

mod arguments;
mod book;
mod certificates;
mod connect;
mod dovecot;
mod finding;
mod mend;
mod nodes;
mod opened;
mod panel;
mod postfix;
mod reach;
mod rights;
mod server;
mod shell;
mod start;
mod starter;
mod state;
mod takers;
mod talk;
mod unit;

use std::path::Path;
use std::process::ExitCode;

use super::{REFUSED, complain, load, say};
use crate::config::{self, Config, StartTrouble};
use crate::sandbox::{self, Outcome};
pub use arguments::CheckArguments;
use finding::Faults;

/// Carries it out: exit 1 where something would not work.
pub fn check(arguments: &CheckArguments) -> ExitCode {
    let file = &arguments.config;
    let Some(config) = load(file) else { return ExitCode::from(REFUSED) };
    let mut found = Faults::default();
    if !arguments.file_only && !precedes_a_start() {
        let book = start::try_start(&config, file, &mut found);
        if arguments.connect {
            connect::connect(arguments, &config, &book, &mut found);
        }
    }
    let good = found.all_wrong().is_empty();
    let (associations, backends) = (number(config.associations.len(), "association"), number(config.backends.len(), "backend"));
    let verdict =
        if good { "good".to_owned() } else { format!("well-formed, but {} to mend", number(found.all_wrong().len(), "thing")) };
    say(&format!("{}: {verdict}: {associations}, {backends}", file.display()));
    policy(&config);
    found.notes().iter().for_each(|note| say(note));
    found.all_wrong().iter().for_each(|text| complain(text));
    if arguments.sandbox && !try_sandbox(&config, file) || !good { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS }
}

/// Whether systemd itself runs this, as `ExecStartPre` of a unit: what follows is the start, which must not depend on whether the mail
/// servers behind are up already (systemd.exec(5), SYSTEMD_EXEC_PID).
fn precedes_a_start() -> bool {
    std::env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid == std::process::id().to_string())
}

fn number(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn policy(config: &Config) {
    say(&format!("policy: {}", config.policy.digest()));
    for rule in config.policy.loosened() {
        say(&format!("loosened: {} of {}", rule.rule, rule.file));
    }
    for name in config.backends.hinted() {
        say(&format!("client hints: {name} is told a made-up address for each client, another one every hour"));
    }
}

fn try_sandbox(config: &Config, file: &Path) -> bool {
    let mut missing = sandbox::harden();
    if let Err(why) = sandbox::become_user(config.user.as_deref()) {
        complain(&StartTrouble::User(why).to_string());
        return false;
    }
    missing.extend(sandbox::harden());
    let enforcement = match config::confine(config, file, missing) {
        Ok(enforcement) => enforcement,
        Err(trouble) => {
            complain(&trouble.to_string());
            return false;
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
    tried.iter().all(|(_, outcome)| *outcome == Outcome::Refused)
}
