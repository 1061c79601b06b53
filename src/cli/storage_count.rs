//! What each mailbox holds, as the storage tells it outside a session: for `usage count`, `share count` and the witness. doveadm is asked, or a program
//! of the admin's. docs/quota.md has the reasoning.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::programs::{Printed, doveadm, each_line};
use super::quota_rows::{QuotaRows, WAITING};
use super::status_rows::{FolderRows, StatusRows};
use crate::audit::settings::dovecot_namespaces;
use crate::imap::namespaces::Namespaces;
use crate::private::Address;
use crate::quota::Amount;

/// Mailboxes in one part of what is told.
pub(super) const PART: usize = 500;

/// The sum of all folders, of everybody.
const SUMS: [&str; 8] = ["-f", "tab", "mailbox", "status", "-A", "-t", "messages vsize", "*"];
/// Each folder.
const FOLDERS: [&str; 7] = ["-f", "tab", "mailbox", "status", "-A", "messages vsize", "*"];
/// What the quota says, as `usage load` reads it.
const QUOTA: [&str; 5] = ["-f", "tab", "quota", "get", "-A"];
/// Everybody.
const USERS: [&str; 2] = ["user", "*"];

/// A mailbox, and what is in it.
pub(super) type Row = (Address, Amount);

/// Who is told of mailboxes whose number is sure; none as a sign of life.
type Tell<'a> = &'a mut dyn FnMut(Vec<Row>) -> io::Result<()>;

/// What became of a count, beside what was told.
pub(super) struct StorageCount {
    /// Everybody was told, or is unsure.
    pub(super) is_whole: bool,
    /// Mailboxes that hold this at least: a folder of theirs could not be read.
    pub(super) unsure: Vec<Row>,
}

/// Tells what each mailbox holds, in parts. `silence`: how long nothing may come.
///
/// # Errors
/// A program, which is named, cannot be started, was silent, or tells something else; or the parts cannot be told. Then nothing of it goes on.
pub(super) fn count(program: Option<&Path>, silence: Duration, tell: Tell<'_>) -> io::Result<StorageCount> {
    match program {
        Some(program) => ask(program, silence, tell),
        None => ask_doveadm(silence, tell),
    }
}

/// A program has nobody to check it: it is believed when it has told all.
fn ask(program: &Path, silence: Duration, tell: Tell<'_>) -> io::Result<StorageCount> {
    let mut table = StatusRows::default();
    let ended_well = read(Command::new(program), silence, tell, |line| table.take(line))?;
    let is_whole = ended_well && table.is_whole();
    if is_whole {
        table.rows.chunks(PART).try_for_each(|part| tell(part.to_vec()))?;
    }
    Ok(StorageCount { is_whole, unsure: Vec::new() })
}

fn ask_doveadm(silence: Duration, tell: Tell<'_>) -> io::Result<StorageCount> {
    let mut sums = Sums::ask(silence, tell)?;
    let (mut quotas, mut unsure, mut due) = (QuotaRows::default(), Vec::new(), Instant::now() + WAITING);
    each_line(doveadm(&QUOTA), silence, |printed| {
        if let Printed::Line(line) = printed {
            quotas.take(line);
        }
        let is_over = matches!(printed, Printed::End);
        if is_over || quotas.is_full() || Instant::now() >= due {
            let batch = quotas.batch(is_over).into_iter();
            tell(batch.filter_map(|(mailbox, quota)| sums.judge(mailbox, Some(quota), &mut unsure)).collect())?;
            due = Instant::now() + WAITING;
        }
        Ok(())
    })?;
    // Those of whom the quota says nothing, or not all: where it is not set up, everybody.
    let left: Vec<_> = sums.of.keys().cloned().collect();
    let left: Vec<_> = left.into_iter().filter_map(|mailbox| sums.judge(mailbox, None, &mut unsure)).collect();
    left.chunks(PART).try_for_each(|part| tell(part.to_vec()))?;
    let is_whole = sums.are_all || sums.has_everybody(silence, tell, &mut unsure)?;
    Ok(StorageCount { is_whole, unsure })
}

/// What doveadm's sums say.
struct Sums {
    of: HashMap<Address, Amount>,
    /// Those that were judged.
    judged: HashSet<Address>,
    /// No folder could not be read.
    are_all: bool,
    /// They hold no folder of anybody else.
    are_own: bool,
}

