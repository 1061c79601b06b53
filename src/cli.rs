//! The command line. Exit 0: done; 1: refused, or something was found; 2: wrong usage.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Trouble};
use crate::fault::{Code, Lang};
use crate::sandbox::{self, Outcome};

/// The exit code for what was refused.
pub const REFUSED: u8 = 1;

/// nologd: a no-log daemon in front of mailbox storage, relay and webmail.
#[derive(Parser)]
#[command(name = "nologd", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve, in the foreground.
    Run {
        /// The config file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read the config file and tell every error in it, with line and key.
    Check {
        /// The config file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Also go into the sandbox, as the daemon would, and try from inside what must be refused.
        #[arg(long)]
        sandbox: bool,
    },
    /// Start a real Dovecot, a relay and nologd on loopback to try it; gone again at Ctrl-C.
    Demo {
        /// Send one message through it, show its header before and after, and end.
        #[arg(long)]
        check: bool,
    },
    /// Explain a code word that stood in a refusal, or list all of them.
    Help {
        /// The word, for example MAILBOX-FULL.
        code: Option<String>,
        /// Language: en or fr.
        #[arg(long, default_value = "en")]
        lang: String,
    },
}

/// Tells the admin something, on standard output.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe (`nologd help | head`) is no fault.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Tells the admin why something was refused, on standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("nologd: {text}\n").as_bytes());
}

/// `nologd check`.
pub fn check(file: &Path, sandbox: bool) -> ExitCode {
    let Some(config) = load(file) else { return ExitCode::from(REFUSED) };
    let (associations, backends) = (config.associations.len(), config.backends.len());
    say(&format!("{}: good: {associations} associations, {backends} backends", file.display()));
    say(&format!("policy: {}", config.policy.digest()));
    for rule in config.policy.loosened() {
        say(&format!("loosened: {} of {}", rule.rule, rule.file));
    }
    if sandbox { try_sandbox(&config, file) } else { ExitCode::SUCCESS }
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
                complain(&format!("{}:{}: {} {}", file.display(), problem.line, problem.key, problem.text));
            }
            None
        }
    }
}

/// `nologd help`.
pub fn help(code: Option<&str>, lang: &str) -> ExitCode {
    let lang = match lang {
        "en" => Lang::En,
        "fr" => Lang::Fr,
        _ => {
            complain("--lang is en or fr");
            return ExitCode::from(2);
        }
    };
    let explain = |code: Code| say(&format!("{}\n    {}", code.word(), code.text(lang)));
    match code.map(Code::find) {
        None => Code::ALL.iter().copied().for_each(explain),
        Some(Some(code)) => explain(code),
        Some(None) => {
            complain("no such code word; `nologd help` lists them all");
            return ExitCode::from(REFUSED);
        }
    }
    ExitCode::SUCCESS
}
