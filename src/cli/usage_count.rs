//! `nologd usage count`: asks doveadm about everybody, and tells the daemon, which has begun its counts before. Only totals are printed.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::arguments::CountOptions;
use super::run::{heard, told};
use super::storage_count::{self, Row};
use super::{REFUSED, made_up_name, refuse, say};
use crate::admin::usage_count::{BeginUsageCount, TellUsageCount};

/// How long the storage may be silent: doveadm prints when 8 KB are full, after some hundred mailboxes, and one may take minutes.
const SILENCE: Duration = Duration::from_secs(1800);

/// What the daemon is told in one run.
struct TellingRound<'a> {
    socket: &'a Path,
    name: String,
    refused: Option<String>,
    told: u64,
}

/// Carries it out. Exit code 1 where the storage did not tell all.
pub(super) fn count(CountOptions { backend, program, daemon }: &CountOptions) -> ExitCode {
    let socket = match daemon.place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    match round(&socket, backend.as_deref(), program.as_deref()) {
        Ok(told) => {
            let is_json = daemon.output.json;
            say(&if is_json {
                format!("{:#}", json!({ "told": told }))
            } else {
                format!("told  {told}  (mailboxes that the storage has)")
            });
            ExitCode::SUCCESS
        }
        Err(text) => {
            refuse(daemon.output, &text);
            ExitCode::from(REFUSED)
        }
    }
}

fn round(socket: &Path, backend: Option<&str>, program: Option<&Path>) -> Result<u64, String> {
    let mut round = TellingRound { socket, name: made_up_name()?, refused: None, told: 0 };
    told(socket, &BeginUsageCount::new(&round.name, backend))?;
    let asked = storage_count::count(program, SILENCE, &mut |rows| round.tell(rows));
    if let Some(text) = round.refused {
        return Err(text);
    }
    told(socket, &TellUsageCount::new(&round.name, Vec::new(), true))?;
    match asked {
        Ok(counted) if counted.is_whole && counted.unsure.is_empty() && round.told > 0 => Ok(round.told),
        Ok(counted) if counted.is_whole && counted.unsure.is_empty() => {
            Err("the storage told of nobody: run its command by hand to see why".to_owned())
        }
        Ok(_) => {
            let told = round.told;
            Err(format!("the storage did not tell all, but of {told} mailboxes: run its command by hand to see why"))
        }
        Err(error) => Err(format!("the storage cannot be asked: {error}")),
    }
}

impl TellingRound<'_> {
    /// Also where there is nothing to tell, as a sign of life.
    fn tell(&mut self, part: Vec<Row>) -> io::Result<()> {
        self.told += part.len() as u64;
        heard(self.socket, &TellUsageCount::new(&self.name, part, false), &mut self.refused)
    }
}
