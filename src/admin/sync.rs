//! `nologd sync`, the daemon's side: a batch of changes, all or nothing. A request is bounded and a batch can be long, so it comes in parts
//! that are held in memory until the last one, which carries the whole out.
//!
//! Absent on purpose: any brake. How much may change at once is for the sync to say, which knows the panel (docs/admin/panels.md).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::in_parts::{RunInParts, is_name};
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::quota::{Applied, Batch};

/// Most parts of a batch: some 200,000 changes.
const PARTS: u64 = 1000;
/// How long a part waits for the next. A sync that was killed leaves its parts until somebody asks after that.
const WAITING: Duration = Duration::from_secs(60);

/// A part of a batch that is not the last.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSync {
    /// Whose part: a name that the sync made up for this run.
    pub batch: String,
    /// Which one, from zero. The first one drops what another batch left.
    pub part: u64,
    /// What is to be.
    pub changes: Batch,
}

/// It waits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncStaged {
    /// How many parts there are now.
    pub parts: u64,
}

/// The last part, with which all is carried out.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplySync {
    /// As for [`StageSync`].
    pub batch: String,
    /// How many parts came before.
    pub parts: u64,
    /// What is to be, too.
    pub changes: Batch,
}

/// What became of it. The change is on disk.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncApplied {
    /// Mailboxes above their association's number, which are not in the book.
    pub above: u64,
    /// Mailboxes whose limit was set by hand, and stays.
    pub kept: u64,
    /// Whether anything was written.
    pub written: bool,
    /// What went is out of force, but old files that hold it could not be wiped yet.
    pub residue: bool,
}

impl AdminCommand for StageSync {
    const WORD: &'static str = "sync stage";
    type Told = SyncStaged;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<SyncStaged, NotDone> {
        if !is_name(&self.batch) {
            return Err(NotDone::wrong("batch"));
        }
        if self.part >= PARTS {
            return Err(NotDone::because("That is more than one batch may hold."));
        }
        let mut place = executor.staging.lock(at.now, WAITING);
        if self.part == 0 {
            *place = Some(RunInParts { name: self.batch.clone(), held: (0, Batch::default()), since: at.now });
        }
        let staged = place.as_mut().filter(|staged| staged.name == self.batch && staged.held.0 == self.part);
        let staged = staged.ok_or_else(another)?;
        let (parts, changes) = &mut staged.held;
        changes.extend(self.changes.clone());
        (*parts, staged.since) = (*parts + 1, at.now);
        Ok(SyncStaged { parts: *parts })
    }

    /// Nothing: the command line tells the whole.
    fn print(_: &SyncStaged) -> String {
        String::new()
    }
}

impl AdminCommand for ApplySync {
    const WORD: &'static str = "sync apply";
    type Told = SyncApplied;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<SyncApplied, NotDone> {
        let mut changes = Batch::default();
        if self.parts > 0 {
            let staged = executor.staging.lock(at.now, WAITING).take();
            let staged = staged.filter(|staged| staged.name == self.batch && staged.held.0 == self.parts);
            changes = staged.ok_or_else(another)?.held.1;
        }
        changes.extend(self.changes.clone());
        let Applied { above, kept, written, residue } = executor.book.apply(&changes, at.today)?;
        // Of several nodes another one may judge, and would tell of it again. Where it cannot be asked, the next run finds it once more.
        if let Some(share) = executor.share.as_ref().filter(|_| written) {
            share.forget(&changes.gone_mailboxes);
        }
        changes.gone_associations.iter().for_each(|name| executor.offers.forget(name));
        Ok(SyncApplied { above, kept, written, residue })
    }

    /// Nothing: the command line tells the whole.
    fn print(_: &SyncApplied) -> String {
        String::new()
    }
}

fn another() -> NotDone {
    NotDone::because("Another sync came in between, or the daemon was started anew. Nothing was changed; the next run does it.")
}
