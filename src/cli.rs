//! The command line. Exit 0: done; 1: refused, or something was found; 2: wrong usage.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::audit;
use crate::config;
use crate::fault::{Code, Lang};
use crate::statement;

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
    },
    /// Start a real Dovecot, a relay and nologd on loopback to try it; gone again at Ctrl-C.
    Demo {
        /// Send one message through it, show its header before and after, and end.
        #[arg(long)]
        check: bool,
    },
    /// Look for what the servers around would write down about people.
    Audit(audit::Arguments),
    /// Tell members what is kept and what is not, from what is enforced.
    Statement(statement::Arguments),
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
pub fn check(file: &std::path::Path) -> ExitCode {
    match load(file) {
        Some(config) => {
            let (associations, backends) = (config.associations.len(), config.backends.len());
            say(&format!("{}: good: {associations} associations, {backends} backends", file.display()));
            ExitCode::SUCCESS
        }
        None => ExitCode::from(REFUSED),
    }
}

/// Reads the config file; problems go to standard error, as `FILE:LINE: KEY what is wrong`.
pub fn load(file: &std::path::Path) -> Option<config::Config> {
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
