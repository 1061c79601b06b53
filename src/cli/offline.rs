//! Commands that need neither a daemon nor its state: `check` and `help`.

use std::path::Path;
use std::process::ExitCode;

use super::{REFUSED, complain, say};
use crate::config;
use crate::fault::{Code, Lang};

/// `nologd check`.
pub fn check(file: &Path) -> ExitCode {
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
pub fn help(code: Option<&str>, lang: Lang) -> ExitCode {
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
