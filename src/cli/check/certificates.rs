//! The certificates: whether each is there and whole, who may read it, and until when mail programs take it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::finding::Faults;
use super::rights::Mends;
use super::starter::Starter;
use super::unit::Unit;
use crate::config::{self, Config, TlsFiles};
use crate::net::certificate_folder::{Broken, CHAIN, Good, KEY, folders, read};
use crate::serve::clock::now;
use crate::store::open_regular;

/// Looks at all that `[tls]` names.
pub(super) fn certificates(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    let Some(files) = &config.tls else { return };
    let folder = &files.certificates;
    if let Some(line) = unit.hides(folder).filter(|_| starter.by_unit) {
        found.wrong(format!("{}: {}", folder.display(), line.text(folder)));
    }
    if let Err(error) = fs::read_dir(folder) {
        let why = match error.kind() {
            ErrorKind::NotFound => "there is no such folder".to_owned(),
            ErrorKind::NotADirectory => "is no folder".to_owned(),
            _ => error.to_string(),
        };
        found.wrong(format!(
            "{}: {why}. [tls] certificates has to name the folder with a folder for each certificate: NAME/{CHAIN} and NAME/{KEY}",
            folder.display()
        ));
        return;
    }
    let names = folders(folder);
    if !names.iter().any(|name| **name == *files.default) {
        let others = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        found.wrong(format!(
            "{}: there is no such folder. [tls] default has to be the name of one in {}: there is {others}",
            folder.join(&files.default).display(),
            folder.display()
        ));
    }
    let mut usable = false;
    for name in &names {
        usable |= one(&folder.join(&**name), name, files, found) && **name == *files.default;
    }
    rights(folder, &names, starter, found);
    // What is left: the example's key where others can reach it.
    if let Some(Err(trouble)) = usable.then(|| config::certificates(config)) {
        found.wrong(trouble.to_string());
    }
}

/// Whether the certificate in `folder` can be used by whoever starts nologd.
fn one(folder: &Path, name: &str, files: &TlsFiles, found: &mut Faults) -> bool {
    let effect = if *name == *files.default {
        "Without the default one, nologd does not start"
    } else {
        "Who asks for its names is shown the default one"
    };
    let good = match read(folder) {
        Ok(good) => good,
        Err(Broken::Unreadable | Broken::Gone) => {
            let files = [CHAIN, KEY].map(|file| folder.join(file));
            let unopened: Vec<_> = files.iter().filter_map(|file| Some((file, open_regular(file).err()?))).collect();
            for (file, error) in &unopened {
                found.wrong(format!("{}: {}. {effect}", file.display(), self::unopened(file, error)));
            }
            if unopened.is_empty() {
                found.wrong(format!("{}: a file is too long to be a certificate or a key. {effect}", folder.display()));
            }
            return false;
        }
        Err(broken) => {
            found.wrong(format!("{}: {}. {effect}", folder.display(), broken.text()));
            return false;
        }
    };
    dates(folder, name, &good, found);
    true
}

pub(super) fn unopened(file: &Path, error: &std::io::Error) -> String {
    match (error.kind(), fs::symlink_metadata(file)) {
        (ErrorKind::NotFound, Ok(_)) => "is a link to a file that is not there".to_owned(),
        (ErrorKind::NotFound, Err(_)) => "there is no such file".to_owned(),
        (ErrorKind::PermissionDenied, _) => "may not be read by who runs this check".to_owned(),
        _ => error.to_string(),
    }
}

fn dates(folder: &Path, name: &str, good: &Good, found: &mut Faults) {
    let (now, file) = (now().as_secs(), folder.join(CHAIN));
    let Some(validity) = good.validity else {
        found.note(format!("certificate {name}: its dates cannot be read"));
        return;
    };
    let days = validity.days(now);
    match (validity.holds(now), days) {
        (false, 0..) => {
            found.wrong(format!("{}: is not valid yet. Mail programs refuse it: is the clock right?", file.display()))
        }
        (false, _) => found.wrong(format!(
            "{}: is not valid since {} ago. Mail programs refuse it: renew it (`certbot renew`), and see why that was not done",
            file.display(),
            counted(days.unsigned_abs())
        )),
        (true, _) if validity.is_short(now) => found.note(format!(
            "certificate {name}: {} left. It should have been renewed by now: {}",
            counted(days.unsigned_abs()),
            file.display()
        )),
        (true, _) => found.note(format!("certificate {name}: {} left", counted(days.unsigned_abs()))),
    }
}

pub(super) fn counted(days: u64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

/// As root, nologd reads its certificates at the start; renewed ones it reads as the user that it has become.
fn rights(folder: &Path, names: &[Box<str>], starter: &Starter, found: &mut Faults) {
    let Some(user) = starter.becomes() else { return };
    let mut mends = Mends::of(starter, user);
    let files = names.iter().flat_map(|name| [CHAIN, KEY].map(|file| folder.join(&**name).join(file)));
    // Which there are is read in the folder itself.
    for file in std::iter::once(folder.to_owned()).chain(files) {
        if let Some(mend) = mends.of_file(&file) {
            // It gives a new file the owner, the group and the mode of the last.
            let renewed = if mend.is_by_list() && !file.is_dir() {
                "certbot keeps no access list of a file when it renews: run it in a deploy hook too"
            } else {
                "certbot keeps rights when it renews"
            };
            found.wrong(format!(
                "{}: user {user} may not read it. Started as root, nologd works until the certificate is renewed; started by systemd, not \
                 at all: {mend} ({renewed})",
                file.display()
            ));
        }
    }
}
