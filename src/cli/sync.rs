//! `nologd sync`: makes the book follow the host's panel, once (docs/admin/panels.md).

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::SyncArguments;
use super::run::told;
use super::sync_report::{counted, names, report};
use super::{REFUSED, USAGE, complain, made_up_name, say};
use crate::admin::association::ListAssociations;
use crate::admin::mailbox::ListMailboxes;
use crate::admin::sync::{ApplySync, StageSync, SyncApplied};
use crate::admin::{MAX_REQUEST, ask};
use crate::fault::Lang;
use crate::import::brakes::brake;
use crate::import::code::SyncCode;
use crate::import::difference::{BookNow, Difference, difference};
use crate::import::settings::{FILE, PanelKind, STATE, SyncSettings};
use crate::import::source;
use crate::import::state::{SyncState, SyncTurn};
use crate::private::Address;
use crate::quota::Batch;
use crate::sandbox;
use crate::terminal::Progress;

/// Changes in a part of a batch, to begin with: a part that is longer than a request is halved.
const PART: usize = 1000;

/// What is true of the book where nothing can be remembered: before it took the changes, and after.
const UNCHANGED: &str = "Nothing was changed.";
const CHANGED: &str = "The book was changed; what is missing in the panel is marked at the next run.";

/// Carries it out.
pub fn sync(arguments: SyncArguments) -> ExitCode {
    // A password may be in its memory; what the kernel does not enforce of this, the unit does.
    let _ = sandbox::harden();
    let (kind, settings) = match settings(&arguments) {
        Ok(settings) => settings,
        Err(text) => {
            complain(&text);
            return ExitCode::from(USAGE);
        }
    };
    let socket = match arguments.place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let folder = arguments.state.clone().or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from));
    let state_file = folder.unwrap_or_else(|| STATE.into()).join("state.json");
    let run = Run { socket, state_file, is_dry: arguments.dry_run, agrees: arguments.yes };
    let turn = run.turn();
    match turn.and_then(|turn| run.whole(kind, &settings, turn)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.into_iter().for_each(|text| complain(&text));
            ExitCode::from(REFUSED)
        }
    }
}

fn settings(arguments: &SyncArguments) -> Result<(PanelKind, SyncSettings), String> {
    let file = arguments.settings.as_deref().or_else(|| Some(Path::new(FILE)).filter(|file| file.exists()));
    let mut settings = match file {
        Some(file) => SyncSettings::read(file)?,
        None => SyncSettings::default(),
    };
    settings.file = arguments.file.clone().or(settings.file);
    settings.map = arguments.map.clone().or(settings.map);
    let kind =
        arguments.from.or(settings.from).ok_or("Which panel? --from alternc, csv, mailcow, modoboa, postfix or postfixadmin.")?;
    Ok((kind, settings))
}

struct Run {
    socket: PathBuf,
    state_file: PathBuf,
    is_dry: bool,
    agrees: bool,
}

/// What to tell; none where it was told at an earlier run.
type UntoldStop = Option<String>;

