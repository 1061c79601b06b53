//! `nologd store`: the state folder. Looking is possible while a daemon runs; to change anything, the folder's lock is needed.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::StoreCommand;
use super::daemon_options::OutputOptions;
use super::{REFUSED, complain, load, refuse, say};
use crate::config::store_folder;
use crate::quota::{self, Defect, Findings, SCHEMA};
use crate::sandbox::{NoUser, become_user};
use crate::store::{self, Embedded, MemoryStore, Repaired, StoreError};
use crate::terminal::Progress;

/// Carries out a command on the state folder.
pub fn store(command: StoreCommand) -> ExitCode {
    let done = match command {
        StoreCommand::Check { config, output } => check(&config, output),
        StoreCommand::Export { config, damaged } => export(&config, damaged),
        StoreCommand::Import { file, config, output } => import(&file, &config, output),
        StoreCommand::Repair { config, partial, output } => repair(&config, partial, output),
    };
    if done.is_some() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

fn check(config: &Path, output: OutputOptions) -> Option<()> {
    let opened = told(look(&folder(config, false)?), output)?;
    let found = told(store::check(&*opened).and_then(|_| quota::check(&*opened)), output)?;
    let well = found.is_well();
    if output.json {
        let mut told =
            json!({ "well": well, "associations": found.associations, "mailboxes": found.mailboxes, "aliases": found.aliases });
        told["damaged-usage"] = found.lost.into();
        for (kind, word, _) in KINDS {
            told[word] = found.count(kind).into();
            told["wrong"][word] = named(&found, kind).collect::<Vec<_>>().into();
        }
        say(&format!("{told:#}"));
    } else {
        let (associations, mailboxes, aliases) = (found.associations, found.mailboxes, found.aliases);
        let verdict = if well { "all is well" } else { "NOT all is well" };
        say(&format!("associations {associations}, mailboxes {mailboxes}, aliases {aliases}: {verdict}"));
        wrong(&found).iter().for_each(|line| say(line));
    }
    well.then_some(())
}

/// What can be wrong: its key in JSON, and what to do.
const KINDS: [(Defect, &str, &str); 3] = [
    (Defect::Unreadable, "unreadable", "cannot be read"),
    (Defect::Orphan, "orphans", "belongs to no association; it does no harm"),
    (Defect::Contradiction, "contradictions", "contradicts itself, or claims a domain that another one has"),
];

fn named(found: &Findings, kind: Defect) -> impl Iterator<Item = Value> {
    found.wrong.iter().filter(move |(wrong, _)| *wrong == kind).map(|(_, key)| json!(key.reveal()))
}

/// Each record that is wrong, in a line.
fn wrong(found: &Findings) -> Vec<String> {
    let lines = KINDS.iter().flat_map(|(kind, _, text)| named(found, *kind).map(move |key| format!("{key} {text}.")));
    let lost = (found.lost > 0)
        .then(|| format!("{} lines of usage are damaged. The mail server knows the numbers: they are counted anew.", found.lost));
    lines.chain(lost).collect()
}

/// The files; where a daemon has them, what they are at this moment.
fn look(folder: &Path) -> Result<Box<dyn store::Store>, StoreError> {
    match Embedded::open(folder) {
        Ok(files) => Ok(Box::new(files)),
        // A disk that takes nothing can be read too.
        Err(StoreError::InUse | StoreError::Io(_)) => Ok(Box::new(store::snapshot(folder)?)),
        Err(error) => Err(error),
    }
}

fn export(config: &Path, damaged: bool) -> Option<()> {
    let output = OutputOptions { json: false };
    let folder = folder(config, false)?;
    let opened = if damaged { Embedded::open_as_it_is(&folder).map(|files| Box::new(files) as _) } else { look(&folder) };
    let document = told(opened.and_then(|opened| store::export(&*opened)), output)?;
    let mut out = std::io::stdout().lock();
    match out.write_all(document.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Ok(()) => Some(()),
        // Half an export must not be taken for one.
        Err(error) => {
            complain(&format!("the export could not be written: {error}"));
            None
        }
    }
}

fn import(file: &Path, config: &Path, output: OutputOptions) -> Option<()> {
    // Before the rights of root are given up.
    let document = match read(file) {
        Ok(document) => document,
        Err(error) => {
            refuse(output, &format!("{}: {error}", file.display()));
            return None;
        }
    };
    let folder = folder(config, true)?;
    let mut progress = Progress::new();
    progress.begin("looking at the export");
    let tried = tried(&document);
    progress.clear();
    let found = match tried {
        Ok(found) => found,
        Err(StoreError::Damaged) => {
            refuse(output, &format!("{}: is no export of a nologd store", file.display()));
            return None;
        }
        Err(error) => return told(Err(error), output),
    };
    if !found.is_well() {
        refuse(output, &format!("{}: nothing was imported.\n{}", file.display(), wrong(&found).join("\n")));
        return None;
    }
    progress.begin(&format!("writing {} mailboxes of {} associations", found.mailboxes, found.associations));
    let opened = Embedded::open(&folder).inspect_err(|_| progress.clear());
    let opened = told(opened, output)?;
    let imported = store::import(&opened, &document);
    progress.clear();
    if matches!(imported, Err(StoreError::Conflict)) {
        refuse(output, "the store is not empty. Move its folder away first: an import never mixes");
        return None;
    }
    // As the daemon would at its start, so that what was written is looked at as well.
    let found = told(store::settle(&opened, SCHEMA).and_then(|()| quota::check(&opened)), output)?;
    let Findings { associations, mailboxes, aliases, .. } = found;
    say(&match output.json {
        true => format!("{:#}", json!({ "associations": associations, "mailboxes": mailboxes, "aliases": aliases })),
        false => format!("imported: associations {associations}, mailboxes {mailboxes}, aliases {aliases}"),
    });
    found.is_well().then_some(())
}

/// What `store check` would say about it.
fn tried(document: &str) -> Result<Findings, StoreError> {
    let trial = MemoryStore::new();
    store::import(&trial, document)?;
    store::settle(&trial, SCHEMA)?;
    quota::check(&trial)
}

fn repair(config: &Path, partial: bool, output: OutputOptions) -> Option<()> {
    let folder = folder(config, false)?;
    let mut progress = Progress::new();
    progress.begin("reading the store, and what lies beside it");
    let repaired = store::repair(&folder, partial);
    progress.clear();
    let repaired = match repaired {
        Err(StoreError::Damaged) if partial => {
            refuse(output, "nothing can be read any more. Move the folder `store` of state_dir away and import the last export");
            return None;
        }
        repaired => told(repaired, output)?,
    };
    let (word, records, text) = match repaired {
        Repaired::Well => ("well", 0, "the files are good: nothing was to be done".to_owned()),
        Repaired::Whole(records) => ("repaired", records, format!("repaired: {records} records, and nothing is lost")),
        Repaired::Partly(records) => {
            ("partly", records, format!("{records} records could be read, others are lost. Compare with the last export"))
        }
    };
    say(&if output.json { format!("{:#}", json!({ "repaired": word, "records": records })) } else { text });
    Some(())
}

fn read(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

/// The folder of the config file's store, as the user that the daemon is: files made by root would keep it from starting.
fn folder(config: &Path, make: bool) -> Option<PathBuf> {
    let config = load(config)?;
    match become_user(config.user.as_deref()) {
        // Without a user in the config, root is the only one who starts it.
        Ok(()) | Err(NoUser::Missing) => {}
        Err(NoUser::Unknown | NoUser::Refused) => {
            complain("the user of the config does not exist on this machine, or we may not become it");
            return None;
        }
    }
    let folder = store_folder(&config);
    // A look must not make what it looks for; and who may not look does not know that nothing is there.
    let why = match folder.metadata() {
        _ if make => return Some(folder),
        Ok(found) if found.is_dir() => return Some(folder),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => "you may not look into it. Run this as root",
        Ok(_) | Err(_) => "there is no store yet: the daemon makes it at its first start",
    };
    complain(&format!("{}: {why}", folder.display()));
    None
}

fn told<T>(result: Result<T, StoreError>, output: OutputOptions) -> Option<T> {
    let text = match result {
        Ok(value) => return Some(value),
        Err(StoreError::InUse) => "the daemon runs on this state folder. Stop it first".into(),
        Err(StoreError::Damaged) => {
            "the store is damaged. `nologd store repair` takes the copy beside it; with --partial, what can still be read".into()
        }
        Err(StoreError::Newer(version)) => {
            format!("this was written by a newer nologd (schema {version}); install that version again")
        }
        Err(StoreError::Io(kind)) => format!("the state folder cannot be used: {kind}"),
        Err(_) => "the store could not do it. Look at its disk".into(),
    };
    refuse(output, &text);
    None
}
