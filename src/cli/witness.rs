//! `nologd node witness`: the witness's end of the conversation (docs/nodes.md), on standard input and output. sshd starts one for each of
//! the two machines, as the command of its key; what they agree on is in a folder.
//!
//! Two programs of the admin's do what only this machine can: one closes the storage to everybody but the new holder, one tells what is in
//! the mailboxes. Absent on purpose: a socket of its own.

use std::io::{self, BufRead, BufReader, Read, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

use clap::Args;

use super::storage_count::{self, Row};
use super::witness_file::WitnessFolder;
use super::witness_programs;
use super::{REFUSED, USAGE, complain};
use crate::admin::ask;
use crate::admin::usage::LoadUsage;
use crate::node::{Arbiter, COPY_OCTETS, Claimant, LINE_OCTETS, LeaseWord, NodeWord, Ruling, VERSION, WitnessWord, is_name};

/// How long the storage may take to be closed to others.
const CLOSING: Duration = Duration::from_secs(60);
/// How long the storage may be silent while it tells what mailboxes hold.
const SILENCE: Duration = Duration::from_secs(60);
/// After a closing that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Why the storage is not closed.
const FAILED: &str = "the storage is not closed: the program failed, or took too long";
const ENDED: &str = "the storage is not closed: the program of before hung, and was ended now";
const GOES_ON: &str = "the storage is not closed: something that the program of before started goes on, with the program's input: find and end it, and let it begin with </dev/null";

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
                let asked = |arbiter: &mut Arbiter, now| {
                    (arbiter.ask(&desk.who, bid, now), arbiter.term(), arbiter.calls(&desk.who, now))
                };
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
            NodeWord::Put { term, previous, number, octets } if octets <= COPY_OCTETS => {
                let mut sealed = Vec::new();
                if (&mut input).take(octets).read_to_end(&mut sealed)? as u64 != octets {
                    return Ok(());
                }
                // A full disk is the other side's to know, and no reason to end.
                let kept = desk.folder.keep(&desk.who, term, [previous, number], &sealed).unwrap_or(false);
                desk.say(&if kept { WitnessWord::Kept(number) } else { WitnessWord::NotKept }, b"")?;
            }
            NodeWord::Put { .. } => return Ok(()),
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
    input.take(LINE_OCTETS).read_until(b'\n', &mut line)?;
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
        let Some(lock) = self.folder.lock_within("closing", CLOSING)? else {
            // Its end was that of the process that started it, which is gone.
            let ended = witness_programs::end_noted(&self.folder.read("closing")?)?;
            return Err(io::Error::other(if ended { ENDED } else { GOES_ON }));
        };
        if !self.folder.with(|arbiter, _| arbiter.awaits(&self.who))? {
            return Ok(());
        }
        if !witness_programs::close(&self.close, &self.who.node, &lock, CLOSING)? {
            return Err(io::Error::other(FAILED));
        }
        self.folder.with(|arbiter, _| arbiter.closed(&self.who))
    }

    fn tell(&self) {
        // Where it cannot be told, the other side asks again.
        let counted = storage_count::count(self.count.as_deref(), SILENCE, &mut |rows| self.tell_part(rows));
        // One that is unsure is not told: its association waits.
        let whole = counted.is_ok_and(|counted| counted.is_whole && counted.unsure.is_empty());
        self.counting.store(false, Ordering::Release);
        let _ = self.say(&WitnessWord::Counted(whole), b"");
    }

    fn tell_part(&self, rows: Vec<Row>) -> io::Result<()> {
        let line = ask(&LoadUsage::new(rows, None));
        self.say(&WitnessWord::Load(line.len() as u64), line.as_bytes())
    }
}
