//! `nologd node witness`: the witness's end of the conversation (docs/nodes.md), on standard input and output. sshd starts one for each of
//! the two machines, as the command of its key; what they agree on is in a folder.
//!
//! Two programs of the admin's do what only this machine can: one closes the storage to everybody but the new holder, one tells what is in
//! the mailboxes. Absent on purpose: a socket of its own.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use clap::Args;

use super::witness_file::WitnessFolder;
use super::{REFUSED, USAGE, complain};
use crate::admin::ask;
use crate::admin::usage::LoadUsage;
use crate::node::{Arbiter, Claimant, LeaseWord, NodeWord, Ruling, VERSION, WitnessWord, is_name};
use crate::private::Address;
use crate::quota::Amount;

/// How long the storage may take to be closed to others.
const CLOSING: Duration = Duration::from_secs(60);
/// After a closing that failed.
const PAUSE: Duration = Duration::from_secs(2);
/// Mailboxes in one part of the counts.
const PART: usize = 500;
/// Octets of a copy at most, and of a line.
const MOST: u64 = 512 << 20;
const LINE: u64 = 200;

/// `nologd node witness`.
#[derive(Args)]
pub struct WitnessArguments {
    /// The machine that this key belongs to: small letters, digits and `-`.
    name: String,
    /// The program that closes the storage to everybody but one machine, whose name it gets, and ends what the others have under way. It
    /// must not return 0 before that is so.
    #[arg(long, value_name = "PROGRAM", default_value = "/etc/nologd/close-storage")]
    close: PathBuf,
    /// The command that tells what each mailbox holds, with tabs: user, messages, vsize. Without it, doveadm.
    #[arg(long, value_name = "PROGRAM")]
    count: Option<PathBuf>,
    /// Where the lease is: in memory.
    #[arg(long, value_name = "FOLDER", default_value = "/run/nologd-witness")]
    run: PathBuf,
    /// Where the sealed copy is.
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/nologd-witness")]
    state: PathBuf,
}

/// Serves one machine, until it goes.
pub(super) fn witness(arguments: &WitnessArguments) -> ExitCode {
    if !is_name(&arguments.name) {
        complain("the name of a machine has small letters, digits and -, 32 at most");
        return ExitCode::from(USAGE);
    }
    match WitnessFolder::open(&arguments.state, &arguments.run).and_then(|folder| serve(arguments, folder)) {
        Ok(()) => ExitCode::SUCCESS,
        // sshd hands it to the other side's ssh, and that to its journal: no name is in it but that of a folder.
        Err(error) => {
            complain(&format!("{}: {error}", arguments.state.display()));
            ExitCode::from(REFUSED)
        }
    }
}

/// One machine's conversation.
struct WitnessDesk {
    who: Claimant,
    folder: WitnessFolder,
    close: PathBuf,
    count: Option<PathBuf>,
    closing: AtomicBool,
    counting: AtomicBool,
    out: Mutex<io::Stdout>,
}

fn serve(arguments: &WitnessArguments, folder: WitnessFolder) -> io::Result<()> {
    let mut input = BufReader::new(stdin());
    let Some(NodeWord::Hello(version, life)) = word(&mut input)? else { return Ok(()) };
    let desk = Arc::new(WitnessDesk {
        who: Claimant { node: arguments.name.clone(), life },
        folder,
        close: arguments.close.clone(),
        count: arguments.count.clone(),
        closing: AtomicBool::new(false),
        counting: AtomicBool::new(false),
        out: Mutex::new(stdout()),
    });
    desk.say(&WitnessWord::Hello(VERSION, arguments.name.clone()), b"")?;
    if version != VERSION {
        return Ok(());
    }
    while let Some(word) = word(&mut input)? {
        match word {
            NodeWord::Hello(..) => return Ok(()),
            NodeWord::Ask(number, bid) => {
                let asked =
                    |arbiter: &mut Arbiter, now| (arbiter.ask(&desk.who, bid, now), arbiter.term(), arbiter.calls(&desk.who));
                let (ruling, term, called) = desk.folder.with(asked)?;
                let word = match ruling {
                    Ruling::Yes => LeaseWord::Yes,
                    Ruling::No => LeaseWord::No,
                    Ruling::Close => {
                        begin(&desk, &desk.closing, WitnessDesk::close);
                        LeaseWord::Closing
                    }
                };
                desk.say(&WitnessWord::Lease(number, word, term, desk.folder.newest()?, called), b"")?;
            }
            NodeWord::Put(term, octets) if octets <= MOST => {
                let mut sealed = Vec::new();
                if (&mut input).take(octets).read_to_end(&mut sealed)? as u64 != octets {
                    return Ok(());
                }
                // A full disk is the other side's to know, and no reason to end.
                let kept = desk.folder.keep(&desk.who, term, &sealed).ok().flatten();
                desk.say(&kept.map_or(WitnessWord::NotKept, WitnessWord::Kept), b"")?;
            }
            NodeWord::Put(..) => return Ok(()),
            NodeWord::Get => {
                let (number, sealed) = desk.folder.copy()?;
                desk.say(&WitnessWord::Copy(number, sealed.len() as u64), &sealed)?;
            }
            NodeWord::Count => begin(&desk, &desk.counting, WitnessDesk::tell),
            NodeWord::Leave => desk.folder.with(|arbiter, now| arbiter.leave(&desk.who, now))?,
        }
    }
    Ok(())
}

/// The next word; none at the end, or where it is none.
fn word(input: &mut impl BufRead) -> io::Result<Option<NodeWord>> {
    let mut line = Vec::new();
    input.take(LINE).read_until(b'\n', &mut line)?;
    Ok(line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok()).and_then(NodeWord::read))
}

