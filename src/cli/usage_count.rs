//! `nologd usage count`: asks doveadm about everybody, and tells the daemon, which has begun its counts before. Only totals are printed.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

use super::arguments::CountOptions;
use super::quota_rows::{Rows, WAITING};
use super::run::{heard, told};
use super::share::SILENCE;
use super::witness_programs::{self as programs, PART};
use super::{REFUSED, made_up_name, refuse, say};
use crate::admin::usage_count::{BeginUsageCount, TellUsageCount};
use crate::private::Address;
use crate::quota::Amount;

/// What tells how full each mailbox is, as `usage load` reads it.
const QUOTA: [&str; 6] = ["doveadm", "-f", "tab", "quota", "get", "-A"];

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
    let asked = match program {
        Some(program) => round.ask(program),
        None => round.ask_doveadm(),
    };
    if let Some(text) = round.refused {
        return Err(text);
    }
    told(socket, &TellUsageCount::new(&round.name, Vec::new(), true))?;
    match asked {
        Ok(true) => Ok(round.told),
        Ok(false) => {
            let told = round.told;
            Err(format!("the storage did not tell all, but of {told} mailboxes: run its command by hand to see why"))
        }
        Err(error) => Err(format!("the storage cannot be asked: {error}")),
    }
}

impl TellingRound<'_> {
    /// doveadm's sum of all folders lacks those that it could not read, and holds those of others that the mailbox may see. Its quota does neither, but
    /// it is rounded up to 1024 octets. Where both agree, the sum is the number.
    fn ask_doveadm(&mut self) -> io::Result<bool> {
        let mut sums = HashMap::new();
        // Whether that is all does not matter: the quota says of whom it is not.
        programs::count(None, SILENCE, |rows| {
            sums.extend(rows);
            self.tell(Vec::new())
        })?;
        let (mut rows, mut due) = (Rows::default(), Instant::now() + WAITING);
        let ended_well = programs::each_line(programs::doveadm(&QUOTA), SILENCE, |line| {
            line.into_iter().for_each(|line| rows.take(line));
            if line.is_none() || rows.is_full() || Instant::now() >= due {
                let batch = rows.batch(line.is_none()).into_iter();
                let sure = batch.map(|(mailbox, quota)| {
                    let number = exact(quota, sums.get(&mailbox).copied());
                    (mailbox, number)
                });
                self.tell(sure.collect())?;
                due = Instant::now() + WAITING;
            }
            Ok(())
        })?;
        Ok(ended_well && rows.odd() == 0)
    }

    /// A program has nobody to check it: it is believed when it has told all.
    fn ask(&mut self, program: &Path) -> io::Result<bool> {
        let mut all = Vec::new();
        let is_whole = programs::count(Some(program), SILENCE, |rows| {
            all.extend(rows);
            self.tell(Vec::new())
        })?;
        if is_whole {
            all.chunks(PART).try_for_each(|part| self.tell(part.to_vec()))?;
        }
        Ok(is_whole)
    }

    /// Also where there is nothing to tell, as a sign of life.
    fn tell(&mut self, part: Vec<(Address, Amount)>) -> io::Result<()> {
        self.told += part.len() as u64;
        heard(self.socket, &TellUsageCount::new(&self.name, part, false), &mut self.refused)
    }
}

fn exact(quota: Amount, sum: Option<Amount>) -> Amount {
    let agrees = |sum: &Amount| sum.messages == quota.messages && sum.octets.div_ceil(1024) == quota.octets.div_ceil(1024);
    sum.filter(agrees).unwrap_or(quota)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_believed_where_the_quota_says_the_same() {
        let quota = Amount { octets: 2048, messages: 3 };
        let sum = |octets, messages| exact(quota, Some(Amount { octets, messages }));
        assert_eq!([sum(1025, 3).octets, sum(2048, 3).octets], [1025, 2048]);
        // A folder is missing, or one of others is in it.
        for (octets, messages) in [(1024, 3), (1500, 2), (2049, 3), (9000, 7), (0, 0)] {
            assert_eq!(sum(octets, messages), quota);
        }
        assert_eq!(exact(quota, None), quota);
        assert_eq!(exact(Amount::ZERO, Some(Amount::ZERO)), Amount::ZERO);
    }
}