impl Sums {
    fn ask(silence: Duration, tell: Tell<'_>) -> io::Result<Sums> {
        let namespaces = namespaces(silence);
        let mut table = StatusRows::default();
        let ended_well = read(doveadm(&SUMS), silence, tell, |line| table.take(line))?;
        let mut are_all = ended_well && table.is_whole();
        let mut of: HashMap<_, _> = table.rows.into_iter().collect();
        if let Some(namespaces) = namespaces.as_ref().filter(|namespaces| namespaces.has_others()) {
            are_all &= keep_own(&mut of, namespaces, silence, tell)?;
        }
        Ok(Sums { of, judged: HashSet::new(), are_all, are_own: namespaces.is_some() })
    }

    /// Where both say the same, the sum is the number: the quota is rounded up to 1024 octets. Where the quota says more, a folder is hidden from the
    /// sum, or could not be read. Where it says less, it leaves a folder out, or folders of others are in the sum.
    fn judge(&mut self, mailbox: Address, quota: Option<Amount>, unsure: &mut Vec<Row>) -> Option<Row> {
        let sum = self.of.remove(&mailbox);
        let rounded = sum.map(|sum| Amount { octets: sum.octets.div_ceil(1024).saturating_mul(1024), ..sum });
        let sure = match (sum, quota) {
            (Some(sum), Some(quota)) if rounded == Some(quota) => Some(sum),
            (Some(_), Some(quota)) if rounded.is_some_and(|rounded| quota.covers(rounded)) => Some(quota),
            (Some(sum), Some(quota)) => (self.are_all && self.are_own).then(|| sum.most(quota)),
            (Some(sum), None) => (self.are_all && self.are_own).then_some(sum),
            // Of a member who could not be read a quota says zero too, where it was never counted.
            (None, Some(quota)) => (self.are_all || quota != Amount::ZERO).then_some(quota),
            (None, None) => None,
        };
        self.judged.insert(mailbox.clone());
        match sure {
            Some(number) => Some((mailbox, number)),
            None => {
                unsure.push((mailbox, sum.unwrap_or_default().most(quota.unwrap_or_default())));
                None
            }
        }
    }

    /// Where doveadm ended badly, there may be more of them than it told.
    fn has_everybody(&self, silence: Duration, tell: Tell<'_>, unsure: &mut Vec<Row>) -> io::Result<bool> {
        let (mut everybody, mut odd) = (Vec::new(), false);
        let ended_well = read(doveadm(&USERS), silence, tell, |line| {
            match std::str::from_utf8(line).ok().and_then(Address::parse) {
                Some(address) => everybody.push(address),
                None => odd = true,
            }
            Ok(())
        })?;
        everybody.retain(|address| !self.judged.contains(address));
        unsure.extend(everybody.into_iter().map(|address| (address, Amount::ZERO)));
        Ok(ended_well && !odd)
    }
}

/// Which folders are their owners', by Dovecot's settings; none where those are not known.
fn namespaces(silence: Duration) -> Option<Namespaces> {
    let (mut doveconf, mut text) = (Command::new("doveconf"), Vec::new());
    doveconf.arg("-n");
    let read = each_line(doveconf, silence, |printed| {
        if let Printed::Line(line) = printed {
            text.extend([line, b"\n"].concat());
        }
        Ok(())
    });
    read.is_ok_and(|ended_well| ended_well).then(|| dovecot_namespaces(&String::from_utf8_lossy(&text)))?
}

/// Leaves what is in folders of the members' own; whether that is all of it.
fn keep_own(of: &mut HashMap<Address, Amount>, namespaces: &Namespaces, silence: Duration, tell: Tell<'_>) -> io::Result<bool> {
    let mut table = FolderRows::default();
    let ended_well = read(doveadm(&FOLDERS), silence, tell, |line| table.take(line, namespaces))?;
    let is_whole = ended_well && table.odd == 0;
    // Who is not told has no folder of his own, or one that could not be read.
    if is_whole {
        of.values_mut().for_each(|sum| *sum = Amount::ZERO);
    } else {
        of.retain(|_, sum| *sum == Amount::ZERO);
    }
    of.extend(table.sums);
    Ok(is_whole)
}

