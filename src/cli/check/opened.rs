//! The other files that the config names and nologd opens: whether the user that it stays may read them. This check, run by root, may read all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::finding::Faults;
use super::rights::Mends;
use super::starter::Starter;
use super::unit::Unit;
use crate::config::{Config, StartTrouble};
use crate::net::tls::Clients;
use crate::policy::FILES;

/// When it is opened, where root starts nologd.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenedBy {
    /// Before it becomes its user, and not again.
    Root,
    /// The same, and by that user at each reload.
    RootThenUser,
    /// By that user.
    User,
}

/// What a key of the config names: a file, or a folder and what is in it.
struct NamedFiles {
    key: &'static str,
    paths: Vec<PathBuf>,
    by: OpenedBy,
}

/// Looks at each.
pub(super) fn opened(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    config.listens.iter().filter_map(|listen| listen.clients.as_deref()).for_each(|file| clients(file, found));
    let Some(user) = starter.becomes() else { return };
    let from_the_start = starter.by_unit && unit.user.is_some();
    let by = |by| if from_the_start { OpenedBy::User } else { by };
    let mut all = named(config);
    // Of what one closed folder keeps away, the worst is told.
    all.sort_by_key(|named| by(named.by) != OpenedBy::User);
    let mut mends = Mends::of(starter, user);
    for NamedFiles { key, paths, by: opened_by } in all {
        // One that is not there was told; whose rights are not known here is told for all files at once.
        let Some((path, mend)) = paths.iter().find_map(|path| Some((path, mends.of_file(path)?))) else { continue };
        let shown = path.display();
        match by(opened_by) {
            OpenedBy::User => {
                found.wrong(format!("{shown} ({key}): user {user} may not read it, and nologd does not start: {mend}"));
            }
            OpenedBy::Root => found.note(format!(
                "{shown} ({key}): user {user} may not read it. Started as root, nologd reads it before it becomes that user; started by systemd, it \
                 does not start: {mend}"
            )),
            OpenedBy::RootThenUser => found.note(format!(
                "{shown} ({key}): user {user} may not read it. Started as root, nologd reads it once and at no reload; started by systemd, it does \
                 not start: {mend}"
            )),
        }
    }
}

/// Whether it names authorities.
fn clients(file: &Path, found: &mut Faults) {
    match Clients::load(file) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            found.note(format!("not tried: {} (client_authorities). Run this check as root", file.display()));
        }
        Err(error) => found.wrong(StartTrouble::Clients(file.to_owned(), error).to_string()),
    }
}

fn named(config: &Config) -> Vec<NamedFiles> {
    let file = |key, path: &PathBuf, by| NamedFiles { key, paths: vec![path.clone()], by };
    let mut all = Vec::new();
    all.extend(config.authorities.iter().map(|path| file("[tls] backend_authorities", path, OpenedBy::User)));
    let clients = config.listens.iter().filter_map(|listen| listen.clients.as_ref());
    all.extend(clients.map(|path| file("client_authorities", path, OpenedBy::Root)));
    if let Some(share) = &config.share {
        let files =
            [("[share] authority", &share.authority), ("[share] certificate", &share.certificate), ("[share] key", &share.key)];
        all.extend(files.map(|(key, path)| file(key, path, OpenedBy::Root)));
    }
    if let Some(folder) = &config.policy_folder {
        let inside = FILES.iter().map(|(name, _)| folder.join(name)).filter(|inside| inside.exists());
        let paths = [folder.clone()].into_iter().chain(inside).collect();
        all.push(NamedFiles { key: "[policy] directory", paths, by: OpenedBy::RootThenUser });
    }
    all
}
