//! `nologd store`: the state folder, while no daemon runs. The folder's lock keeps both apart.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::arguments::{Output, Store};
use super::{REFUSED, complain, load, refuse, say};
use crate::config::store_folder;
use crate::quota::{self, Findings};
use crate::sandbox::{NoUser, become_user};
use crate::store::{self, Embedded, StoreError};

/// Carries out a command on the state folder.
pub fn store(command: Store) -> ExitCode {
    let done = match command {
        Store::Check { config, output } => check(&config, output),
        Store::Export { config, damaged } => export(&config, damaged),
        Store::Import { file, config, output } => import(&file, &config, output),
    };
    if done.is_some() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

fn check(config: &Path, output: Output) -> Option<()> {
    let opened = told(open(config, false, false)?, output)?;
    let found = told(store::check(&opened).and_then(|_| quota::check(&opened)), output)?;
    let well = found.is_well();
    if output.json {
        say(&format!(
            "{:#}",
            json!({
                "well": well, "associations": found.associations, "mailboxes": found.mailboxes, "aliases": found.aliases,
                "unreadable": found.unreadable, "orphans": found.orphans, "contradictions": found.contradictions,
            })
        ));
    } else {
        let (associations, mailboxes, aliases) = (found.associations, found.mailboxes, found.aliases);
        let verdict = if well { "all is well" } else { "NOT all is well" };
        say(&format!("associations {associations}, mailboxes {mailboxes}, aliases {aliases}: {verdict}"));
        for (number, what) in [
            (found.unreadable, "records cannot be read. Import the last export into an empty folder."),
            (found.orphans, "mailboxes, aliases or levels belong to no association. They do no harm."),
            (found.contradictions, "associations contradict themselves or claim the same domain. Set them anew."),
        ] {
            if number > 0 {
                say(&format!("{number} {what}"));
            }
        }
    }
    well.then_some(())
}

fn export(config: &Path, damaged: bool) -> Option<()> {
    let output = Output { json: false };
    let opened = told(open(config, damaged, false)?, output)?;
    let document = told(store::export(&opened), output)?;
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

fn import(file: &Path, config: &Path, output: Output) -> Option<()> {
    // Before the rights of root are given up.
    let document = match read(file) {
        Ok(document) => document,
        Err(error) => {
            refuse(output, &format!("{}: {error}", file.display()));
            return None;
        }
    };
    let opened = told(open(config, false, true)?, output)?;
    match store::import(&opened, &document) {
        Err(StoreError::Damaged) => {
            refuse(output, &format!("{}: is no export of a nologd store", file.display()));
            return None;
        }
        Err(StoreError::Conflict) => {
            refuse(output, "the store is not empty. Move its folder away first: an import never mixes");
            return None;
        }
        imported => drop(told(imported, output)?),
    }
    let found = told(quota::check(&opened), output)?;
    let Findings { associations, mailboxes, aliases, .. } = found;
    say(&match output.json {
        true => format!("{:#}", json!({ "associations": associations, "mailboxes": mailboxes, "aliases": aliases })),
        false => format!("imported: associations {associations}, mailboxes {mailboxes}, aliases {aliases}"),
    });
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

/// Opens the store of the config file as the user that the daemon is: files made by root would keep it from starting.
fn open(config: &Path, damaged: bool, make: bool) -> Option<Result<Embedded, StoreError>> {
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
    // A look must not make what it looks for.
    if !make && !folder.is_dir() {
        complain(&format!("{}: there is no store yet: the daemon makes it at its first start", folder.display()));
        return None;
    }
    Some(if damaged { Embedded::open_as_it_is(&folder) } else { Embedded::open(&folder) })
}

fn told<T>(result: Result<T, StoreError>, output: Output) -> Option<T> {
    let text = match result {
        Ok(value) => return Some(value),
        Err(StoreError::InUse) => "the daemon runs on this state folder. Stop it first".into(),
        Err(StoreError::Damaged) => {
            "the store is damaged. Save what can be read with `nologd store export --damaged`, move the folder away, and import \
             that or the last export"
                .into()
        }
        Err(StoreError::Newer(version)) => format!("a newer nologd wrote this store, in version {version} of its format"),
        Err(StoreError::Io(kind)) => format!("the state folder cannot be used: {kind}"),
        Err(_) => "the store could not do it. Look at its disk".into(),
    };
    refuse(output, &text);
    None
}