/// Does `work` beside, unless it is being done.
fn begin(desk: &Arc<WitnessDesk>, busy: &AtomicBool, work: fn(&WitnessDesk)) {
    if !busy.swap(true, Ordering::AcqRel) {
        let desk = desk.clone();
        spawn(move || work(&desk));
    }
}

impl WitnessDesk {
    fn say(&self, word: &WitnessWord, octets: &[u8]) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(word.to_string().as_bytes())?;
        out.write_all(octets)?;
        out.flush()
    }

    fn close(&self) {
        if let Err(error) = self.close_once() {
            complain(&format!("{}: {error}", self.close.display()));
            sleep(PAUSE);
        }
        self.closing.store(false, Ordering::Release);
    }

    /// One at a time: what the last one to close did is what holds.
    fn close_once(&self) -> io::Result<()> {
        let _lock = self.folder.lock("closing")?;
        if !self.folder.with(|arbiter, _| arbiter.awaits(&self.who))? {
            return Ok(());
        }
        let mut program = Command::new(&self.close);
        let mut program = program.arg(&self.who.node).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        if !ends_well(&mut program, CLOSING)? {
            return Err(io::Error::other("the storage is not closed: the program failed, or took too long"));
        }
        self.folder.with(|arbiter, _| arbiter.closed(&self.who))
    }

    fn tell(&self) {
        // Where it cannot be told, the other side asks again.
        let whole = self.count_mailboxes().unwrap_or(false);
        self.counting.store(false, Ordering::Release);
        let _ = self.say(&WitnessWord::Counted(whole), b"");
    }

    fn count_mailboxes(&self) -> io::Result<bool> {
        let words = ["doveadm", "-f", "tab", "mailbox", "status", "-A", "-t", "messages vsize", "*"];
        let mut command = match &self.count {
            Some(program) => Command::new(program),
            None => Command::new(words[0]),
        };
        let arguments: Vec<OsString> =
            if self.count.is_some() { Vec::new() } else { words[1..].iter().map(Into::into).collect() };
        let mut program = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut table = Table::default();
        if let Some(out) = program.stdout.take() {
            for line in BufReader::new(out).split(b'\n') {
                table.take(&line?);
                if table.rows.len() >= PART {
                    self.tell_part(&mut table)?;
                }
            }
        }
        self.tell_part(&mut table)?;
        let ended_well = program.wait()?.success();
        Ok(ended_well && table.is_whole())
    }

    fn tell_part(&self, table: &mut Table) -> io::Result<()> {
        let rows = std::mem::take(&mut table.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let line = ask(&LoadUsage::new(rows));
        self.say(&WitnessWord::Load(line.len() as u64), line.as_bytes())
    }
}

/// Whether it ends with 0 in time; else it is ended.
fn ends_well(program: &mut Child, patience: Duration) -> io::Result<bool> {
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = program.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= end {
            program.kill()?;
            program.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(20));
    }
}

/// What `doveadm -f tab mailbox status -A -t "messages vsize" "*"` prints: a head, and a line for each mailbox.
#[derive(Default)]
struct Table {
    /// Where user, messages and vsize stand.
    head: Option<[usize; 3]>,
    rows: Vec<(Address, Amount)>,
    /// Lines that could not be read: what they are about is not known.
    odd: u64,
}

impl Table {
    fn take(&mut self, line: &[u8]) {
        let Ok(text) = std::str::from_utf8(line) else {
            self.odd += 1;
            return;
        };
        let fields: Vec<_> = text.trim_end_matches('\r').split('\t').collect();
        let Some(head) = self.head else {
            let place = |names: &[&str]| fields.iter().position(|field| names.contains(&field.to_ascii_lowercase().as_str()));
            if let [Some(user), Some(messages), Some(octets)] =
                [place(&["username", "user"]), place(&["messages"]), place(&["vsize"])]
            {
                self.head = Some([user, messages, octets]);
            } else {
                self.odd += 1;
            }
            return;
        };
        if text.is_empty() {
            return;
        }
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let row = Address::parse(field(head[0])).zip(field(head[1]).parse().ok()).zip(field(head[2]).parse().ok());
        match row {
            Some(((address, messages), octets)) => self.rows.push((address, Amount { octets, messages })),
            None => self.odd += 1,
        }
    }

    /// A storage without a mailbox says at least what it would say.
    fn is_whole(&self) -> bool {
        self.head.is_some() && self.odd == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, u64, u64)>, bool) {
        let mut table = Table::default();
        text.split_terminator('\n').for_each(|line| table.take(line.as_bytes()));
        let row = |(address, amount): &(Address, Amount)| (address.reveal(), amount.octets, amount.messages);
        (table.rows.iter().map(row).collect(), table.is_whole())
    }

    #[test]
    fn what_doveadm_prints_is_read_and_what_is_missing_is_not_zero() {
        let (rows, whole) = read("Username\tmessages\tvsize\na@velo.example\t2\t700\nb@velo.example\t0\t0\n");
        assert_eq!(rows, [("a@velo.example".into(), 700, 2), ("b@velo.example".into(), 0, 0)]);
        assert!(whole);
        for (text, rows) in [
            ("", 0),
            ("a@velo.example\t2\t700\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t\nb@velo.example\t1\t1\n", 1),
            ("username\tmessages\tvsize\nnobody\t2\t5\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t-5\n", 0),
        ] {
            let read = read(text);
            assert_eq!((read.0.len(), read.1), (rows, false), "{text}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!ends_well(&mut sleeper, Duration::from_millis(50)).unwrap());
        assert!(ends_well(&mut Command::new("true").spawn().unwrap(), CLOSING).unwrap());
        assert!(!ends_well(&mut Command::new("false").spawn().unwrap(), CLOSING).unwrap());
    }
}
