//! From the settings to a panel's list.

use std::io::{BufReader, ErrorKind};
use std::path::Path;

use super::dump::Dump;
use super::list::PanelList;
use super::postfix::{self, Maps};
use super::settings::{Engine, PanelKind, SyncSettings};
use super::tables::{SourceTrouble, Tables};
use super::{alternc, csv, mailcow, mapping, modoboa, postfixadmin};
use crate::store::{open_regular, read_regular};

/// Reads the panel.
///
/// # Errors
/// Nothing of it is known then.
pub fn read(kind: PanelKind, settings: &SyncSettings) -> Result<PanelList, SourceTrouble> {
    let mut list = match (kind, &settings.file) {
        (PanelKind::Csv, Some(file)) => csv::read(&mut BufReader::new(open_regular(file).map_err(SourceTrouble::of_file)?))?,
        (PanelKind::Csv, None) => return Err(SourceTrouble::Unread),
        (PanelKind::Postfix, _) => postfix::read(&maps(settings)?),
        (_, Some(file)) => tables(kind, settings, &mut Dump::open(file)?)?,
        (_, None) => live(kind, settings)?,
    };
    if let Some(map) = &settings.map {
        mapping::regroup(&mut list, &text(map)?);
    }
    list.finish();
    Ok(list)
}

fn tables(kind: PanelKind, settings: &SyncSettings, tables: &mut dyn Tables) -> Result<PanelList, SourceTrouble> {
    match kind {
        PanelKind::Alternc => alternc::read(tables),
        PanelKind::Mailcow => mailcow::read(tables),
        PanelKind::Modoboa => modoboa::read(tables),
        PanelKind::Postfixadmin => postfixadmin::read(tables, settings.multiplier()),
        // Neither has tables.
        PanelKind::Csv | PanelKind::Postfix => Err(SourceTrouble::Unread),
    }
}

#[cfg(feature = "sql")]
fn live(kind: PanelKind, settings: &SyncSettings) -> Result<PanelList, SourceTrouble> {
    use super::sql::{Mariadb, Postgres};
    let database = settings.database(kind.word()).map_err(SourceTrouble::of_file)?;
    match settings.engine() {
        Engine::Mariadb => tables(kind, settings, &mut Mariadb::open(&database)?),
        Engine::Postgresql => tables(kind, settings, &mut Postgres::open(&database)?),
    }
}

#[cfg(not(feature = "sql"))]
fn live(_: PanelKind, _: &SyncSettings) -> Result<PanelList, SourceTrouble> {
    Err(SourceTrouble::NotBuilt)
}

fn maps(settings: &SyncSettings) -> Result<Maps, SourceTrouble> {
    let given = |file: &Option<std::path::PathBuf>| file.as_deref().map(text).transpose();
    let maps = Maps {
        domains: given(&settings.domains_file)?.unwrap_or_default(),
        aliases: given(&settings.aliases_file)?.unwrap_or_default(),
        mailboxes: given(&settings.mailboxes_file)?,
    };
    // Without either, an empty panel would be read.
    if settings.domains_file.is_none() && settings.aliases_file.is_none() { Err(SourceTrouble::Unread) } else { Ok(maps) }
}

fn text(file: &Path) -> Result<String, SourceTrouble> {
    read_regular(file).map_err(|error| {
        if error.kind() == ErrorKind::InvalidData { SourceTrouble::NotUtf8 } else { SourceTrouble::of_file(error) }
    })
}