impl Run {
    /// A run by hand and the timer's must not both change what is remembered.
    fn turn(&self) -> Result<Option<SyncTurn>, UntoldStop> {
        let folder = self.state_file.parent().unwrap_or(Path::new("."));
        match SyncTurn::take(folder, self.is_dry) {
            Ok(None) => Err(Some("Another `nologd sync` is under way: wait until it is done, and try again.".to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_dry => Ok(None),
            turn => turn.map_err(|error| Some(format!("{}: {}. Nothing was changed.", folder.display(), error.kind()))),
        }
    }

    /// `_turn`: held to the end.
    fn whole(&self, kind: PanelKind, settings: &SyncSettings, _turn: Option<SyncTurn>) -> Result<(), UntoldStop> {
        let before = self.state()?;
        let mut progress = Progress::new();
        // The book first: what reading it takes is free again for the panel.
        progress.begin("asking the daemon");
        let book = self.book()?;
        progress.begin("reading the panel");
        let panel = source::read(kind, settings);
        progress.clear();
        let panel = match panel {
            Ok(panel) => panel,
            Err(trouble) => {
                let text = format!("{}: {}", kind.word(), trouble.text());
                return Err(self.stop(before, SyncCode::Source, &text));
            }
        };
        let found = difference(&panel, &book, &before, hour(), self.agrees);
        if self.is_dry && std::io::stdout().is_terminal() {
            names(&found.batch);
            let waits = |address: &Address| say(&format!("? mailbox {}: missing in the panel, stays for now", address.reveal()));
            found.waiting.iter().for_each(waits);
        }
        if let Some(code) = brake(&found.stakes).filter(|_| !self.agrees) {
            let stakes = found.stakes;
            let text = format!(
                "missing: {} of {} mailboxes, {} associations; the panel has {}, and had {}; limits changed: {}.",
                stakes.missing,
                stakes.held,
                stakes.emptied,
                counted(stakes.panel),
                counted(stakes.last),
                stakes.limits,
            );
            let stop = self.stop(before, code, &text);
            if stop.is_some() {
                panel.odd.sentences().for_each(|sentence| say(&sentence));
            }
            return Err(stop);
        }
        drop(book);
        progress.begin("handing over what changed");
        let applied = self.apply(&before, &found);
        progress.clear();
        let applied = applied?;
        let is_news = !found.batch.is_empty() || found.state != before;
        report(&panel, &found, applied, is_news, self.is_dry);
        if panel.odd.is_none() { Ok(()) } else { Err(None) }
    }

    fn state(&self) -> Result<SyncState, UntoldStop> {
        let told = |why: &str| Some(format!("{}: {why}", self.state_file.display()));
        match SyncState::read(&self.state_file) {
            Ok(Some(state)) => Ok(state),
            Ok(None) => SyncState::new().ok_or_else(|| told("the system has no random numbers.")),
            Err(error) => Err(told(&format!("{}. Without it marks begin anew: remove it if it is damaged.", error.kind()))),
        }
    }

    /// `so_far`: what is true of the book where this fails.
    fn remember(&self, state: &SyncState, so_far: &str) -> Result<(), UntoldStop> {
        if self.is_dry {
            return Ok(());
        }
        let failed = |error: std::io::Error| Some(format!("{}: {}. {so_far}", self.state_file.display(), error.kind()));
        state.write(&self.state_file).map_err(failed)
    }

    /// Nothing is changed, and that is told once.
    fn stop(&self, mut before: SyncState, code: SyncCode, text: &str) -> UntoldStop {
        let word = code.word();
        if before.told.as_deref() == Some(word) && !self.is_dry && !std::io::stdout().is_terminal() {
            return None;
        }
        before.told = Some(word.into());
        if let Err(also) = self.remember(&before, UNCHANGED) {
            return Some(format!("{word} {text} {}", also.unwrap_or_default()));
        }
        Some(format!("{word} {text} {}", code.text(Lang::En)))
    }

    fn book(&self) -> Result<BookNow, UntoldStop> {
        let (mut associations, mut aliases) = (Vec::new(), BTreeMap::new());
        for (association, leads) in told(&self.socket, &ListAssociations {})?.associations() {
            associations.push(association);
            aliases.extend(leads);
        }
        let mailboxes = told(&self.socket, &ListMailboxes::default())?.into_mailboxes().into_iter().map(|mailbox| {
            let (address, _, limit, by) = mailbox.into_limit();
            (address, (limit, by))
        });
        Ok(BookNow { associations, aliases, mailboxes: mailboxes.collect() })
    }

    fn apply(&self, before: &SyncState, found: &Difference) -> Result<SyncApplied, UntoldStop> {
        if self.is_dry {
            return Ok(SyncApplied::default());
        }
        let mut applied = SyncApplied::default();
        if !found.batch.is_empty() {
            // Should this run end here, the next one must not take what it did for somebody's hand.
            self.remember(&before.between(&found.state), UNCHANGED)?;
            applied = send(&self.socket, &found.batch)?;
        }
        if found.state != *before {
            self.remember(&found.state, if found.batch.is_empty() { UNCHANGED } else { CHANGED })?;
        }
        Ok(applied)
    }
}

fn hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3600)
}

/// In as many parts as it takes; the last one carries all of them out.
fn send(socket: &Path, whole: &Batch) -> Result<SyncApplied, UntoldStop> {
    let batch = made_up_name().map_err(Some)?;
    let mut parts = parts(whole);
    let last = parts.pop().unwrap_or_default();
    for (part, changes) in (0..).zip(parts.iter()) {
        told(socket, &StageSync { batch: batch.clone(), part, changes: changes.clone() })?;
    }
    Ok(told(socket, &ApplySync { batch, parts: parts.len() as u64, changes: last })?)
}

fn parts(whole: &Batch) -> Vec<Batch> {
    let mut found = Vec::new();
    macro_rules! each {
        ($($list:ident)*) => {
            $(for piece in whole.$list.chunks(PART) {
                split(piece, &|piece| Batch { $list: piece.to_vec(), ..Batch::default() }, &mut found);
            })*
        };
    }
    each! { associations domains domain_aliases aliases mailboxes gone_mailboxes gone_domains gone_associations }
    // Most runs have a handful of changes: these are one request.
    if whole.len() <= PART {
        let all = whole.clone();
        if fits(&all) {
            return vec![all];
        }
    }
    found
}

fn split<T>(piece: &[T], make: &dyn Fn(&[T]) -> Batch, found: &mut Vec<Batch>) {
    let batch = make(piece);
    if piece.len() > 1 && !fits(&batch) {
        let (left, right) = piece.split_at(piece.len() / 2);
        split(left, make, found);
        split(right, make, found);
    } else {
        found.push(batch);
    }
}

fn fits(changes: &Batch) -> bool {
    let longest = "f".repeat(32);
    ask(&StageSync { batch: longest, part: u64::MAX, changes: changes.clone() }).len() <= MAX_REQUEST
}