/// Reads what it prints, with a sign of life where nothing comes; whether it ended with 0.
fn read(command: Command, silence: Duration, tell: Tell<'_>, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
    let mut due = Instant::now() + WAITING;
    each_line(command, silence, |printed| {
        match printed {
            Printed::Line(line) => take(line)?,
            Printed::Nothing | Printed::End => {}
        }
        if Instant::now() >= due {
            tell(Vec::new())?;
            due = Instant::now() + WAITING;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::programs::tests::script;
    use super::*;

    type Told = Option<(u64, u64)>;

    fn judged(are_all: bool, sum: Told, quota: Told) -> Result<(u64, u64), (u64, u64)> {
        judged_of((are_all, true), sum, quota)
    }

    fn judged_of((are_all, are_own): (bool, bool), sum: Told, quota: Told) -> Result<(u64, u64), (u64, u64)> {
        let alice = Address::parse("alice@velo.example").unwrap();
        let amount = |(octets, messages)| Amount { octets, messages };
        let of = sum.map(|sum| (alice.clone(), amount(sum))).into_iter().collect();
        let mut sums = Sums { of, judged: HashSet::new(), are_all, are_own };
        let mut unsure = Vec::new();
        let shown = |(_, amount): &Row| (amount.octets, amount.messages);
        let sure = sums.judge(alice, quota.map(amount), &mut unsure);
        sure.as_ref().map(shown).ok_or_else(|| shown(&unsure[0]))
    }

    #[test]
    fn the_sum_is_believed_where_the_quota_says_the_same_and_the_larger_one_where_all_was_read() {
        let quota = Some((2048, 3));
        for are_all in [false, true] {
            for octets in [1025, 2048] {
                assert_eq!(judged(are_all, Some((octets, 3)), quota), Ok((octets, 3)));
            }
            // A folder is missing in the sum.
            for sum in [Some((1024, 3)), Some((1500, 2)), Some((0, 0)), None] {
                assert_eq!(judged(are_all, sum, quota), Ok((2048, 3)));
            }
            assert_eq!(judged(are_all, Some((0, 0)), Some((0, 0))), Ok((0, 0)));
        }
        // The quota leaves one out; and where something could not be read, that is the least.
        for (sum, most) in [((2049, 3), (2049, 3)), ((9000, 7), (9000, 7)), ((1025, 4), (2048, 4))] {
            assert_eq!((judged(true, Some(sum), quota), judged(false, Some(sum), quota)), (Ok(most), Err(most)));
        }
        assert_eq!((judged(true, Some((7, 1)), None), judged(false, Some((7, 1)), None)), (Ok((7, 1)), Err((7, 1))));
        assert_eq!(judged(true, None, None), Err((0, 0)));
        // Who could not be read has nothing by a quota that was never counted.
        assert_eq!((judged(true, None, Some((0, 0))), judged(false, None, Some((0, 0)))), (Ok((0, 0)), Err((0, 0))));
        // Folders of others may be in the sum.
        assert_eq!(judged_of((true, false), Some((9000, 7)), quota), Err((9000, 7)));
        assert_eq!(judged_of((true, false), Some((9000, 7)), None), Err((9000, 7)));
        assert_eq!(judged_of((true, false), Some((1500, 3)), quota), Ok((1500, 3)));
    }

    #[test]
    fn a_count_that_hangs_or_is_not_heard_has_an_end() {
        let (hangs, long) = (script("hangs", "echo x; sleep 100 & wait"), script("long", "while :; do echo 'a b c'; done"));
        let begin = Instant::now();
        let silence = Duration::from_millis(300);
        let counted = |program, kind| count(Some(program), silence, &mut |_| Ok(())).is_err_and(|error| error.kind() == kind);
        assert!(counted(&long, io::ErrorKind::InvalidData) && counted(&hangs, io::ErrorKind::TimedOut));
        let head = "printf 'Username\\tmessages\\tvsize\\n'; while :; do printf 'a@velo.example\\t1\\t1\\n'; done";
        let many = script("many", head);
        assert!(count(Some(&many), silence, &mut |_| Err(io::ErrorKind::BrokenPipe.into())).is_err());
        assert!(begin.elapsed() < Duration::from_secs(20));
        [hangs, long, many].iter().for_each(|path| fs::remove_file(path).unwrap());
    }

    #[test]
    fn what_is_cut_off_in_a_line_or_ends_badly_tells_nothing() {
        let rows = "printf 'Username\\tmessages\\tvsize\\na@velo.example\\t26\\t700\\n'";
        let (cut, bad) =
            (script("cut", &format!("{rows}; printf 'b@velo.example\\t2'")), script("bad", &format!("{rows}; exit 75")));
        let mut told = Vec::new();
        let mut counted = |path| {
            count(Some(path), Duration::from_secs(20), &mut |rows| {
                told.extend(rows);
                Ok(())
            })
        };
        assert!(counted(&cut).is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
        assert!(counted(&bad).is_ok_and(|counted| !counted.is_whole) && told.is_empty());
        [cut, bad].iter().for_each(|path| fs::remove_file(path).unwrap());
    }
}
