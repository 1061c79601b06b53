//! `nologd usage count`: asks doveadm about everybody, and tells the daemon, which has begun its counts before. Only totals are printed.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use super::arguments::CountOptions;
use super::quota_rows::{Rows, WAITING};
use super::run::{heard, told};
use super::witness_programs::{self as programs, PART, Printed};
use super::{REFUSED, made_up_name, refuse, say};
use crate::admin::usage_count::{BeginUsageCount, TellUsageCount};
use crate::private::Address;
use crate::quota::Amount;

/// What tells how full each mailbox is, as `usage load` reads it.
const QUOTA: [&str; 5] = ["-f", "tab", "quota", "get", "-A"];

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
    let asked = match program {
        Some(program) => round.ask(program),
        None => round.ask_doveadm(),
    };
    if let Some(text) = round.refused {
        return Err(text);
    }
    told(socket, &TellUsageCount::new(&round.name, Vec::new(), true))?;
    match asked {
        Ok(true) if round.told == 0 => Err("the storage told of nobody: run its command by hand to see why".to_owned()),
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
    /// it is rounded up to 1024 octets, and may leave folders out (`:ignore`). Where both agree, the sum is the number.
    fn ask_doveadm(&mut self) -> io::Result<bool> {
        let mut sums = HashMap::new();
        // Whether that is all does not matter: the quota says of whom it is not.
        programs::count(None, SILENCE, |rows| {
            sums.extend(rows);
            self.tell(Vec::new())
        })?;
        let (mut rows, mut due) = (Rows::default(), Instant::now() + WAITING);
        let ended_well = programs::each_line(programs::doveadm(&QUOTA), SILENCE, |printed| {
            if let Printed::Line(line) = printed {
                rows.take(line);
            }
            let is_over = matches!(printed, Printed::End);
            if is_over || rows.is_full() || Instant::now() >= due {
                let batch = rows.batch(is_over).into_iter();
                let sure = batch.filter_map(|(mailbox, quota)| {
                    let number = exact(quota, sums.get(&mailbox).copied())?;
                    Some((mailbox, number))
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

/// None where the sum says more than the quota: one of them is about other folders, and nobody knows which is right.
fn exact(quota: Amount, sum: Option<Amount>) -> Option<Amount> {
    let Some(sum) = sum else { return Some(quota) };
    let rounded = Amount { octets: sum.octets.div_ceil(1024).saturating_mul(1024), ..sum };
    if rounded == quota {
        return Some(sum);
    }
    let covers = quota.octets >= rounded.octets && quota.messages >= rounded.messages;
    covers.then_some(quota)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_believed_where_the_quota_says_the_same() {
        let quota = Amount { octets: 2048, messages: 3 };
        let sum = |octets, messages| exact(quota, Some(Amount { octets, messages }));
        assert_eq!([1025, 2048].map(|octets| sum(octets, 3)), [1025, 2048].map(|octets| Some(Amount { octets, messages: 3 })));
        // A folder is missing in it.
        for (octets, messages) in [(1024, 3), (1500, 2), (0, 0)] {
            assert_eq!(sum(octets, messages), Some(quota));
        }
        // One of others is in it, or the quota leaves one out.
        for (octets, messages) in [(2049, 3), (9000, 7), (1025, 4)] {
            assert_eq!(sum(octets, messages), None);
        }
        assert_eq!(exact(quota, None), Some(quota));
        assert_eq!(exact(Amount::ZERO, Some(Amount::ZERO)), Some(Amount::ZERO));
    }
}
